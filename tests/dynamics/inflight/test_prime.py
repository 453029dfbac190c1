"""Hooks of a running batch: they do to a system what they do to it alone, and see nothing of its boarding."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from cohobate.core.errors import EngineClosed, UserError
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.hooks.changing import Bias, FrozenAtoms, WrapPositions
from cohobate.dynamics.hooks.converging import ConvergenceHook
from cohobate.dynamics.hooks.guards import EnergyDrift, MaxForceClamp
from cohobate.dynamics.hooks.hook import At, HookStage
from cohobate.dynamics.hooks.logs import LogCSV
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.making import FIRE, NVE, NVTNoseHoover
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.rule import Rule
from dynamics.springs import Seen
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

ARGON = lennard_jones(EPSILON, SIGMA, CUTOFF)
ENERGY = {"key": "energy_change", "threshold": 1e-4}
HOOKS = {
    "wrapped": lambda: WrapPositions(frequency=3),
    "clamped": lambda: MaxForceClamp(0.02),
    "biased": lambda: Bias(lambda fields: 1e-3 * (fields["positions"] ** 2).sum()),
    "frozen": lambda: FrozenAtoms(lambda batch: batch["positions"][:, 0] > 2.0),
    "followed": EnergyDrift,
    "moved": lambda: ConvergenceHook(ENERGY, 0, 1, frequency=2),
}
RUNS = {
    "thermostat": lambda **more: NVTNoseHoover(ARGON, dt=2.0, temperature=50.0, n_steps=13, **more),
    "relaxation": lambda **more: FIRE(ARGON, until=ENERGY, n_steps=30, **more),
}


def systems():
    """Returns five; two of them have an atom outside of their cell."""
    found = [{**cluster(3 + i, seed=i), "velocities": np.full((3 + i, 3), 1e-3)} for i in range(3)]
    for i in (3, 4):
        system = {**crystal(1, seed=i)}
        found.append(system | {"positions": system["positions"] + 2 * system["cell"][0, 0] * np.eye(4)[:, :1]})
    return [one | {"id": [i]} for i, one in enumerate(found)]


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("of_the_whole", [False, True])
def test_a_hook_does_to_a_system_what_it_does_to_it_alone(name: str, kind: str, of_the_whole: bool):
    def run():
        if of_the_whole:
            return RUNS[kind]().replaced(hooks=(HOOKS[name](),))
        return RUNS[kind](hooks=[HOOKS[name]()])

    together = run_all(run(), systems(), max_atoms=14, max_systems=3)
    for system, found in zip(systems(), together, strict=True):
        alone = run().run(batch_of([system]))
        assert np.array_equal(found["positions"], alone["positions"].numpy())
        assert found["energy"] == float(alone["energy"])


def test_tables_have_the_steps_of_a_system_and_not_its_boarding(tmp_path):
    log = LogCSV(tmp_path / "log.csv", ["energy"])
    run_all(NVE(ARGON, dt=2.0, n_steps=3).replaced(hooks=(log,)), systems(), max_atoms=14, max_systems=2)
    rows = list(csv.DictReader(log.path.read_text().splitlines()))
    for i in range(5):
        mine = [row for row in rows if row["id"] == str(i)]
        assert [(row["status"], row["steps"]) for row in mine] == [("0", str(step)) for step in (1, 2, 3)]


def test_hooks_that_change_systems_count_the_steps_of_each_after_a_refill():
    seen, steps = Seen(HookStage.AFTER_STEP, frequency=2, per_system=True), []
    watch = At(HookStage.AFTER_STEP, lambda batch, moment: steps.extend(batch["steps"][moment.mask].tolist()))
    run = NVE(ARGON, dt=2.0, n_steps=5, hooks=[seen, watch])
    run_all(run, systems(), max_atoms=14, max_systems=2)
    assert sorted(i for ids in seen.systems for i in ids) == sorted([*range(5)] * 3)
    assert sorted(steps) == sorted([*range(1, 6)] * 5)


class Shy(Seen):
    """Cannot be entered."""

    def __enter__(self):
        raise OSError("no room on the disk")

    def __exit__(self, *_):
        """Never comes."""


def test_a_hook_that_cannot_be_entered_stops_the_engine_and_says_why():
    with pytest.raises(EngineClosed, match="no room on the disk"):
        run_all(NVE(ARGON, dt=2.0, n_steps=3, hooks=[Shy()]), systems(), max_atoms=14)


def test_a_hook_is_entered_and_left_once_by_an_engine():
    class Opened(Seen):
        def __enter__(self):
            log.append("in")

        def __exit__(self, *_):
            log.append("out")

    log, hook = [], Opened(HookStage.AFTER_STEP)
    run = NVE(ARGON, dt=2.0, n_steps=3, hooks=[hook]) + NVE(ARGON, dt=1.0, n_steps=2, hooks=[hook])
    run_all(run.replaced(hooks=(hook,)), systems(), max_atoms=14)
    assert log == ["in", "out"]


def test_what_a_hook_raises_is_named_in_what_came_of_a_system():
    def broken(batch, moment):
        raise ValueError("oh")

    found = run_all(NVE(ARGON, dt=2.0, n_steps=3, hooks=[At(HookStage.AFTER_STEP, broken)]), systems(), max_atoms=14)
    assert {one["status"] for one in found} == {"failed"}
    assert all("broken at AFTER_STEP of step" in one["why"] and "ValueError: oh" in one["why"] for one in found)


def test_a_stage_that_is_silent_is_seen_by_its_own_hooks_alone():
    own, whole = Seen(HookStage.AFTER_STEP), Seen(HookStage.AFTER_STEP)
    first = NVE(ARGON, dt=2.0, n_steps=2, hooks=[own])
    both = (first + NVE(ARGON, dt=2.0, n_steps=1)).replaced(hooks=(whole,))
    quiet = both.replaced(stages=(replace(both.stages[0], silent=True), both.stages[1]))
    found = quiet.run(batch_of([cluster(3)]))
    assert own.systems == [[0], [0], []]
    assert whole.systems == [[], [], [0]]
    assert torch.equal(found["positions"], both.run(batch_of([cluster(3)]))["positions"])


def test_systems_leave_by_a_hook_that_moves_them_or_by_a_rule():
    hooked = NVE(ARGON, dt=2.0, hooks=[ConvergenceHook({"key": "steps", "threshold": 9}, 0, 1)])
    ruled = NVE(ARGON, dt=2.0).replaced(rules=(Rule(0, None, lambda batch: batch["steps"] >= 1),))
    for run in (hooked, ruled):
        assert [one["status"] for one in run_all(run, systems(), max_atoms=14)] == ["converged"] * 5
    with pytest.raises(UserError, match="never end"):
        run_all(NVE(ARGON, dt=2.0), systems(), max_atoms=14)
