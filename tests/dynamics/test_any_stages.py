"""Stages, rules and hooks as chance has it, composed: each system as if it were alone, in both precisions."""

from __future__ import annotations

import operator
from functools import reduce
from random import Random

import numpy as np
import pytest
import torch

from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.changing import FrozenAtoms, WrapPositions
from cohobate.dynamics.hooks.guards import EnergyDrift, MaxForceClamp
from cohobate.dynamics.making import FIRE, LBFGS, NVE, GradientDescent, NVTLangevin, NVTNoseHoover, fused
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.velocities import MaxwellBoltzmann
from dynamics.springs import Springs, atoms, batch

WARM = {"dt": 2.0, "temperature": 900.0}
MAKE = ((NVE, {"dt": 2.0}), (NVTLangevin, WARM), (NVTNoseHoover, WARM), (FIRE, {}), (LBFGS, {}), (GradientDescent, {}))
HOOKS = (
    lambda: MaxForceClamp(1.0),
    lambda: FrozenAtoms(lambda batch: batch["positions"][:, 0] > 0.9),
    lambda: EnergyDrift(frequency=2),
    lambda: WrapPositions(frequency=3),
)
STEPS = 60


def stage(chance: Random, potentials: list[Springs]) -> Dynamics:
    make, settings = chance.choice(MAKE)
    more = {"n_steps": chance.choice([None, 3, 7, 12]), "hooks": [one() for one in HOOKS if chance.random() < 0.1]}
    if chance.random() < 0.3:
        more["on_admit"] = MaxwellBoltzmann(chance.choice([100.0, 900.0]), seed=chance.randrange(5), drift=True)
    until = Convergence.from_fmax(chance.choice([0.1, 0.5]), frequency=chance.choice([1, 3]))
    return make(chance.choice(potentials), **settings, until=until, **more)


def group(chance: Random, potentials: list[Springs]) -> Dynamics:
    codes = chance.sample(range(-3, 9), chance.randrange(1, 4))
    rules = []
    for _ in range(chance.randrange(3)):
        source, above = chance.choice(codes), chance.uniform(0, 5)
        target = chance.choice([*(code for code in codes if code != source), None])
        when = lambda batch, above=above: batch["energy"] > above  # noqa: E731 two arguments, one of them kept
        rules.append(Rule(source, target, when, frequency=chance.randrange(1, 6)))
    leaving = chance.choice([None, *(code for code in range(-6, 14) if code not in codes)])
    stages = [(code, stage(chance, potentials)) for code in codes]
    return fused(stages, rules=rules, entry=chance.choice(codes), exit=leaving)


def any_stages(seed: int) -> Dynamics:
    chance, potentials = Random(seed), [Springs(1.0), Springs(3.0)]
    return reduce(operator.add, [group(chance, potentials) for _ in range(chance.randrange(1, 4))])


def system(number: int, dtype: torch.dtype) -> Batch:
    rng = np.random.default_rng(number)
    n = int(rng.integers(1, 5))
    cell = {"cell": np.eye(3)[None] * rng.uniform(1.5, 4), "pbc": rng.random((1, 3)) < 0.7}
    return batch(atoms(*rng.uniform(-3, 3, n), id=[number]) | cell | {"fixed": rng.random(n) < 0.2}).to(dtype=dtype)


def steps(run: Dynamics, found: Batch, n: int) -> Batch:
    for _ in range(n):
        run.step(found)
    return found


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("seed", range(8))
def test_a_system_goes_the_same_way_whenever_it_comes(seed: int, dtype: torch.dtype):
    numbers = [seed, seed + 10, seed + 20]
    run, found = any_stages(seed), system(numbers[0], dtype)
    for number in numbers[1:]:
        found = system(number, dtype).append(steps(run, found, 9))
    for left, number in enumerate(numbers):
        steps(run, found, STEPS - 18 if left == 0 else 9)
        mine, alone = found.select(found["id"] == number), steps(any_stages(seed), system(number, dtype), STEPS)
        assert [name for name in alone if mine[name].numpy().tobytes() != alone[name].numpy().tobytes()] == []
        found = found.select(found["id"] != number)
