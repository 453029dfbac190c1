"""Any table of points is read as it stands, or refused by one line that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cohobate.core.errors import LedgerError, MissingExtra, ProblemError
from cohobate.core.problem import AtMost, Choice, Constant, Integer, Output, Problem, Real, Structured
from cohobate.core.protocols import Known, inputs_of
from cohobate.propose.given import Given, points
from cohobate.propose.sources import LAYOUTS
from fuzz.oracle import ended, one_line
from fuzz.seeds import CONTENTS, NAMES, NUMBERS, STRANGE

SPACE = Problem({"x": Real(-1e6, 1e6)}, (Output("f", "minimize"),))
WIDE = Problem(
    {
        "x": Real(-1e6, 1e6),
        "n": Integer(-100, 100),
        "c": Choice(["a", 1, True, None, (1, 2)]),
        "k": Constant("k"),
        "s": Structured("s", encode=str, decode=str),
    },
    (Output("f", "minimize"), Output("g", AtMost(1.0), shape=(2,)), Output("r")),
)
ERRORS = (ProblemError, LedgerError, MissingExtra)
SUFFIXES = tuple(LAYOUTS)

words = st.sampled_from([*NAMES, *NUMBERS, "x", "f", "x", "f", "1", "0.5", "-2", "x,f", '"', "{", "}", '{"x": 1}'])
cells = words | st.text(max_size=6)
separators = st.sampled_from([",", ",", " ", "\n", "\n", "\r\n", "\r", '"', ":", "[", "]"])
texts = st.lists(cells | separators, max_size=30).map("".join)
tables = st.lists(
    st.sampled_from(["1,2", "0.5,", ",", "1,2,3", "nan,1", "1,nan", "1,inf", "1e400,1", "²,1"]), max_size=8
)
contents = (
    texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | tables.map(lambda rows: "\n".join(["x,f", *rows]).encode())
    | st.binary(max_size=200)
)


def judged(source: object, space: Problem = SPACE) -> Given | str:
    """The points of a source, or why there are none, both as they should be."""
    made = ended(lambda: points(space, source), errors=ERRORS)
    if isinstance(made, str):
        assert one_line(made)
        assert len(made) < len(str(source)) + 1000
        return made
    rows = made.suggest(10**6)
    assert isinstance(rows, list)
    assert len(rows) == len(made) > 0
    for row in rows:
        assert space.check(inputs_of(row)) is None
        assert not isinstance(row, Known) or row.outputs.keys() == set(space.output_names)
    assert made.describe()["with_values"] == sum(isinstance(row, Known) for row in rows)
    return made


@settings(max_examples=200)
@given(st.sampled_from(SUFFIXES), contents)
@example(".csv", b"x,f\r1,2\r")
@example(".csv", b"x,f\n\xff,1\n")
@example(".csv", b"\xef\xbb\xbfx,f\n1,2\n")
@example(".csv", b'x,f\n1,"2\n')
@example(".csv", b"x,f\n1,[0]\n")
@example(".csv", b"x,f\n1," + b"[" * 200_000)
@example(".csv", b"x,f\n1," + b"9" * 6000)
@example(".jsonl", b'{"x": 1, "f": ' + b"9" * 6000 + b"}")
@example(".jsonl", b'{"x": 1e999}')
@example(".jsonl", b'{"x": {"x": 1}, "f": {}}')
@example(".jsonl", b'{"x": 1, "f": [1, [2]]}')
@example(".jsonl", b'{"\\ud800": 1, "x": 1, "f": "\\ud800"}')
def test_any_content(tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes):
    path = tmp_path_factory.getbasetemp() / f"points{suffix}"
    path.write_bytes(content)
    said = judged(path)
    assert isinstance(said, Given) or str(path) in said


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", CONTENTS)
def test_known_bad_content(tmp_path: Path, suffix: str, content: str):
    path = tmp_path / f"points{suffix}"
    path.write_bytes(CONTENTS[content])
    assert isinstance(judged(path), str)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("make", STRANGE[:-1], ids=lambda make: make.__name__)
def test_what_is_no_file(tmp_path: Path, suffix: str, make: Callable[[Path], None]):
    path = tmp_path / f"p{suffix}"
    make(path)
    said = judged(path)
    assert isinstance(said, str)
    assert str(path) in said


@given(st.sampled_from(NAMES), st.sampled_from(["", *SUFFIXES]))
def test_any_name_of_a_file(name: str, suffix: str):
    assert isinstance(judged(f"/nowhere/{name}{suffix}"), str)


anything: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
likely = st.fixed_dictionaries(
    {
        "x": st.floats(-9, 9) | anything,
        "n": st.integers(-9, 9) | st.just(3.0) | anything,
        "c": st.sampled_from(["a", 1, True, None, (1, 2), 1.0]) | anything,
        "s": st.text(max_size=3) | anything,
    },
    optional={
        "k": st.just("k") | anything,
        "f": st.floats() | anything,
        "g": st.just([1, 2]) | anything,
        "r": anything,
    },
)


@settings(max_examples=200)
@given(st.lists(likely, min_size=1, max_size=4) | anything | st.lists(anything, max_size=4))
@example([{"x": 1.0, "n": 1, "c": "a", "s": "t", "f": 1.0, "g": [1, 2], "r": {"a": {1}}}])
@example([{"x": 10**400, "n": 1, "c": "a", "s": "t"}])
def test_any_list(rows: object):
    judged(rows, WIDE)
