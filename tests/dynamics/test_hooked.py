"""Random runs with random hooks: each system goes the same way alone, in a batch of others, and in flight."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.hooks.changing import Bias, FrozenAtoms, WrapPositions
from cohobate.dynamics.hooks.guards import EnergyDrift, ExplosionDetector, MaxForceClamp, NaNDetector
from cohobate.dynamics.hooks.hook import At, HookStage
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.making import FIRE, LBFGS, NVE, GradientDescent, NVTLangevin, NVTNoseHoover
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.stage import ENDS, FAILED
from cohobate.dynamics.velocities import MaxwellBoltzmann
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

POTENTIALS = [lennard_jones(EPSILON, SIGMA, CUTOFF), lennard_jones(0.011, 3.38, 8.0)]
UNTIL = [
    {"key": "fmax", "threshold": 0.02},
    {"key": "energy_change", "threshold": 1e-4},
    [{"key": "forces", "threshold": 0.05}, {"key": "energy_change", "threshold": 1e-3}],
]
MAKES = {
    "nve": lambda potential, until, **more: NVE(potential, dt=2.0, until=until, **more),
    "langevin": lambda potential, until, **more: NVTLangevin(
        potential, dt=2.0, temperature=40.0, on_admit=MaxwellBoltzmann(30.0, seed=2), **more
    ),
    "nose-hoover": lambda potential, until, **more: NVTNoseHoover(potential, dt=2.0, temperature=40.0, **more),
    "fire": lambda potential, until, **more: FIRE(potential, until=until, **more),
    "lbfgs": lambda potential, until, **more: LBFGS(potential, until=until, **more),
    "descent": lambda potential, until, **more: GradientDescent(potential, until=until, **more),
}


def failing(system: int, step: int) -> At:
    def fail(batch, moment):
        moment.fail(moment.mask & (batch["id"] == system) & (batch["steps"] == step), "by chance")

    return At(HookStage.AFTER_COMPUTE, fail, per_system=True)


def hook(chance: random.Random):
    return chance.choice(
        [
            lambda: WrapPositions(frequency=chance.randint(1, 5)),
            lambda: MaxForceClamp(chance.choice([0.01, 0.05])),
            lambda: Bias(lambda fields: (1e-3 * (fields["positions"] ** 2).sum(), -2e-3 * fields["positions"])),
            lambda: FrozenAtoms(lambda batch: batch["positions"][:, 1] > 1.0),
            EnergyDrift,
            lambda: NaNDetector(frequency=2),
            lambda: failing(chance.randint(0, 5), chance.randint(0, 9)),
            lambda: ExplosionDetector(max_force=chance.choice([0.05, 1.0])),
        ]
    )()


def run(seed: int):
    chance = random.Random(seed)
    stages = []
    for _ in range(chance.randint(1, 3)):
        hooks = [hook(chance) for _ in range(chance.randint(0, 2))]
        given = {"n_steps": chance.randint(2, 12), "hooks": hooks}
        stages.append(MAKES[chance.choice(sorted(MAKES))](chance.choice(POTENTIALS), chance.choice(UNTIL), **given))
    whole = sum(stages[1:], stages[0])
    return whole.replaced(hooks=tuple(hook(chance) for _ in range(chance.randint(0, 2))))


def systems(seed: int):
    rng = np.random.default_rng(seed)
    found = []
    for i in range(6):
        system = {**crystal(1, seed=i)} if i % 2 else {**cluster(int(rng.integers(1, 7)), seed=i)}
        far = system["positions"] + (20.0 if i == 3 else 0.0)
        found.append({"velocities": rng.normal(0, 2e-3, far.shape), **system, "positions": far, "id": [i]})
    return found


@pytest.mark.parametrize("seed", range(12))
def test_a_system_goes_the_same_way_whatever_hooks_there_are(seed: int):
    alone = [run(seed).run(batch_of([system])) for system in systems(seed)]
    order = np.random.default_rng(seed).permutation(6).tolist()
    together = run(seed).run(batch_of([systems(seed)[i] for i in order]))
    for row, i in enumerate(order):
        for name in ("positions", "velocities", "forces", "energy", "end", "steps"):
            if name in alone[i]:
                assert torch.equal(together.select([row])[name], alone[i][name]), (i, name)
    flown = run_all(run(seed), systems(seed), max_atoms=12, max_systems=3, refill_frequency=1 + seed % 3)
    for one, found in zip(alone, flown, strict=True):
        assert found["status"] == ENDS[int(one["end"])]
        if int(one["end"]) != FAILED:
            assert np.array_equal(found["positions"], one["positions"].numpy())
