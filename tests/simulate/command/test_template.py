"""Templates take what belongs there, exactly, and nothing else."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import Rejected, UserError
from cohobate.simulate.command.sources import sources_of
from cohobate.simulate.command.template import format_of

NASTY = [
    "\n",
    "\r",
    "\0",
    ";",
    "$",
    "`",
    '"',
    "'",
    "&",
    "#",
    " ",
    "\t",
    "\u2028",
    "\\",
    "|",
    ">",
    "<",
    "(",
    "{",
    "*?",
    "!",
]


@pytest.mark.parametrize(
    ("text", "params", "wanted"),
    [
        ("{x}", {"x": 0.1}, "0.1"),
        ("{x:.12g}", {"x": 1 / 3}, "0.333333333333"),
        ("{x:08.3f}|{n:>4d}", {"x": -1.5, "n": 7}, "-001.500|   7"),
        ("{Ar.epsilon} {Ar.deep.x}", {"Ar": {"epsilon": 1, "deep": {"x": 2}}}, "1 2"),
        ("{Ar.epsilon}", {"Ar.epsilon": 3}, "3"),
        ("{{{x}}} }}{{", {"x": 1}, "{1} }{"),
        ("variable e equal ${x}*{x}", {"x": 2}, "variable e equal ${x}*2"),
        ("{x} {n}", {"x": np.float64(0.25), "n": np.int64(4)}, "0.25 4"),
        ("{cell:.1f}", {"cell": np.array([1.0, 2.5])}, "1.0 2.5"),
        ("{name}", {"name": "Ar-2_b.data"}, "Ar-2_b.data"),
        ("no places", {}, "no places"),
        ("", {}, ""),
    ],
)
def test_what_is_filled_in(text, params, wanted):
    assert co.Template(text, "lammps").render(params) == wanted


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(-0.0)
def test_floats_lose_nothing(x):
    text = co.Template("{x}").render({"x": x})
    assert math.copysign(1, float(text)) == math.copysign(1, x)
    assert float(text) == x


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, np.float64("nan"), True, None, {"a": 1}, 1j, [1, math.nan]]
)
@pytest.mark.parametrize("form", ["lammps", "shell", "xyz", "plain", "word"])
def test_what_is_no_number_or_text_is_refused(value, form):
    with pytest.raises(Rejected, match=r"in\.f, line 2: \{x\}: expected a .*number"):
        co.Template("first\n{x}", form, "in.f").render({"x": value})


@given(st.text(), st.sampled_from(NASTY), st.text(), st.sampled_from(["lammps", "shell", "xyz", "word"]))
def test_no_text_can_smuggle_anything_into_a_word(before, nasty, after, form):
    if form == "lammps" and nasty == "*?":
        nasty = "?"
    with pytest.raises(Rejected):
        co.Template("a {x} b", form).render({"x": before + nasty + after})


@given(st.text())
def test_text_in_a_word_stays_one_word_of_one_line(text):
    for form in ("lammps", "shell", "xyz", "word"):
        try:
            found = co.Template("a {x} b", form).render({"x": text})
        except Rejected:
            continue
        assert found.split() == ["a", text, "b"]
        assert len(found.splitlines()) == 1


@given(st.text())
def test_plain_text_stays_in_its_line(text):
    try:
        found = co.Template("a\n{x}\nb", "plain").render({"x": text})
    except Rejected:
        assert not text.isprintable()
    else:
        assert found.splitlines() == (["a", text, "b"] if text else ["a", "", "b"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
@example('", "y": 1, "z": "')
def test_json_holds_what_it_was_given(value):
    template = co.Template('{{"x": {x}, "n": 1}}', "json")
    assert json.loads(template.render({"x": value})) == {"x": value, "n": 1}


def test_a_place_in_quotes_of_json_is_refused():
    with pytest.raises(UserError, match=r"o\.json, line 1: \{x\} stands in quotes; JSON text brings its own"):
        co.Template('{{"x": "{x}"}}', "json", "o.json")


def test_json_that_is_none_is_refused():
    with pytest.raises(UserError, match=r"o\.json: expected JSON, but .*; literal braces are"):
        co.Template('{{"x": {x}', "json", "o.json").render({"x": 1})


def test_numbers_of_other_kinds_are_written_as_numbers():
    class Loud(float):
        def __repr__(self) -> str:
            return "1; shell rm"

        def __format__(self, spec: str) -> str:
            return "1; shell rm"

    assert co.Template("{x} {x:.1f}").render({"x": Loud(2.5)}) == "2.5 2.5"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\nb {x.__class__.__name__!r}", "line 2: expected a parameter in braces, such as"),
        ("{x[0]}", "line 1: expected a parameter in braces"),
        ("{}", "expected a parameter in braces"),
        ("{0}", "expected a parameter in braces"),
        ("a { b", r"a brace itself is \{\{ or \}\}"),
        ("a } b", r"a brace itself is \{\{ or \}\}"),
        ("{x\n}", "expected a parameter in braces"),
        ("{x:{y}}", "expected a parameter in braces"),
        ("{x:9999999}", r"\{x\}: expected a format such as .12g"),
        ("{x:%}", r"\{x\}: expected a format such as"),
        ("{é}", "expected a parameter in braces"),
    ],
)
def test_what_is_no_place_is_refused_with_its_line(text, told):
    with pytest.raises(UserError, match=told):
        co.Template(text)


def test_dunder_names_are_parameters_and_no_attributes():
    with pytest.raises(UserError, match=r"\{x.__class__\}: no such parameter"):
        co.Template("{x.__class__}").render({"x": 1})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pair_coeff\n1 {epsilom}", r"in\.lammps, line 2: \{epsilom\}: no such parameter; did you mean 'epsilon'\?"),
        ("{Ar.sigmo}", r"line 1: \{Ar.sigmo\}: no such parameter; did you mean 'Ar.sigma'\?"),
        ("{zzz}", r"no such parameter; there are \['epsilon', 'Ar.sigma'\]"),
        ("{Ar}", r"\{Ar\}: expected a number or text"),
    ],
)
def test_missing_parameters_are_named_with_what_may_be_meant(text, told):
    template = co.Template(text, file="in.lammps")
    with pytest.raises((UserError, Rejected), match=told):
        template.render({"epsilon": 1.0, "Ar": {"sigma": 2.0}})


def test_a_value_that_does_not_fit_its_format_is_refused():
    with pytest.raises(Rejected, match=r"\{x\}: 'Ar' cannot be written so"):
        co.Template("{x:.3f}").render({"x": "Ar"})
    with pytest.raises(Rejected, match=r"\{x\}: 1.5 cannot be written so"):
        co.Template("{x:d}").render({"x": 1.5})


@pytest.mark.parametrize(
    ("file", "form"),
    [("in.lammps", "lammps"), ("a/in.melt", "lammps"), ("x.lmp", "lammps"), ("run.sh", "shell"), ("o.json", "json"),
     ("a.xyz", "xyz"), ("a.txt", "plain"), ("model.py", "word"), ("control", "word")],
)  # fmt: skip
def test_the_name_of_a_file_tells_its_format(file, form):
    assert format_of(file) == form
    assert sources_of({file: "text\n"})[file].format == form


def test_an_unknown_format_is_refused():
    with pytest.raises(UserError, match="no format 'lamps'; did you mean 'lammps'"):
        co.Template("", "lamps")


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", ".", "a//b", "./a", "a\0b", "a\nb", 3, "stdout"])
def test_names_that_lead_out_of_the_directory_are_refused(name):
    with pytest.raises(UserError):
        sources_of({name: "text\n"})


def test_a_path_is_a_template_read_at_once(tmp_path: Path):
    file = tmp_path / "deck"
    file.write_text("x = {x}\n")
    template = sources_of({"in.a": file})["in.a"]
    file.write_text("changed")
    assert template.render({"x": 1}) == "x = 1\n"


def test_the_name_of_a_file_given_as_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("deck").write_text("x = {x}\n")
    with pytest.raises(UserError, match=r"is text here, but also a file: say Path\('deck'\)"):
        sources_of({"in.a": "deck"})


def test_what_is_no_template_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"in\.a: the template .* cannot be read"):
        sources_of({"in.a": tmp_path / "missing"})
    with pytest.raises(UserError, match=r"in\.a: expected text, a Path, .* got the int 3"):
        sources_of({"in.a": 3})


def test_a_copy_must_be_there_and_stay_as_it_was(tmp_path: Path):
    with pytest.raises(UserError, match=r"expected a file, but .* cannot be read: No such file"):
        co.Copy(tmp_path / "missing")
    data = tmp_path / "data"
    data.write_bytes(b"\0{x}")
    copy = co.Copy(data)
    copy.write(tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"\0{x}"
    data.write_bytes(b"other")
    with pytest.raises(UserError, match="was changed since it was named"):
        copy.write(tmp_path / "target")
