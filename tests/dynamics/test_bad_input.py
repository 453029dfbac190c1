"""Systems that no one can compute: told by system and field, and no other system notices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cohobate.core.errors import UserError
from cohobate.core.task import Task
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.making import FIRE, NVE
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.dynamics import FAILED
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

BOX = np.eye(3)[None] * 20.0
ALL = [[True, True, True]]
PAIR = {"numbers": [18, 18], "positions": [[0, 0, 0], [0, 0, 3.8]], "masses": [40.0, 40.0]}
NONE = {"numbers": [], "positions": np.zeros((0, 3)), "masses": []}
BAD: dict[str, dict[str, Any]] = {
    "positions: expected at least one atom, got none": NONE,
    "positions: atom 1 is in the same place as atom 0: [0.0, 0.0, 0.0]": {"positions": np.zeros((2, 3))},
    "atom 1 is in the same place as atom 0 (of a periodic image)": {
        "positions": [[0, 0, 0], [20, 0, 0]],
        "cell": BOX,
        "pbc": ALL,
    },
    "atomic number 36 is not known": {"numbers": [18, 36]},
    "numbers must be atomic numbers, got -1": {"numbers": [18, -1]},
    "positions must be finite; those of atom 1 are [0.0, nan, 1.0]": {"positions": [[0, 0, 0], [0, np.nan, 1]]},
    "must be finite; those of atom 1 are": {"velocities": [[0, 0, 0], [0, np.inf, 0]]},
    "masses must be positive": {"masses": [40.0, np.inf]},
    "cell must be 3 x 3 finite numbers": {"cell": BOX * np.nan, "pbc": ALL},
    "the cell has no volume: its vector 0 is zero": {"cell": BOX * 0, "pbc": ALL},
    "its vector 2 is zero; a direction that does not repeat": {
        "cell": BOX * [[1], [1], [0]],
        "pbc": [[True, True, False]],
    },
    "its vectors lie in a plane": {"cell": [[[9.0, 0, 0], [0, 9, 0], [9, 9, 0]]], "pbc": ALL},
    "the cell is too small for the cutoff: its images cannot be numbered": {
        "positions": [[0, 0, 0], [0, 0.001, 0]],
        "cell": BOX * [[1], [1], [1e-30]],
        "pbc": ALL,
    },
}


def argon(**given: Any):
    return lennard_jones(EPSILON, SIGMA, CUTOFF, **given)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("told", BAD)
def test_a_run_marks_a_bad_system_and_the_others_go_on(told: str, compiled: bool):
    good, bad = [crystal(1, seed=1), crystal(1, seed=2)], PAIR | BAD[told]
    run = NVE(argon(compiled=compiled), dt=2.0)
    batch = run.run(Batch.of([good[0], bad, good[1]]), 5)
    assert batch["end"].tolist() == [0, FAILED, 0]
    assert told in run.reasons[1]
    assert "\n" not in run.reasons[1]
    alone = NVE(argon(compiled=compiled), dt=2.0).run(Batch.of(good), 5)
    others = batch["positions"][batch.system != 1]
    assert others.numpy() == pytest.approx(alone["positions"].numpy(), abs=0 if compiled else 1e-14)


def test_a_running_batch_tells_who_submitted_it():
    flight = InFlight(NVE(argon(), dt=2.0, n_steps=5), max_systems=4, max_atoms=100)
    good = NVE(argon(), dt=2.0).run(batch_of([crystal(1)]), 5)["positions"]
    asked = []
    for told, given in BAD.items():
        asked.append((told, flight.submit(Task(fn=dict, args=(PAIR | given,), key="the bad"))))
        asked.append(("", flight.submit(Task(fn=dict, args=(crystal(1),), key="the good"))))
    for told, future in asked:
        if told:
            error = future.exception(timeout=60)
            assert told in str(error)
            assert "the bad" in str(error)
        else:
            assert np.array_equal(future.result(timeout=60)["positions"], good)
    flight.close()


def test_a_left_handed_cell_is_refused_at_the_door_and_is_none_the_worse_inside():
    right = {**crystal(2)}
    left = {**right, "cell": right["cell"][:, [1, 0, 2]]}
    with pytest.raises(UserError, match="system '0': the cell is left-handed"):
        batch_of([left])
    want = frozenset({"energy", "forces", "stress"})
    for compiled in (True, False):
        found = argon(compiled=compiled).compute(Batch.of([left, right]), want).values
        assert found["stress"][0].numpy() == pytest.approx(found["stress"][1].numpy(), abs=1e-14)
        assert found["forces"][:32].numpy() == pytest.approx(found["forces"][32:].numpy(), abs=1e-13)


def test_no_systems_make_no_steps():
    for batch in (Batch.empty(), batch_of([cluster(3)]).empty_like()):
        for run in (NVE(argon(), dt=1.0), FIRE(argon(), until=Convergence.from_fmax(0.1))):
            ended = run.run(batch.copy(), 3)
            assert len(ended) == 0
            assert {"status", "forces"} <= set(ended)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_floating_type_that_the_potential_cannot_use_is_refused(dtype: torch.dtype):
    with pytest.raises(
        UserError, match=r"'nve \(0\)' computes in torch\.float64 or torch\.float32; the batch is torch"
    ):
        NVE(argon(), dt=1.0).run(batch_of([cluster(3)], dtype=dtype), 1)
