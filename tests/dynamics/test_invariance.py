"""Everything at once: a system goes the same way alone, in any batch, and whenever it comes into it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.hooks.changing import Bias, FrozenAtoms, WrapPositions
from cohobate.dynamics.hooks.converging import ConvergenceHook
from cohobate.dynamics.hooks.guards import EnergyDrift, ExplosionDetector, MaxForceClamp, NaNDetector
from cohobate.dynamics.making import FIRE, NVE, NVTLangevin, fused
from cohobate.dynamics.stages.rule import Rule
from dynamics.springs import Springs, atoms, batch

WITHOUT_SHRINKING = [Phase.explicit, Phase.generate]


def pull(fields):
    x = fields["positions"]
    return 0.05 * (x * x).sum(), x * -0.1


def far(batch):
    out = torch.zeros(batch.n_systems, dtype=torch.bool)
    out[batch.system[batch["positions"].abs().amax(1) > 1.2]] = True
    return out


def campaign():
    """Returns stages, hooks and rules of every kind together."""
    soft, hard = Springs(1.0), Springs(3.0)
    relax = FIRE(soft, until=Convergence.from_fmax(0.4, frequency=3), n_steps=25, hooks=[MaxForceClamp(1.5)])
    warm = NVTLangevin(
        hard,
        dt=2.0,
        temperature=900.0,
        friction=0.05,
        n_steps=17,
        hooks=[WrapPositions(frequency=4), Bias(pull), NaNDetector()],
        name="warm",
    )
    free = NVE(
        soft,
        dt=2.0,
        n_steps=13,
        hooks=[EnergyDrift(frequency=2), FrozenAtoms(lambda batch: batch["positions"][:, 0] > 0.9)],
        name="free",
    )
    small = ConvergenceHook({"key": "energy", "threshold": 0.5}, 0, 5, frequency=2)
    return fused(
        [(0, relax), (3, warm), (5, free)],
        hooks=[small, ExplosionDetector(max_force=40)],
        rules=[Rule("warm", "free", far, frequency=5), Rule("free", None, lambda b: b["energy"] > 3.0, frequency=6)],
    )


def system(number: int):
    rng = np.random.default_rng(number)
    n = int(rng.integers(1, 4))
    return atoms(*rng.uniform(-3, 3, n), id=[number]) | {
        "cell": np.eye(3)[None] * rng.uniform(1.5, 4),
        "pbc": rng.random((1, 3)) < 0.7,
        "fixed": rng.random(n) < 0.2,
    }


def alone(number: int):
    return campaign().run(batch(system(number)))


def same(found, number: int):
    other = alone(number)
    return [name for name in other if not torch.equal(found[name], other[name])]


@given(st.lists(st.integers(0, 60), min_size=2, max_size=6, unique=True))
@settings(deadline=None, max_examples=8, phases=WITHOUT_SHRINKING)
def test_alone_and_together(numbers: list[int]):
    together = campaign().run(batch(*map(system, numbers)))
    assert [same(together.select([i]), number) for i, number in enumerate(numbers)] == [[]] * len(numbers)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), min_size=2, max_size=5, unique_by=lambda one: one[0]))
@settings(deadline=None, max_examples=8, phases=WITHOUT_SHRINKING)
def test_whenever_it_comes_and_whoever_leaves(arrivals: list[tuple[int, int]]):
    run = campaign()
    running, done = None, {}
    for number, steps in arrivals:
        fresh = run.begin(batch(system(number)))
        running = fresh if running is None else fresh.append(running)
        for _ in range(steps):
            run.step(running)
        left = running["status"] == run.exit_status
        done |= {int(one["id"][0]): one for one in running.select(left).split()}
        running = running.select(~left)
    done |= {int(one["id"][0]): one for one in run.run(running).split()}
    assert {number: same(done[number], number) for number, _ in arrivals} == {number: [] for number, _ in arrivals}


@pytest.mark.parametrize("chunk", [1, 7])
def test_in_one_run_or_in_many(chunk: int):
    numbers = [3, 14, 15, 9]
    run, found = campaign(), batch(*map(system, numbers))
    while "status" not in found or bool((found["status"] != run.exit_status).any()):
        run.run(found, chunk)
    assert [same(found.select([i]), number) for i, number in enumerate(numbers)] == [[]] * 4
