"""The fits of the examples: argon through LAMMPS goes on where it was, and Morse tells the bond of nitrogen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from examples.fit import argon, morse

import cohobate as co
from fit.crystals import CONSTANTS, EPSILON, SIGMA, cohesive

NEAR = {"epsilon": 0.0102, "sigma": 3.42}


def test_the_energies_of_argon_are_those_of_its_crystal():
    data = argon.energies()
    assert tuple(data) == CONSTANTS
    assert list(data.values()) == pytest.approx([cohesive(a, EPSILON, SIGMA) for a in data], rel=1e-15)


def test_argon_is_fitted_through_lammps_and_goes_on_where_it_was(tmp_path: Path):
    some = {a: e for a, e in argon.energies().items() if a in (5.1, 5.6)}
    with co.processes(2) as engine:
        cut = argon.fitter(some, engine, start=NEAR, run=tmp_path / "run").least_squares(until=co.evaluations(4))
        assert cut.campaign.tally.values == 4
        found = argon.fitter(some, engine, start=NEAR, run=tmp_path / "run").least_squares()
        whole = argon.fitter(some, engine, start=NEAR).least_squares()
    assert found.values == pytest.approx({"epsilon": EPSILON, "sigma": SIGMA}, rel=1e-6)
    assert found.values == whole.values  # bit for bit
    assert found.campaign.tally.values == whole.campaign.tally.values
    assert found.loss < 1e-12


def test_morse_has_depth_distance_and_vibration_of_nitrogen():
    ended = subprocess.run([sys.executable, morse.__file__], capture_output=True, text=True, timeout=50)
    assert ended.returncode == 0, ended.stderr
    said = {line[:9].strip(): float(line[9:].split()[0]) for line in ended.stdout.splitlines()}
    apart = 2 * morse.atom()["energy"]
    relaxed = co.chem.xtb_energy("N#N", relax=True, read={"energy": "energy", "r": co.chem.distance(0, 1)})()
    assert said["depth"] == pytest.approx(apart - relaxed["energy"], rel=0.005)
    assert said["r0"] == pytest.approx(relaxed["r"], rel=0.01)
    assert said["vibration"] == pytest.approx(2437.9, rel=0.03)  # of the curve itself, by differences
    assert said["missed by"] < 0.1
