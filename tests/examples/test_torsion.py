"""A torsion scanned and refined by a body: what it finds are minima and barriers, and no work is done in vain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from examples.steering import torsion

import cohobate as co

BUTANE = torsion.Torsion("CCCC", (0, 1, 2, 3))


def test_butane_has_its_conformers_and_barriers():
    ended = subprocess.run([sys.executable, torsion.__file__], capture_output=True, text=True, timeout=50)
    assert ended.returncode == 0, ended.stderr
    counts, *lines = ended.stdout.splitlines()
    turns = [line.replace("°", "").split() for line in lines]
    assert [kind for kind, *_ in turns] == ["maximum", "minimum", "maximum", "minimum"]
    cis, gauche, eclipsed, trans = (float(angle) for _, angle, *_ in turns)
    assert (cis, trans) == (0, 180)  # by symmetry
    for angle, sign in ((gauche, 1), (eclipsed, -1)):
        before, at, after = (sign * BUTANE(angle + step) for step in (-2, 0, 2))
        assert at < before
        assert at < after
    heights = [float(height) for *_, height, _ in turns]
    assert heights == pytest.approx(
        [(BUTANE(angle) - BUTANE(180)) * 96.485 for angle in (cis, gauche, eclipsed, trans)], abs=0.1
    )
    assert 1 <= int(counts.split()[-2]) <= 6  # two of the eight on the other side show that it is alike


def test_a_molecule_whose_sides_differ_is_scanned_all_around(tmp_path: Path):
    simulator = torsion.Torsion("C[C@H](O)CF", (0, 1, 3, 4))
    with co.processes(2) as engine:
        cut = co.Campaign(torsion.profile(step=30), simulator, engine, run=tmp_path / "cut").run(co.evaluations(7))
        assert cut.value is None
        resumed = co.Campaign(torsion.profile(step=30), simulator, engine, run=tmp_path / "cut").run()
        whole = co.Campaign(torsion.profile(step=30), simulator, engine).run()
    assert [row["angle"] for row in whole.table()[:12]] == [*range(0, 181, 30), *range(-30, -151, -30)]
    assert whole.tally.cancelled == 0
    assert resumed.value == whole.value
    assert {row["turn"] for row in whole.value} == {"minimum", "maximum"}
    marked = {row["id"]: row["height"] for row in resumed.table() if row.get("turn")}
    assert sorted(marked.values()) == sorted(row["height"] for row in resumed.value)
