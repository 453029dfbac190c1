"""Argon by Lennard-Jones: its parameters come back from energies of LAMMPS, and from the ground state alone."""

from __future__ import annotations

import numpy as np
import pytest

import cohobate as co
from cohobate.fit.fitter import Fitter
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term
from fit.crystals import CONSTANTS, EPSILON, SIGMA, cohesive, ground_state

CRYSTAL = """\
units metal
lattice fcc {a}
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 39.948
pair_style lj/cut 8.5
pair_coeff 1 1 {epsilon} {sigma}
thermo_style custom step pe
thermo_modify norm yes format float %.17g
run 0
"""
START = {"epsilon": 0.02, "sigma": 3.0}
TARGETS = {a: cohesive(a, EPSILON, SIGMA) for a in CONSTANTS}
lammps = co.chem.lammps(CRYSTAL, {"energy": "PotEng"}, units={"energy": "eV"})


def terms(quantity, constants=CONSTANTS):
    return CombinedObjective([Term(quantity, TARGETS[a], inputs={"a": a}, unit="eV") for a in constants])


def lattice_sum(a, epsilon, sigma):
    return {"energy": cohesive(a, epsilon, sigma)}


@pytest.mark.parametrize("a", [4.9, 5.26, 6.0])
def test_lammps_and_the_lattice_sum_agree(a):
    for epsilon, sigma in ((EPSILON, SIGMA), (0.02, 3.0)):
        found = lammps(a=a, epsilon=epsilon, sigma=sigma)["energy"]
        assert found == pytest.approx(cohesive(a, epsilon, sigma), abs=1e-12)


def test_the_published_energy():
    assert cohesive(5.26, EPSILON, SIGMA) == pytest.approx(-0.0842061149449, abs=5e-14)


def test_all_twelve_constants_give_the_parameters_back():
    fitter = Fitter(terms(lattice_sum), START, bounds={"epsilon": (1e-3, 0.1), "sigma": (2.5, 4.0)}, engine=co.inline())
    found = fitter.least_squares()
    assert found.loss < 1e-12
    assert found.values["epsilon"] == pytest.approx(EPSILON, rel=1e-6)
    assert found.values["sigma"] == pytest.approx(SIGMA, rel=1e-6)


def test_a_fit_through_lammps_goes_the_way_of_the_lattice_sums(tmp_path):
    """The same numbers to the last digits, so the same steps: here with two constants, to be short."""
    constants, bounds = CONSTANTS[2:10:5], {"epsilon": (1e-3, 0.1), "sigma": (2.5, 4.0)}
    start = {"epsilon": 0.0102, "sigma": 3.42}
    with co.threads(2) as engine:
        ran = Fitter(terms(lammps, constants), start, bounds=bounds, engine=engine, run=tmp_path / "run")
        found = ran.least_squares()
    summed = Fitter(terms(lattice_sum, constants), start, bounds=bounds, engine=co.inline()).least_squares()
    assert found.values == pytest.approx({"epsilon": EPSILON, "sigma": SIGMA}, rel=1e-6)
    assert len(found.campaign.table()) == len(summed.campaign.table())
    assert found.campaign.table()[-1]["loss"] < 1e-12


def test_the_ground_state_is_the_closed_form():
    """a0 = 2^(2/3) (A12/A6)^(1/6) sigma = 1.5417374 sigma, E = -A6²/(2 A12) epsilon = -8.6102001 epsilon.

    With the sums of Kittel's table, A12 = 12.13188 and A6 = 14.45392, the energy is -8.6101991.
    """
    found = ground_state(1.0, 1.0)
    assert found["a"] == pytest.approx(1.5417374, abs=1e-7)
    assert found["energy"] == pytest.approx(-8.6101991, abs=2e-6)
    six, twelve = 14.45392, 12.13188
    assert found["energy"] == pytest.approx(-(six**2) / (2 * twelve), rel=2e-7)
    assert found["a"] == pytest.approx(np.sqrt(2) * (2 * twelve / six) ** (1 / 6), rel=2e-7)


def test_lattice_constant_and_cohesive_energy_give_the_parameters_back():
    target = {"a": 1.5417374 * SIGMA, "energy": -8.6102001 * EPSILON}
    term = Term(ground_state, target, sigma={"a": 0.01, "energy": 0.001})
    found = Fitter(term, START, bounds={"epsilon": (1e-3, 0.1), "sigma": (2.5, 4.0)}, engine=co.inline()).least_squares(
        xtol=1e-12
    )
    assert found.values == pytest.approx({"epsilon": EPSILON, "sigma": SIGMA}, rel=1e-6)
