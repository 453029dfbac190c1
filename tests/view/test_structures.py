"""Structures as drawings: in their box, with the bonds that a chemist would draw."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ase.build import bulk, molecule

from cohobate.view.molecules import HEIGHT, WIDTH
from cohobate.view.structures import project


@pytest.mark.parametrize(
    ("name", "bonds"), [("H2O", 2), ("CH4", 4), ("C6H6", 12), ("CH3CH2OH", 8), ("CO2", 2), ("SiH4", 4), ("Cl2", 1)]
)
def test_bonds_are_those_of_the_molecule(name, bonds):
    atoms = molecule(name)
    drawn = project(atoms.get_chemical_symbols(), atoms.positions)
    assert sum(path.count("M") for path in drawn.lines.values()) == 2 * bonds
    assert sum(path.count("M") for path in drawn.letters.values()) == len(atoms)


@pytest.mark.parametrize("atoms", [molecule("C60"), bulk("NaCl", "rocksalt", 5.6, cubic=True), molecule("C2H6")])
def test_it_fits_its_box(atoms):
    drawn = project(atoms.get_chemical_symbols(), atoms.positions)
    for path in drawn.lines.values():
        x, y = np.array(re.findall(r"-?\d+\.\d", path), dtype=float).reshape(-1, 2).T
        assert x.min() >= 0 <= y.min()
        assert x.max() <= WIDTH
        assert y.max() <= HEIGHT


@pytest.mark.parametrize("positions", [np.zeros((1, 3)), np.array([[0.0, 0, 0], [1, 0, 0]]), np.ones((3, 3))])
def test_points_and_lines_are_drawn(positions):
    assert project(["H"] * len(positions), positions).letters["H"].count("M") == len(positions)


def test_what_cannot_be_seen_is_not_drawn():
    assert project([], np.zeros((0, 3))) is None
    assert project(["H"] * 300, np.zeros((300, 3))) is None
    assert project(["H"], np.array([[np.nan, 0, 0]])) is None
