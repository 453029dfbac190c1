"""Terms that work on ASE atoms, in a closed form: what they do to their inputs is theirs."""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones
from ase.optimize import BFGS

import cohobate as co
from cohobate.campaign.parts.gathering import Gathering
from cohobate.core.outcome import Cancelled
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term

DIMER = Atoms("Ar2", [[0, 0, 0], [0, 0, 4.0]])
TRUTH = {"Ar": {"epsilon": 0.0104, "sigma": 3.405}}


def relaxed(Ar, atoms):
    """Relaxes atoms where they are."""
    atoms.calc = LennardJones(**Ar, rc=100.0)
    start = atoms.get_potential_energy()
    assert BFGS(atoms, logfile=None).run(fmax=1e-6, steps=200)
    return {"start": start, "depth": -atoms.get_potential_energy(), "r": atoms.get_distance(0, 1)}


def objective():
    sixth = (3.405 / 4.0) ** 6
    start = 4 * 0.0104 * (sixth**2 - sixth)
    depth = Term(relaxed, {"start": start, "depth": 0.0104}, sigma=1e-4, inputs={"atoms": DIMER}, name="depth")
    r = Term(relaxed, 2 ** (1 / 6) * 3.405, read="r", sigma=0.01, inputs={"atoms": DIMER}, name="r")
    return CombinedObjective([depth, r])


@pytest.mark.parametrize("engine", [False, True])
def test_a_relaxation_begins_anew_each_time(engine):
    with co.threads(2) as place:
        made = objective().on(place) if engine else objective()
        scores = [made.evaluate(TRUTH) for _ in range(2)]
    assert scores[0].loss == scores[1].loss == pytest.approx(0.0, abs=1e-3)
    assert scores[0].quantities["r"]["r"] == pytest.approx(2 ** (1 / 6) * 3.405, abs=1e-4)
    assert np.array_equal(DIMER.positions, [[0, 0, 0], [0, 0, 4.0]])


def test_beyond_a_bound_a_call_at_an_engine_is_cancelled():
    with co.threads(1) as place:
        found = Gathering(objective(), place)({"Ar": {"epsilon": 0.02, "sigma": 3.405}}, bound=1.0)
    assert isinstance(found, Cancelled)
    assert "over the bound 1" in found.reason
