"""Energies by xTB along distances and torsions, against the molecule put there by other means."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

import cohobate as co
from cohobate.core.errors import Rejected, SimulatorError
from cohobate.core.identity import code_hash
from cohobate.fit.term import Term
from cohobate.simulate.chem import xtb
from cohobate.simulate.chem.geometry import Geometry


def nitrogen(r):
    return Atoms("N2", [(0, 0, 0), (0, 0, r)])


def test_a_distance_is_that_of_the_atoms():
    ready, own = co.chem.xtb_energy("N#N", {"r": (0, 1)}), co.chem.xtb_energy(nitrogen)
    for r in (0.95, 1.1, 1.8):
        expected = xtb.energy(Geometry(("N", "N"), np.array([(0, 0, 0), (0, 0, r)])), charge=0, multiplicity=1)
        assert ready(r=r)["energy"] == pytest.approx(expected, abs=1e-6)
        assert own(r=r)["energy"] == pytest.approx(expected, abs=1e-6)
    term = Term(ready, -260.0, inputs={"r": 1.1})
    assert term.name == "GFN2-xTB of N#N(r=1.1)"


def test_water_has_three_coordinates():
    read = {"r": co.chem.distance(0, 1), "angle": lambda atoms: atoms.get_angle(1, 0, 2)}
    water = co.chem.xtb_energy("O", {"r": (0, 1), "angle": (1, 0, 2)}, read=read)
    found = water(r=1.0, angle=120.0)
    assert (found["r"], found["angle"]) == pytest.approx((1.0, 120.0))


def dihedral(atoms):
    return atoms.get_dihedral(2, 0, 1, 3)


def test_a_torsion_is_held_while_the_rest_relaxes():
    read = {"energy": "energy", "phi": dihedral}
    stiff, soft = (co.chem.xtb_energy("OO", {"phi": (2, 0, 1, 3)}, relax=relax, read=read) for relax in (False, True))
    for phi in (0.0, 120.0):
        held, put = soft(phi=phi), stiff(phi=phi)
        assert (held["phi"] + 180) % 360 - 180 == pytest.approx(phi, abs=1e-2)
        assert held["energy"] < put["energy"]
    free = co.chem.xtb_energy("OO", relax=True)()["energy"]
    assert soft(phi=0.0)["energy"] - free > 0.1  # the barrier of hydrogen peroxide
    assert soft(phi=120.0)["energy"] - free < 0.05


def test_a_relaxed_molecule_is_the_one_of_the_properties():
    assert co.chem.xtb_energy("O", relax=True)()["energy"] == pytest.approx(
        co.chem.total_energy("O")["neutral"], abs=5e-4
    )


def test_charge_solvent_and_method_count():
    plain = co.chem.xtb_energy("O")()["energy"]
    others = [
        co.chem.xtb_energy("O", charge=1, multiplicity=2),
        co.chem.xtb_energy("O", method="GFN1-xTB"),
        co.chem.xtb_energy("O", solvation=("alpb", "water")),
    ]
    values = [other()["energy"] for other in others]
    assert len({plain, *values}) == 4
    assert values[0] - plain > 10  # an ionization
    assert len({code_hash(one) for one in [co.chem.xtb_energy("O"), *others]}) == 4


def test_another_coordinate_has_another_identity():
    different = [
        co.chem.xtb_energy("CCCC", {"phi": (0, 1, 2, 3)}),
        co.chem.xtb_energy("CCCC", {"phi": (0, 1, 2, 4)}),
        co.chem.xtb_energy("CCCO", {"phi": (0, 1, 2, 3)}),
        co.chem.xtb_energy("CCCC", {"phi": (0, 1, 2, 3)}, relax=True),
    ]
    assert len({code_hash(one) for one in different}) == 4
    assert code_hash(different[0]) == code_hash(co.chem.xtb_energy("CCCC", {"phi": (0, 1, 2, 3)}))


def test_no_self_consistent_field_is_a_failure():
    with pytest.raises(RuntimeError, match="GFN2-xTB gave no result: SCF not converged"):
        co.chem.xtb_energy("F", {"r": (0, 1)})(r=2.79725554)


@pytest.mark.parametrize("atoms", [(0,), (0, 0), (0, 2), (0, 1, 2, 3, 4), ()])
def test_a_coordinate_that_the_molecule_does_not_have(atoms):
    with pytest.raises(SimulatorError, match=r"vary: 'r' needs 2 to 4 different atoms .* from 0 to 1, got"):
        co.chem.xtb_energy("N#N", {"r": atoms})


def test_what_cannot_be_computed_is_said_at_once():
    with pytest.raises(Rejected):
        co.chem.xtb_energy("C1CC")
    with pytest.raises(SimulatorError, match=r"method: expected one of .*; did you mean 'GFN2-xTB'"):
        co.chem.xtb_energy("O", method="GFN2-XTB")
    ring = co.chem.xtb_energy("C1CC1", {"r": (0, 1)})
    with pytest.raises(SimulatorError, match=r"r: the distance \(Å\) of \(0, 1\) cannot be set: .*ring"):
        ring(r=1.5)


def test_it_is_a_simulator_of_a_campaign_too():
    curve = co.chem.xtb_energy("N#N", {"r": (0, 1)})
    grid = co.Grid({"r": co.Real(0.9, 1.5, unit="Å")}, 7, minimize="energy")
    result = co.Campaign(grid, curve, co.inline()).run()
    assert result.best()[0]["r"] == pytest.approx(1.1)
    assert result.best()[0]["energy"] == curve(r=result.best()[0]["r"])["energy"]
