"""Quantities of ASE calculators against closed forms; what does not converge, and what is not to be had."""

from __future__ import annotations

import warnings
from math import sqrt

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from ase.constraints import FixAtoms
from ase.optimize import LBFGS

import cohobate as co
from cohobate.core.errors import BadOutput, SimulatorError
from cohobate.core.identity import code_hash
from cohobate.fit.term import Term
from cohobate.worker.kept import shelf

EPSILON, SIGMA = 0.0104, 3.405
A0, LATTICE_ENERGY = 1.5417374, -8.6101991
"""Of the fcc crystal of Lennard-Jones: its lattice constant in sigma, its energy per atom in epsilon."""


def pair(r):
    return Atoms("Ar2", [(0, 0, 0), (0, 0, r)])


def lennard_jones(epsilon, sigma, cutoff=1e9):
    return LennardJones(epsilon=epsilon, sigma=sigma, rc=cutoff)


def energy(r):
    return 4 * EPSILON * ((SIGMA / r) ** 12 - (SIGMA / r) ** 6)


def test_a_pair_is_the_closed_form():
    quantity = co.chem.single_point(pair, lennard_jones, read=("energy", "energy_per_atom", "forces"))
    found = quantity(r=3.7, epsilon=EPSILON, sigma=SIGMA)
    slope = (energy(3.7 + 1e-5) - energy(3.7 - 1e-5)) / 2e-5
    assert list(found) == ["energy", "energy_per_atom", "forces"]
    assert found["energy"] == pytest.approx(energy(3.7), rel=1e-12)
    assert found["energy_per_atom"] == pytest.approx(energy(3.7) / 2, rel=1e-12)
    assert found["forces"] == pytest.approx(np.array([[0, 0, slope], [0, 0, -slope]]), abs=1e-9)


def test_a_pair_relaxes_to_the_bottom_of_its_well():
    read = {"depth": "energy", "r": co.chem.distance(0, 1)}
    quantity = co.chem.relaxation(pair, lennard_jones, read, fmax=1e-6)
    found = quantity(r=4.0, epsilon=EPSILON, sigma=SIGMA)
    assert found["depth"] == pytest.approx(-EPSILON, abs=1e-9)
    assert found["r"] == pytest.approx(2 ** (1 / 6) * SIGMA, abs=1e-4)


def crystal():
    return ase.build.bulk("Ar", "fcc", a=5.0)


def long_ranged(epsilon, sigma):
    """Cut off smoothly, so far out that less than a hundredth is lost."""
    return LennardJones(epsilon=epsilon, sigma=sigma, rc=6 * sigma, ro=5.5 * sigma, smooth=True)


@pytest.mark.parametrize("cell", [True, "isotropic"])
def test_a_crystal_relaxes_to_its_lattice_constant(cell):
    wanted = {"energy": "energy_per_atom", "volume": "volume_per_atom", "stress": "stress"}
    quantity = co.chem.relaxation(crystal, long_ranged, wanted, cell=cell, fmax=1e-3)
    found = quantity(epsilon=EPSILON, sigma=SIGMA)
    assert (4 * found["volume"]) ** (1 / 3) == pytest.approx(A0 * SIGMA, rel=1e-3)
    assert found["energy"] == pytest.approx(LATTICE_ENERGY * EPSILON, rel=1e-2)
    assert found["stress"] == pytest.approx(np.zeros(6), abs=1e-4)


def test_pressure_makes_a_crystal_smaller():
    copper, read = ase.build.bulk("Cu"), ("volume", "stress")
    free, pressed = (
        co.chem.relaxation(copper, EMT, read, cell="isotropic", pressure=p, fmax=1e-2)() for p in (0.0, 0.05)
    )
    assert pressed["volume"] < free["volume"]
    assert pressed["stress"][:3] == pytest.approx([-0.05] * 3, abs=1e-3)  # positive under tension


def test_what_does_not_converge_is_a_failure_and_no_value():
    quantity = co.chem.relaxation(pair, lennard_jones, fmax=1e-6, steps=2)
    with pytest.raises(RuntimeError, match=r"not relaxed after 2 steps of BFGS: the largest force is .* wanted 1e-06"):
        quantity(r=4.0, epsilon=EPSILON, sigma=SIGMA)


def test_a_force_that_is_no_number_is_a_failure():
    quantity = co.chem.relaxation(pair, lennard_jones)
    with pytest.raises(RuntimeError, match="a force is not finite after 0 steps"):
        quantity(r=3.7, epsilon=float("nan"), sigma=SIGMA)
    with pytest.raises(BadOutput, match="energy is not finite: nan"):
        co.chem.single_point(pair, lennard_jones)(r=3.7, epsilon=float("nan"), sigma=SIGMA)


def test_a_class_is_a_calculator_of_all_parameters():
    quantity = co.chem.single_point(pair, MorsePotential)
    r, depth, stiff, r0 = 1.3, 2.0, 5.0, 1.1
    x = np.exp(-stiff * (r / r0 - 1))
    found = quantity(r=r, epsilon=depth, rho0=stiff, r0=r0, rcut1=90.0, rcut2=100.0)
    assert found["energy"] == pytest.approx(depth * (x * x - 2 * x), rel=1e-12)


def test_atoms_are_copied_and_read_at_once(tmp_path):
    atoms = ase.build.bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    before = atoms.positions.copy()
    file = tmp_path / "copper.extxyz"
    ase.io.write(file, [atoms, atoms * 2])
    given, first = (co.chem.relaxation(a, EMT, ("energy", "positions")) for a in (atoms, f"{file}@0"))
    file.unlink()
    atoms.positions += 1.0
    one, again = given(), given()
    assert np.array_equal(one["positions"], again["positions"])
    assert first()["energy"] == pytest.approx(one["energy"], abs=1e-6)
    assert not np.array_equal(one["positions"], before)


def test_constraints_hold_but_forces_are_as_they_are():
    atoms = pair(3.5)
    atoms.set_constraint(FixAtoms([0, 1]))
    quantity = co.chem.single_point(atoms, lennard_jones, "forces")
    assert np.abs(quantity(epsilon=EPSILON, sigma=SIGMA)["forces"]).max() > 0.01
    stays = co.chem.relaxation(atoms, lennard_jones, "positions")(epsilon=EPSILON, sigma=SIGMA)
    assert np.array_equal(stays["positions"], atoms.positions)


def given(term, params):
    """Returns the parameters that a term calls its quantity with."""
    how = term.calling(params)
    assert not how.whole
    return how.arguments(params, term.name)


def test_a_term_gives_it_what_it_takes():
    quantity = co.chem.single_point(pair, lennard_jones)
    term = Term(quantity, -0.01, inputs={"r": 3.7})
    params = {"epsilon": EPSILON, "sigma": SIGMA, "charge": 1.0}
    assert given(term, params) == {"epsilon": EPSILON, "sigma": SIGMA}
    assert given(term, {**params, "cutoff": 8.5})["cutoff"] == 8.5
    assert term.name == "single_point of pair(r=3.7)"


def test_another_calculation_has_another_identity():
    copper, gold = ase.build.bulk("Cu"), ase.build.bulk("Au")
    held = copper.copy()
    held.set_constraint(FixAtoms([0]))
    charged = copper.copy()
    charged.info["charge"] = 1

    def other(epsilon, sigma):
        return LennardJones(epsilon=epsilon, sigma=sigma, rc=3.0)

    point, relax = co.chem.single_point, co.chem.relaxation
    different = [
        point(copper, EMT),
        point(gold, EMT),
        point(held, EMT),
        point(charged, EMT),
        point(copper, LennardJones),
        point(copper, lennard_jones),
        point(copper, other),
        point(copper, EMT, {"energy": "volume"}),
        point(copper, co.chem.kept(EMT)),
        relax(copper, EMT),
        relax(copper, EMT, fmax=0.02),
        relax(copper, EMT, optimizer=LBFGS),
        relax(copper, EMT, cell=True),
    ]
    assert len({code_hash(one) for one in different}) == len(different)
    assert code_hash(point(copper.copy(), EMT)) == code_hash(different[0])
    assert code_hash(relax(copper, EMT, fmax=0.02)) == code_hash(different[10])


made = []


def make():
    made.append(1)
    return LennardJones(rc=1e9)


def assign(calculator, epsilon, sigma):
    calculator.set(epsilon=epsilon, sigma=sigma)


def test_a_kept_calculator_is_made_once_and_again_after_an_error():
    made.clear()
    model = co.chem.kept(make, assign)
    quantity, relaxed = co.chem.single_point(pair, model), co.chem.relaxation(pair, model, fmax=1e-5)
    fresh = co.chem.single_point(pair, lennard_jones)
    for epsilon in (0.01, 0.02):
        values = {"r": 3.7, "epsilon": epsilon, "sigma": SIGMA}
        assert quantity(**values) == fresh(**values)
        assert relaxed(**values)["energy"] == pytest.approx(-epsilon, abs=1e-8)
    assert len(made) == 1
    with pytest.raises(BadOutput):
        quantity(r=3.7, epsilon=float("nan"), sigma=SIGMA)
    assert quantity(r=3.7, epsilon=EPSILON, sigma=SIGMA)["energy"] == pytest.approx(energy(3.7), rel=1e-12)
    assert len(made) == 2
    term = Term(quantity, 0.0, inputs={"r": 3.7})
    assert given(term, {"epsilon": 1.0, "sigma": 2.0, "x": 3.0}) == {"epsilon": 1.0, "sigma": 2.0}
    shelf().dismiss(model.scope)


def test_it_runs_in_other_processes():
    quantity = co.chem.single_point(pair, lennard_jones)
    kept = co.chem.single_point(pair, co.chem.kept(make, assign))
    with co.processes(1) as engine, warnings.catch_warnings():
        values = [engine.call(one, r=3.7, epsilon=EPSILON, sigma=SIGMA).result(30) for one in (quantity, kept)]
    assert [one["energy"] for one in values] == pytest.approx([energy(3.7)] * 2, rel=1e-12)


def no_calculator():
    return None


def a_number(r):
    return r


BAD = {
    "energi": (
        lambda: co.chem.single_point(pair, EMT, "energi"),
        r"read: there is no 'energi'.* did you mean 'energy'",
    ),
    "nothing": (lambda: co.chem.single_point(pair, EMT, ()), "read: name at least one of energy"),
    "atoms": (lambda: co.chem.single_point(3, EMT), "atoms: expected ase.Atoms, a file or a function, got the int 3"),
    "file": (lambda: co.chem.single_point("away.xyz", EMT), "atoms: away.xyz cannot be read: FileNotFoundError"),
    "calculator": (lambda: co.chem.single_point(pair, EMT()), "expected a function that returns an ASE calculator"),
    "none": (lambda: co.chem.single_point(pair, no_calculator)(r=3), "the function of the calculator must return one"),
    "made": (lambda: co.chem.single_point(a_number, EMT)(r=3.0), r"a_number must return ase.Atoms, got the float 3.0"),
    "name": (
        lambda: co.chem.single_point(pair, lennard_jones)(r=3, epsilon=1, sigm=2),
        r"takes \['epsilon', 'sigma', 'cutoff', 'r'\], not 'sigm'; did you mean 'sigma'\?",
    ),
    "optimizer": (lambda: co.chem.relaxation(pair, EMT, optimizer="BFSG"), "optimizer: .* did you mean 'BFGS'"),
    "fmax": (lambda: co.chem.relaxation(pair, EMT, fmax=0), "fmax: expected a force .* above 0, got 0"),
    "steps": (lambda: co.chem.relaxation(pair, EMT, steps=0), "steps: expected at least 1, got 0"),
    "cell": (lambda: co.chem.relaxation(pair, EMT, cell="all"), "cell: expected True, False or 'isotropic', got 'all'"),
    "open": (
        lambda: co.chem.relaxation(pair, lennard_jones, cell=True)(r=3.7, epsilon=1, sigma=3),
        "cell=True needs atoms that are periodic in all directions",
    ),
    "kept": (
        lambda: co.chem.kept(lennard_jones),
        r"must be called without arguments, but needs \['epsilon', 'sigma'\]",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line(case):
    call, says = BAD[case]
    with pytest.raises(SimulatorError, match=says) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_what_a_calculator_does_not_give_is_named():
    with pytest.raises(BadOutput, match="EMT gives no dipole: leave it out of read="):
        co.chem.single_point(ase.build.bulk("Cu"), EMT, ("energy", "dipole"))()


def test_a_file_of_several_wants_one_named(tmp_path):
    file = tmp_path / "two.extxyz"
    ase.io.write(file, [pair(3.0), pair(4.0)])
    last, first = (co.chem.single_point(name, lennard_jones) for name in (file, f"{file}@0"))
    assert last(epsilon=EPSILON, sigma=SIGMA)["energy"] == pytest.approx(energy(4.0))
    assert first(epsilon=EPSILON, sigma=SIGMA)["energy"] == pytest.approx(energy(3.0))
    with pytest.raises(SimulatorError, match="gives 2 structures, expected one: name it, as in file@0"):
        co.chem.single_point(f"{file}@:", lennard_jones)


def test_bulk_of_two_atoms_has_its_known_distance():
    """The nearest neighbour in fcc is a/sqrt(2) away, across the border of the cell too."""
    read = {"r": co.chem.distance(0, 1)}
    found = co.chem.single_point(ase.build.bulk("Ar", cubic=True, a=5.26), lennard_jones, read)
    assert found(epsilon=EPSILON, sigma=SIGMA, cutoff=8.5)["r"] == pytest.approx(5.26 / sqrt(2))
