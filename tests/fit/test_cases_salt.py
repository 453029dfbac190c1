"""Rock salt by Born and Mayer: repulsion from lattice constant and bulk modulus, and the energy that follows."""

from __future__ import annotations

import numpy as np
import pytest

import cohobate as co
from cohobate.fit.fitter import Fitter
from cohobate.fit.term import Term
from fit.crystals import E2, MADELUNG, rock_salt

R0, BULK = 2.82, 24.0 / 160.2177
"""Distance (Å) and bulk modulus (24.0 GPa, in eV/Å³) of NaCl (Kittel, Introduction to Solid State Physics)."""
RHO, LAMBDA, ENERGY = 0.32132, 1097.8, -7.907
CRYSTAL = """\
units metal
atom_style charge
lattice custom {a} a1 1 0 0 a2 0 1 0 a3 0 0 1 &
  basis 0 0 0 basis 0.5 0.5 0 basis 0.5 0 0.5 basis 0 0.5 0.5 &
  basis 0.5 0 0 basis 0 0.5 0 basis 0 0 0.5 basis 0.5 0.5 0.5
region box block 0 3 0 3 0 3
create_box 2 box
create_atoms 1 box basis 1 1 basis 2 1 basis 3 1 basis 4 1 basis 5 2 basis 6 2 basis 7 2 basis 8 2
mass 1 22.99
mass 2 35.45
set type 1 charge 1
set type 2 charge -1
pair_style buck/coul/long 4.0 8.0
pair_coeff * * 0 1 0
pair_coeff 1 2 {lam} {rho} 0
kspace_style ewald 1e-8
variable pair equal 2*pe/atoms
thermo_style custom step pe v_pair press
run 0
"""
"""The repulsion reaches the six nearest neighbours only, as that of the book does."""


def fitted(target, sigma):
    term = Term(rock_salt, target, sigma=sigma)
    start = {"rho": 0.4, "lam": 500.0}
    bounds = {"rho": (0.2, 0.6), "lam": (50.0, 20000.0)}
    return Fitter(term, start, bounds=bounds, engine=co.inline()).least_squares(tol=1e-12)


def test_lattice_constant_and_bulk_modulus_give_the_repulsion():
    found = fitted({"r": R0, "bulk": BULK}, {"r": 0.01, "bulk": 0.001})
    assert found.values["rho"] == pytest.approx(RHO, rel=5e-5)
    assert found.values["lam"] == pytest.approx(LAMBDA, rel=1e-4)
    assert rock_salt(**found.values)["energy"] == pytest.approx(ENERGY, abs=1e-3)


def test_lattice_constant_and_energy_give_the_same():
    found = fitted({"r": R0, "energy": ENERGY}, {"r": 0.01, "energy": 0.001})
    assert found.values["rho"] == pytest.approx(RHO, rel=1e-3)
    assert rock_salt(**found.values)["bulk"] == pytest.approx(BULK, rel=2e-3)


def test_two_closed_forms_hold_at_the_minimum():
    """U = -(alpha e²/R)(1 - rho/R), and 18 R B = (alpha e²/R²)(1/rho - 2/R)."""
    found = rock_salt(RHO, LAMBDA)
    r, pull = found["r"], MADELUNG * E2
    assert found["energy"] == pytest.approx(-pull / r * (1 - RHO / r), rel=1e-9)
    assert 18 * r * found["bulk"] == pytest.approx(pull / r**2 * (1 / RHO - 2 / r), rel=1e-7)


def test_lammps_says_the_same_of_the_crystal():
    run = co.chem.lammps(CRYSTAL, {"energy": "v_pair", "pressure": "Press"}, units={"energy": "eV", "pressure": "bar"})
    found = run(a=2 * rock_salt(RHO, LAMBDA)["r"], rho=RHO, lam=LAMBDA)
    assert found["energy"] == pytest.approx(rock_salt(RHO, LAMBDA)["energy"], abs=1e-5)
    assert found["energy"] == pytest.approx(ENERGY, abs=1e-3)
    assert abs(found["pressure"]) < 10  # bar: at its minimum
    wider = run(a=2 * 2.9, rho=RHO, lam=LAMBDA)["energy"]
    assert wider == pytest.approx(6 * LAMBDA * np.exp(-2.9 / RHO) - MADELUNG * E2 / 2.9, abs=1e-5)
