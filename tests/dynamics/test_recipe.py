"""What dynamics are made of: the same for the same, another wherever a trajectory may be another."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import ase.calculators.emt
import ase.calculators.lj
import pytest
import torch

from cohobate.core.canonical import canonical, difference
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.changing import Bias, FrozenAtoms, WrapPositions
from cohobate.dynamics.hooks.guards import EnergyDrift, ExplosionDetector, MaxForceClamp, NaNDetector
from cohobate.dynamics.hooks.logs import LogCSV
from cohobate.dynamics.making import FIRE, NVTLangevin, fused
from cohobate.dynamics.models.ase_calculators import AseCalculator, xtb
from cohobate.dynamics.models.edges import Edges
from cohobate.dynamics.models.functions import TorchFunction
from cohobate.dynamics.models.pairs import lennard_jones, morse
from cohobate.dynamics.models.sums import Sum
from cohobate.dynamics.recipe import recipe_of
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.velocities import MaxwellBoltzmann


def argon(epsilon: float = 0.01, cutoff: float = 8.5, **given: Any):
    return lennard_jones(epsilon, 3.4, cutoff, **given)


def relax(potential: Any = None, fmax: float = 0.01, **given: Any) -> Dynamics:
    return FIRE(potential or argon(), until=Convergence.from_fmax(fmax), **given)


def heat(potential: Any = None, **given: Any) -> Dynamics:
    return NVTLangevin(potential or argon(), **{"dt": 2.0, "temperature": 40, "n_steps": 25, **given})


def wells(batch: Batch) -> torch.Tensor:
    return (batch["positions"] ** 2).sum()


def others(batch: Batch) -> torch.Tensor:
    return (batch["positions"] ** 4).sum()


class Own:
    """A potential of a user."""

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self.traits = argon().traits

    def compute(self, batch: Batch, want: frozenset[str]) -> Any: ...


class Push:
    """A hook of a user that changes systems."""

    per_system = True
    frequency = 1
    stage = MaxForceClamp.stage

    def __init__(self, much: float) -> None:
        self.much, self.seen = much, list[int]()

    def __call__(self, batch: Batch, moment: Any) -> None: ...


def first(batch: Batch) -> torch.Tensor:
    return batch["energy"] < 0


OTHERS: Mapping[str, tuple[Callable[[], Dynamics], ...]] = {
    "n_steps": (lambda: relax(n_steps=10), lambda: relax(n_steps=11)),
    "fmax": (relax, lambda: relax(fmax=0.02)),
    "frequency": (relax, lambda: FIRE(argon(), until=Convergence.from_fmax(0.01, frequency=2))),
    "max_step": (relax, lambda: relax(max_step=0.1)),
    "stages": (relax, lambda: relax() + heat(), lambda: heat() + relax(), heat),
    "seed": (heat, lambda: heat(seed=1), lambda: heat(temperature=41), lambda: heat(dt=1.0)),
    "potential": (
        relax,
        lambda: relax(argon(0.011)),
        lambda: relax(argon(cutoff=8.0)),
        lambda: relax(argon(skin=0.5)),
        lambda: relax(argon(switch_from=7.0)),
        lambda: relax(argon(shifted=False)),
        lambda: relax(argon(species=(18, 36))),
        lambda: relax(Sum(argon(), argon())),
        lambda: relax(morse(0.01, 1.5, 3.8, 8.5)),
        lambda: relax(Own(1.0)),
        lambda: relax(Own(1.5)),
        lambda: relax(TorchFunction(wells)),
        lambda: relax(TorchFunction(others)),
        lambda: relax(TorchFunction(wells, edges=Edges(5.0))),
        lambda: relax(TorchFunction(wells, one_by_one=True)),
        lambda: relax(AseCalculator(ase.calculators.lj.LennardJones)),
        lambda: relax(AseCalculator(ase.calculators.emt.EMT)),
        lambda: relax(AseCalculator(lambda: ase.calculators.lj.LennardJones(sigma=3.4))),
        lambda: relax(AseCalculator(lambda: ase.calculators.lj.LennardJones(sigma=3.5))),
        lambda: relax(xtb("GFN1-xTB")),
        lambda: relax(xtb("GFN2-xTB")),
    ),
    "hooks": (
        relax,
        lambda: relax(hooks=[WrapPositions()]),
        lambda: relax(hooks=[WrapPositions(frequency=3)]),
        lambda: relax(hooks=[MaxForceClamp(1.0)]),
        lambda: relax(hooks=[MaxForceClamp(2.0)]),
        lambda: relax(hooks=[ExplosionDetector(max_force=2.0)]),
        lambda: relax(hooks=[ExplosionDetector(max_force=3.0)]),
        lambda: relax(hooks=[NaNDetector(("energy",))]),
        lambda: relax(hooks=[EnergyDrift(0.1)]),
        lambda: relax(hooks=[FrozenAtoms("tag")]),
        lambda: relax(hooks=[Bias(lambda fields: fields["positions"].sum())]),
        lambda: relax(hooks=[Bias(lambda fields: 2 * fields["positions"].sum())]),
        lambda: relax(hooks=[Push(1.0)]),
        lambda: relax(hooks=[Push(2.0)]),
        lambda: relax().replaced(hooks=(Push(2.0),)),
    ),
    "on_admit": (
        heat,
        lambda: heat(on_admit=MaxwellBoltzmann(40)),
        lambda: heat(on_admit=MaxwellBoltzmann(40, seed=1)),
        lambda: heat(on_admit=lambda batch: None),
    ),
    "rules": (
        lambda: fused([(0, relax()), (1, heat())]),
        lambda: fused([(0, relax()), (1, heat())], rules=[Rule(0, 1, first)]),
        lambda: fused([(0, relax()), (1, heat())], rules=[Rule(0, None, first)]),
        lambda: fused([(0, relax()), (1, heat())], rules=[Rule(0, 1, first, frequency=5)]),
        lambda: fused([(0, relax()), (1, heat())], entry=1),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_decides_upon_a_trajectory_is_told(name: str):
    told = [canonical(recipe_of(make())) for make in OTHERS[name]]
    assert len(set(told)) == len(told)
    assert told == [canonical(recipe_of(make())) for make in OTHERS[name]]


def test_who_looks_on_and_how_many_threads_there_are_is_not_told(tmp_path: Any):
    plain = recipe_of(relax())
    assert recipe_of(relax(hooks=[LogCSV(tmp_path / "log.csv")])) == plain
    assert recipe_of(relax(argon(threads=3))) == plain
    assert recipe_of(relax(pickle.loads(pickle.dumps(argon())))) == plain


def test_running_changes_nothing_of_it():
    hook, drift = Push(1.0), EnergyDrift(5.0)
    run = heat(hooks=[hook, drift])
    before = canonical(recipe_of(run))
    hook.seen.append(3)
    batch = Batch.of([{"numbers": [18, 18], "positions": [[0, 0, 0], [0, 0, 3.8]], "masses": [40.0, 40.0]}])
    run.run(batch)
    assert drift.worst
    assert canonical(recipe_of(run)) == before


def test_it_is_the_same_in_another_process():
    code = "from dynamics.test_recipe import *; print(canonical([recipe_of(m()) for k in OTHERS for m in OTHERS[k]]))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == canonical([recipe_of(make()) for name in OTHERS for make in OTHERS[name]])


def test_weights_of_a_network_are_part_of_it():
    one, other = (TorchFunction(torch.nn.Linear(3, 1)) for _ in range(2))
    assert recipe_of(relax(one)) == recipe_of(relax(one))
    assert recipe_of(relax(one)) != recipe_of(relax(other))


def test_what_has_changed_is_named():
    place, old, new = difference("dynamics", recipe_of(relax()), recipe_of(relax(fmax=0.02)))
    assert (place, old, new) == ("dynamics.stages.fire (0).until.criteria[0].threshold", "0.01", "0.02")
