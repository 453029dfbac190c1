"""No more pairs in a batch than there may be: counted before systems board, and as they move."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.making import NVE
from cohobate.dynamics.models.ase_calculators import xtb
from cohobate.dynamics.models.edges import Edges
from cohobate.dynamics.models.functions import TorchFunction
from cohobate.dynamics.models.lists import pairs_of
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.models.sums import Sum
from cohobate.dynamics.stages.dynamics import Dynamics
from dynamics.inflight.test_engine import alone, argon, assert_as_alone, heat
from dynamics.systems import CUTOFF, cluster, crystal


def counted(system: AtomicData, reach: float = CUTOFF + 1.0) -> int:
    """Returns the pairs of a cluster, from all distances."""
    apart = np.linalg.norm(system["positions"][:, None] - system["positions"][None], axis=2)
    return int((apart < reach).sum() - len(apart)) // 2


class Look:
    """A hook that notes how many systems and pairs there are."""

    frequency = 1
    stage = HookStage.AFTER_STEP

    def __init__(self) -> None:
        self.systems: list[int] = []
        self.pairs: list[int] = []
        self.ids: list[list[int]] = []

    def __call__(self, batch: Batch, moment: Moment) -> None:
        self.systems.append(batch.n_systems)
        self.pairs.append(int(pairs_of(batch).sum()))
        self.ids.append(sorted(batch["id"].tolist()))


def far(batch: Batch) -> torch.Tensor:
    return torch.zeros(batch.n_systems, dtype=batch.dtype) + batch["positions"].sum() * 0


POTENTIALS = {
    "compiled": (argon, 1),
    "torch": (lambda: lennard_jones(0.0104, 3.405, CUTOFF, compiled=False), 1),
    "sum": (lambda: Sum(argon(), lennard_jones(0.01, 3.4, 6.0, threads=1)), 1),
    "function": (lambda: TorchFunction(far, edges=Edges(CUTOFF), one_by_one=True), 2),
}


@pytest.mark.parametrize("name", POTENTIALS)
def test_never_more_pairs_from_the_first_step_on(name: str):
    make, times = POTENTIALS[name]
    systems = [cluster(13, seed=1 + i % 3) for i in range(12)]
    most = times * (3 * max(map(counted, systems)) + 10)
    look = Look()
    found = run_all(heat(make(), hooks=[look]), systems, max_atoms=1000, max_edges=most)
    assert max(look.pairs) <= most
    assert max(look.systems) in (3, 4)
    assert [one["steps"] for one in found] == [25] * 12


@pytest.mark.parametrize("name", ["compiled", "torch", "sum"])
def test_pairs_are_counted_as_lists_hold_them(name: str):
    potential: Any = POTENTIALS[name][0]()
    batch = batch_of([cluster(13, seed=1), cluster(5, seed=2)])
    expected = [counted(cluster(13, seed=1)), counted(cluster(5, seed=2))]
    assert potential.pairs(batch).tolist() == expected
    assert "pairs.count" not in batch
    crystals = batch_of([crystal(2, seed=1)])
    before = potential.pairs(crystals).tolist()
    potential.compute(crystals, frozenset({"energy", "forces"}))
    assert pairs_of(crystals).tolist() == before


def falling(n: int) -> AtomicData:
    """Returns atoms that fly towards each other: none are neighbours at first, all are later."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)[:n]
    fields = {"numbers": [18] * n, "positions": corners * 6.0, "velocities": -corners * 0.02, "masses": [40.0] * n}
    return AtomicData(fields)


def fly(**given: Any) -> Dynamics:
    return NVE(argon(), dt=5.0, n_steps=60, **given)


@pytest.mark.parametrize("refill", [1, 4])
def test_those_that_come_to_have_more_make_the_last_ones_wait_and_no_trajectory_is_another(refill: int):
    look, systems = Look(), [falling(5 + i % 4) for i in range(6)]
    assert all(counted(system) == 0 for system in systems)
    found = run_all(fly(hooks=[look]), systems, max_atoms=1000, max_edges=30, refill_frequency=refill)
    for i, one in enumerate(found):
        assert_as_alone(one, alone(fly(), systems[i], i))
    assert max(look.systems) == 6
    over = [pairs > 30 for pairs, systems in zip(look.pairs, look.systems, strict=True) if systems > 1]
    assert any(over)
    for pairs, (before, after) in zip(look.pairs, pairwise(look.ids), strict=False):
        assert pairs <= 30 or len(before) == 1 or after != before  # seen, and put right


def test_one_that_has_more_alone_is_refused_and_the_others_go_on():
    found = run_all(heat(), [cluster(4), cluster(13, seed=1), cluster(5)], max_atoms=100, max_edges=20)
    assert [one["status"] for one in found] == ["budget used", "failed", "budget used"]
    assert f"system 1 has {counted(cluster(13, seed=1))} pairs, more than max_edges=20" in found[1]["why"]


@pytest.mark.parametrize("potential", [xtb(), TorchFunction(far)])
def test_a_limit_that_nobody_can_count_is_refused(potential: Any):
    with pytest.raises(UserError, match="cannot count the pairs"):
        InFlight(heat(potential), max_atoms=100, max_edges=100)
