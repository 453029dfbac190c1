"""Nitrogen by GFN2-xTB, refitted by Morse: its depth, its distance and its vibration are those of the curve."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.morse import MorsePotential

import cohobate as co
from cohobate.fit.fitter import Fitter
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Parameter
from cohobate.fit.term import Term
from cohobate.simulate.chem import xtb
from cohobate.simulate.chem.geometry import Geometry

curve = co.chem.xtb_energy("N#N", {"r": (0, 1)})


def pair(r):
    return Atoms("N2", [(0, 0, 0), (0, 0, r)])


def morse_potential(depth, stiffness, r0):
    """``stiffness`` is a (1/Å); without a cutoff."""
    return MorsePotential(epsilon=depth, rho0=stiffness * r0, r0=r0, rcut1=90.0, rcut2=100.0)


morse = co.chem.single_point(pair, morse_potential)


@cache
def atoms_apart():
    """Returns the energy (eV) of two atoms by themselves."""
    alone = Geometry(("N",), np.zeros((1, 3)))
    return 2 * xtb.energy(alone, charge=0, multiplicity=1)


def bond(r):
    """Returns the energy (eV) of the molecule less that of its atoms."""
    return curve(r=float(r))["energy"] - atoms_apart()


@cache
def bottom():
    """Returns distance (Å), depth (eV) and force constant (eV/Å²) of the curve, without any fit."""
    read = {"energy": "energy", "r": co.chem.distance(0, 1)}
    relaxed = co.chem.xtb_energy("N#N", relax=True, read=read, fmax=1e-4)()
    r, h = relaxed["r"], 0.01
    bend = (-bond(r - 2 * h) + 16 * bond(r - h) - 30 * bond(r) + 16 * bond(r + h) - bond(r + 2 * h)) / (12 * h * h)
    return r, atoms_apart() - relaxed["energy"], bend


def fit(distances, params, sigma=0.1):
    terms = [Term(morse, bond(r), sigma=sigma, inputs={"r": float(r)}) for r in distances]
    return Fitter(CombinedObjective(terms), params, engine=co.inline()).least_squares()


def test_morse_gives_itself_back():
    truth = {"depth": 9.9, "stiffness": 2.7, "r0": 1.1}
    terms = [Term(morse, morse(r=r, **truth)["energy"], inputs={"r": r}) for r in np.linspace(0.9, 2.5, 9).tolist()]
    found = Fitter(
        CombinedObjective(terms), {"depth": 5.0, "stiffness": 2.0, "r0": 1.3}, engine=co.inline()
    ).least_squares()
    assert found.values == pytest.approx(truth, rel=1e-6)


def test_the_whole_curve_has_the_depth_of_its_atoms():
    found = fit(np.linspace(0.9, 3.5, 18), {"depth": 10.0, "stiffness": 2.0, "r0": 1.2})
    r, depth, _ = bottom()
    assert found.values["depth"] == pytest.approx(depth, rel=0.005)
    assert found.values["r0"] == pytest.approx(r, rel=0.01)


def test_near_the_bottom_it_has_the_vibration_of_the_molecule():
    r, depth, bend = bottom()
    params = {"depth": Parameter(depth, fixed=True), "stiffness": 2.0, "r0": 1.2}
    found = fit(np.linspace(r - 0.08, r + 0.1, 8), params, sigma=0.01)
    spring = 2 * depth * found.values["stiffness"] ** 2
    assert found.values["r0"] == pytest.approx(r, abs=1e-3)
    assert np.sqrt(spring / bend) == pytest.approx(1, abs=0.002)  # the harmonic frequency goes as the root
    assert wavenumber(bend) == pytest.approx(2437.9, abs=1)


def wavenumber(spring):
    """Returns the harmonic wavenumber (1/cm) of N2 by a force constant (eV/Å²)."""
    mass = 14.0030740 / 2 * 1.66053907e-27
    omega = np.sqrt(spring * 1.602176634e-19 * 1e20 / mass)
    return float(omega / (2 * np.pi * 2.99792458e10))
