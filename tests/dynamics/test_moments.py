"""When hooks are called, in which order, how often, and for which systems."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial

import pytest
import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.hooks.hook import At, Hook, HookStage
from cohobate.dynamics.making import NVE, fused
from cohobate.dynamics.stages.stage import BUDGET_USED, FAILED
from cohobate.dynamics.stages.stage import CONVERGED as CONVERGED_END
from dynamics.springs import Seen, Springs, atoms, batch

EVERY = [one.name for one in HookStage]
CONVERGED = Convergence({"key": "energy", "threshold": 1e9})


def test_a_plain_run_calls_its_hooks_at_all_nine_moments_in_their_order():
    seen = Seen()
    NVE(Springs(), dt=1.0, hooks=[seen], until=CONVERGED).run(batch())
    assert [name for _, name in seen.moments] == EVERY


@pytest.mark.parametrize("seed", range(20))
def test_moments_orders_and_frequencies_are_those_of_nvalchemi(seed: int):
    """Its rule: moment by moment, hooks in their order, those of which the frequency divides the count of steps."""
    chance, calls, n = random.Random(seed), [], 5
    hooks = [
        Seen(*chance.sample(list(HookStage), chance.randint(1, 9)), frequency=frequency, name=str(k), calls=calls)
        for k, frequency in enumerate(chance.choices([1, 2, 3, 4], k=3))
    ]
    NVE(Springs(), dt=1.0, hooks=hooks).run(batch(), n)
    assert [(name, moment, step) for name, moment, step, _ in calls] == [
        (hook.name, moment, step)
        for step in range(n)
        for moment in HookStage
        for hook in hooks
        if moment is not HookStage.ON_CONVERGE and moment in hook.stages and step % hook.frequency == 0
    ]


def test_the_last_moment_is_left_out_where_nothing_converges():
    seen = Seen()
    NVE(Springs(), dt=1.0, hooks=[seen]).run(batch(), 2)
    assert [name for _, name in seen.moments] == EVERY[:-1] * 2


def test_a_fused_run_calls_stages_in_turn_and_the_whole_around_them():
    calls = []
    potential = Springs()
    a, b = (NVE(potential, dt=1.0, n_steps=9, hooks=[Seen(name=name, calls=calls)]) for name in "ab")
    both = fused([(0, a), (1, b)], hooks=[Seen(name="whole", calls=calls)])
    both.run(batch(), 1)
    assert [(name, stage.name) for name, stage, *_ in calls] == [
        ("whole", "BEFORE_STEP"), ("a", "BEFORE_STEP"), ("b", "BEFORE_STEP"),
        ("whole", "BEFORE_PRE_UPDATE"),
        ("a", "BEFORE_PRE_UPDATE"), ("a", "AFTER_PRE_UPDATE"), ("b", "BEFORE_PRE_UPDATE"), ("b", "AFTER_PRE_UPDATE"),
        ("whole", "AFTER_PRE_UPDATE"),
        ("whole", "BEFORE_COMPUTE"), ("a", "BEFORE_COMPUTE"), ("b", "BEFORE_COMPUTE"),
        ("whole", "AFTER_COMPUTE"), ("a", "AFTER_COMPUTE"), ("b", "AFTER_COMPUTE"),
        ("whole", "BEFORE_POST_UPDATE"),
        ("a", "BEFORE_POST_UPDATE"), ("a", "AFTER_POST_UPDATE"),
        ("b", "BEFORE_POST_UPDATE"), ("b", "AFTER_POST_UPDATE"),
        ("whole", "AFTER_POST_UPDATE"),
        ("a", "AFTER_STEP"), ("b", "AFTER_STEP"), ("whole", "AFTER_STEP"),
    ]  # fmt: skip
    masks = {name: ids for name, _, _, ids in calls}
    assert masks == {"whole": [0, 1, 2], "a": [0, 1, 2], "b": []}


@pytest.mark.parametrize(("frequency", "steps"), [(1, [0, 1, 2, 3, 4, 5, 6]), (3, [0, 3, 6]), (7, [0]), (100, [0])])
def test_hooks_that_look_on_count_the_steps_of_the_batch_from_0(frequency: int, steps: list[int]):
    seen = Seen(HookStage.AFTER_STEP, frequency=frequency)
    run = NVE(Springs(), dt=1.0, hooks=[seen])
    run.run(batch(), 4)
    run.run(batch(), 3)
    assert seen.steps == steps


def test_the_steps_of_the_batch_count_for_all_stages_of_a_fused_run():
    seen = Seen(HookStage.AFTER_STEP, frequency=2)
    both = NVE(Springs(), dt=1.0, n_steps=3) + NVE(Springs(2.0), dt=1.0, n_steps=3, hooks=[seen])
    both.run(batch())
    assert seen.steps == [0, 2, 4]
    assert seen.systems == [[], [], [0, 1, 2]]
    assert both.step_count == 6


def test_hooks_that_change_systems_count_the_steps_of_each():
    """Systems that come at different steps get the same, at the same of their own steps."""
    seen = Seen(HookStage.AFTER_STEP, frequency=3, per_system=True)
    run = NVE(Springs(), dt=1.0, n_steps=100, hooks=[seen])
    running = run.begin(batch(atoms(1.0)))
    run.step(running)
    late = batch(atoms(1.0, id=[5]))
    running = running.append(run.begin(late))
    for _ in range(6):
        run.step(running)
    assert seen.calls == [
        ("", HookStage.AFTER_STEP, step, ids) for step, ids in [(0, [0]), (1, [5]), (3, [0]), (4, [5]), (6, [0])]
    ]


def test_hooks_that_change_forces_are_there_when_the_first_forces_are():
    seen = Seen(HookStage.AFTER_COMPUTE, per_system=True)
    NVE(Springs(), dt=1.0, hooks=[seen]).run(batch(), 1)
    assert seen.systems == [[0, 1, 2], [0, 1, 2]]


def test_one_that_is_called_at_several_moments_reads_which():
    seen = Seen(HookStage.AFTER_STEP, HookStage.BEFORE_STEP, HookStage.BEFORE_STEP)
    NVE(Springs(), dt=1.0, hooks=[seen]).run(batch(), 1)
    assert [name for _, name in seen.moments] == ["BEFORE_STEP", "AFTER_STEP"]


def test_any_object_with_the_signature_is_a_hook():
    class Plain:
        frequency, stage, called = 2, HookStage.AFTER_STEP, 0

        def __call__(self, batch, moment):
            self.called += 1

    plain = Plain()
    assert isinstance(plain, Hook)
    NVE(Springs(), dt=1.0, hooks=[plain]).run(batch(), 3)
    assert plain.called == 2


def test_the_protocol_may_be_a_base_class_and_a_hook_a_frozen_value():
    called = []

    @dataclass(frozen=True)
    class Frozen(Hook):
        frequency: int = 2
        stage: HookStage = HookStage.AFTER_STEP

        def __call__(self, batch, moment):
            called.append(moment.step)

    NVE(Springs(), dt=1.0, hooks=[Frozen()]).run(batch(), 3)
    assert called == [0, 2]


def test_any_function_is_a_hook_by_when_it_is_called():
    steps = []

    class Counts:
        def up(self, batch, moment):
            steps.append(moment.step)

    functions = [Counts().up, partial(Counts.up, Counts()), lambda batch, moment: steps.append(moment.step)]
    hooks = [At(HookStage.AFTER_STEP, one, frequency=2) for one in functions]
    NVE(Springs(), dt=1.0, hooks=hooks).run(batch(), 3)
    assert steps == [0, 0, 0, 2, 2, 2]


def test_a_hook_written_for_nvalchemi_reads_what_it_read_there():
    class Plain:
        stages, frequency, seen = (HookStage.BEFORE_STEP, HookStage.AFTER_STEP), 2, []

        def __call__(self, batch, dynamics):
            self.seen.append((dynamics.step_count, dynamics.current_hook_stage.name))

    NVE(Springs(), dt=1.0, hooks=[Plain()]).run(batch(), 3)
    assert Plain.seen == [(step, name) for step in (0, 2) for name in ("BEFORE_STEP", "AFTER_STEP")]


def nothing(batch, moment):
    """A function that does not say when it is called."""


class Mute:
    stage, frequency = HookStage.AFTER_STEP, 1


@pytest.mark.parametrize(
    ("hooks", "told"),
    [
        ([nothing], r"hook nothing does not say when.*At\(stage, nothing\)"),
        ([Mute()], r"hook Mute: expected an object that is called with \(batch, moment\)"),
        ([Seen], "hook Seen: expected an object that is called"),
        (Mute(), "expected a list of them, got Mute alone"),
    ],
)
def test_what_is_no_hook_is_refused(hooks: object, told: str):
    with pytest.raises(UserError, match=told):
        NVE(Springs(), dt=1.0, hooks=hooks)
    with pytest.raises(UserError, match=told):
        NVE(Springs(), dt=1.0).replaced(hooks=hooks)


@pytest.mark.parametrize("frequency", [0, -1, 1.5, True, None])
def test_a_frequency_below_1_is_refused(frequency: object):
    with pytest.raises(UserError, match="frequency must be"):
        NVE(Springs(), dt=1.0, hooks=[Seen(frequency=frequency)])


@pytest.mark.parametrize("stages", [(), ("AFTER_STEP",), HookStage, (HookStage.AFTER_STEP, 3)])
def test_moments_that_are_none_are_refused(stages: object):
    seen = Seen()
    seen.stages = stages
    if stages is HookStage:
        NVE(Springs(), dt=1.0, hooks=[seen])
        return
    with pytest.raises(UserError, match="HookStage"):
        NVE(Springs(), dt=1.0, hooks=[seen])


class Opened(Seen):
    def __init__(self):
        super().__init__(HookStage.AFTER_STEP)
        self.log = []

    def __enter__(self):
        self.log.append("in")
        return self

    def __exit__(self, kind, *_):
        self.log.append("out" if kind is None else kind.__name__)


class Closed(Seen):
    closed = 0

    def close(self):
        self.closed += 1


def test_hooks_are_entered_and_left_once_wherever_they_are_registered():
    opened, closed = Opened(), Closed(HookStage.AFTER_STEP)
    opened.stages = (HookStage.BEFORE_STEP, HookStage.AFTER_STEP)
    potential = Springs()
    a, b = (NVE(potential, dt=1.0, n_steps=2, hooks=[opened, closed]) for _ in "ab")
    fused([(0, a), (1, b)], hooks=[opened, closed]).run(batch())
    assert opened.log == ["in", "out"]
    assert closed.closed == 1


def test_hooks_are_left_when_a_run_raises():
    opened, closed = Opened(), Closed(HookStage.AFTER_STEP)

    class Bad(Seen):
        def __call__(self, batch, moment):
            raise KeyError("bad")

    with pytest.raises(UserError, match=r"hook .*Bad at BEFORE_STEP of step 0 raised KeyError: 'bad'") as caught:
        NVE(Springs(), dt=1.0, hooks=[opened, closed, Bad()]).run(batch(), 1)
    assert isinstance(caught.value.__cause__, KeyError)
    assert opened.log == ["in", "UserError"]
    assert closed.closed == 1


def test_a_hook_that_fails_a_system_leaves_the_others_as_they_were():
    class Failing(Seen):
        def __call__(self, batch, moment):
            moment.fail(moment.mask & (batch["id"] == 1) & (batch["steps"] == 2), "not that one")

    moment = HookStage.AFTER_COMPUTE
    run = NVE(Springs(), dt=1.0, n_steps=5, hooks=[Failing(moment)])
    mixed, clean = run.run(batch()), NVE(Springs(), dt=1.0, n_steps=5).run(batch())
    assert mixed["end"].tolist() == [2, 3, 2]
    assert mixed["steps"].tolist() == [5, 2, 5]
    assert run.reasons == {1: "not that one"}
    for i in (0, 2):
        for name in ("positions", "velocities", "forces", "energy"):
            assert torch.equal(mixed.select([i])[name], clean.select([i])[name])


def test_a_hook_fails_nobody_who_has_left_and_the_first_reason_stays():
    def hard(batch, moment):
        moment.fail(batch["id"] < 2, f"at step {moment.step}")

    until = Convergence({"key": "id", "threshold": 0})
    hooks = [At(HookStage.ON_CONVERGE, lambda batch, moment: None), At(HookStage.BEFORE_STEP, hard)]
    run = NVE(Springs(), dt=1.0, n_steps=5, until=until, hooks=hooks)
    found = run.begin(batch())
    found["status"][0], found["end"][0] = run.exit_status, CONVERGED_END
    run.run(found)
    assert found["end"].tolist() == [CONVERGED_END, FAILED, BUDGET_USED]
    assert run.reasons == {1: "at step 0"}
    twice = [At(HookStage.AFTER_STEP, lambda batch, moment, why=why: moment.fail(moment.mask, why)) for why in "ab"]
    run = NVE(Springs(), dt=1.0, n_steps=5, hooks=twice)
    run.run(batch())
    assert set(run.reasons.values()) == {"a"}


def test_numbers_of_systems_in_place_of_a_mask_are_refused():
    hook = At(HookStage.AFTER_STEP, lambda batch, moment: moment.fail(torch.tensor([1]), "that one"))
    with pytest.raises(UserError, match=r"expected 3 booleans \(B,\), got torch.int64"):
        NVE(Springs(), dt=1.0, hooks=[hook]).run(batch(), 1)
