"""``cohobate check`` tries a fit before anything is spent, and stops at the first thing that does not work."""

from __future__ import annotations

import sys

import pytest

from cli.fits import MODEL, energy, write

READ = 'read = { file = "out", regex = "E = (.*)" }'


def test_it_shows_what_goes_in_and_what_comes_out(here, cohobate_here):
    write(here, {READ: 'read = { file = "out", regex = "E = (.*)", unit = "eV" }'})
    called = cohobate_here("check")
    assert (called.code, called.err) == (0, "")
    lines = [line.split() for line in called.out.splitlines()]
    assert "term E(a=4.9)" in called.out
    assert "python model.py" in called.out.replace("python3", "python")
    assert ["|", "4.9", "0.02", "3.0"] in lines
    value, target = energy(4.9, 0.02, 3.0), energy(4.9, 0.01, 3.4)
    shown = next(line for line in lines if line[:1] == ["value"])
    assert shown[2] == "eV"
    assert [float(shown[i]) for i in (1, 3, 4, 5)] == pytest.approx(
        [value, target, 0.001, (value - target) / 0.001], rel=1e-5
    )
    assert "and 2 more of these" in called.out
    assert "3 terms take" in called.out
    assert "some 30 candidates" in called.out


def test_it_records_nothing(here, cohobate_here):
    write(here, {})
    before = sorted(path.name for path in here.iterdir())
    cohobate_here("check")
    assert sorted(path.name for path in here.iterdir()) == before


def test_it_tries_all_terms_where_asked_to(here, cohobate_here):
    write(here, {})
    called = cohobate_here("check", "--all")
    assert [f"term E(a={a})" in called.out for a in (4.9, 3.9, 3.7)] == [True] * 3
    assert "more of these" not in called.out


def test_it_keeps_what_the_program_wrote_where_asked_to(here, cohobate_here, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "made"))
    (tmp_path / "made").mkdir()
    write(here, {})
    cohobate_here("check")
    assert list((tmp_path / "made").rglob("out")) == []
    called = cohobate_here("check", "--keep")
    [out] = (tmp_path / "made").rglob("out")
    assert str(out.parent.parent) in called.out


def test_a_python_function_is_shown_as_the_call_it_is(here, cohobate_here):
    write(here, {'run = ["python", "model.py"]\ninput = "model.in"\nfiles = "model.py"': 'python = "pair:e"', READ: ""})
    (here / "pair.py").write_text(
        "def e(epsilon, sigma, a):\n    return 4 * epsilon * ((sigma / a)**12 - (sigma / a)**6)\n"
    )
    called = cohobate_here("check")
    assert (called.code, called.err) == (0, "")
    assert "call       e(epsilon=0.02, sigma=3, a=4.9)" in called.out


def test_a_loss_of_ones_own_is_tried_too(here, cohobate_here):
    write(here, {'target = "energy"': 'loss = "losses:own"'})
    (here / "losses.py").write_text("def own(quantities):\n    return quantities['value'] ** 2\n")
    assert f"loss       {energy(4.9, 0.02, 3.0) ** 2:.6g}" in cohobate_here("check").out
    (here / "losses.py").write_text("def own(quantities):\n    return quantities['energy'] ** 2\n")
    sys.modules.pop("losses")
    called = cohobate_here("check")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "term 'E(a=4.9)': its loss: KeyError: 'energy'" in called.err


BROKEN = {
    "it fails": ("import sys; sys.exit('no such potential')", "exit code 1, expected 0; stderr: no such potential"),
    "it writes nothing": ("", "out was not written"),
    "it writes half": (MODEL.replace("\\n", ""), "out is half written"),
    "it writes NaN": ("open('out', 'w').write('E = nan\\n')", "nan"),
    "it writes something else": ("open('out', 'w').write('done\\n')", "expected a match of 'E = (.*)'"),
    "it is killed": ("import os; os.kill(os.getpid(), 11)", "ended by"),
}


@pytest.mark.parametrize("model", BROKEN)
def test_a_program_that_does_not_work_is_one_line(here, cohobate_here, model):
    text, says = BROKEN[model]
    write(here, {}, model=text)
    called = cohobate_here("check")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert called.err.startswith("cohobate: campaign.toml: term 'E(a=4.9)': ")
    assert says in called.err


def test_a_program_that_hangs_is_stopped_at_its_deadline(here, cohobate_here):
    write(here, {"sigma = 0.001": "sigma = 0.001\ndeadline = 0.5"}, model="import time\ntime.sleep(60)\n")
    called = cohobate_here("check")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "term 'E(a=4.9)': " in called.err
    assert "deadline" in called.err


def test_other_campaigns_are_left_to_the_doctor(small, cohobate_here):
    small()
    called = cohobate_here("check")
    assert (called.code, called.err.count("\n")) == (2, 1)
    assert "cohobate doctor" in called.err
