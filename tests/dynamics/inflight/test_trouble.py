"""What goes wrong stays with the system it went wrong for, wherever it was raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from cohobate.core.errors import SystemFailed, UserError
from cohobate.core.task import Task
from cohobate.dynamics.data.atomic import AtomicData
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.inflight import cabin
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.stages.update import Update
from dynamics.inflight.test_engine import SYSTEMS, alone, assert_as_alone, heat, relax

Raise = Callable[[Batch], BaseException | None]
OUT_OF_MEMORY: list[Any] = [torch.OutOfMemoryError("no room"), MemoryError("no room")]


class Broken:
    """A hook that raises where it is told to."""

    frequency = 1

    def __init__(self, raises: Raise, stage: HookStage, step: int = 0) -> None:
        self.raises, self.stage, self.step = raises, stage, step

    def __call__(self, batch: Batch, moment: Moment) -> None:
        if moment.step >= self.step and (error := self.raises(batch)) is not None:
            raise error


class Torn:
    """An update that raises where it is told to, in the middle of its half step."""

    def __init__(self, inner: Update, raises: Raise, half: Literal["enter", "before", "after"]) -> None:
        self.inner, self.raises, self.half = inner, raises, half

    @property
    def fields(self) -> Mapping[str, Field]:
        return self.inner.fields

    @property
    def needs(self) -> frozenset[str]:
        return self.inner.needs

    def enter(self, batch: Batch, mask: Tensor) -> None:
        self._do("enter", batch, mask)

    def before(self, batch: Batch, mask: Tensor) -> None:
        self._do("before", batch, mask)

    def after(self, batch: Batch, mask: Tensor) -> None:
        self._do("after", batch, mask)

    def _do(self, half: str, batch: Batch, mask: Tensor) -> None:
        getattr(self.inner, half)(batch, mask)
        if half == self.half and (error := self.raises(batch)) is not None:
            raise error


def torn(raises: Raise, half: Any, run: Any = None) -> Any:
    run = heat() if run is None else run
    return run.replaced(stages=[replace(one, update=Torn(one.update, raises, half)) for one in run.stages])


def above(n_atoms: int, error: BaseException) -> Raise:
    return lambda batch: error if batch.n_atoms > n_atoms else None


def seven(batch: Batch) -> BaseException | None:
    return RuntimeError("I cannot stand seven atoms") if 7 in batch.atoms.tolist() else None


@pytest.mark.parametrize("stage", [stage for stage in HookStage if stage is not HookStage.ON_CONVERGE])
def test_a_hook_that_raises_for_one_system_fails_that_one_alone(stage: HookStage):
    found = run_all(heat(hooks=[Broken(seven, stage, step=4)]), SYSTEMS, max_atoms=40)
    for i, one in enumerate(found):
        if len(SYSTEMS[i]["numbers"]) == 7:
            assert one["status"] == "failed"
            assert "RuntimeError: I cannot stand seven atoms (in seven)" in one["why"] or "Broken" in one["why"]
        else:
            assert_as_alone(one, alone(heat(), SYSTEMS[i], i))


@pytest.mark.parametrize("half", ["enter", "before", "after"])
def test_an_update_that_raises_for_one_system_fails_that_one_alone(half: str):
    found = run_all(torn(seven, half), SYSTEMS, max_atoms=40)
    for i, one in enumerate(found):
        if len(SYSTEMS[i]["numbers"]) == 7:
            assert "system 2 failed after 0 steps: RuntimeError: I cannot stand seven atoms" in one["why"]
        else:
            assert_as_alone(one, alone(heat(), SYSTEMS[i], i))


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
@pytest.mark.parametrize("half", ["enter", "before", "after"])
def test_too_little_memory_for_an_update_halves_the_batch_and_changes_no_trajectory(half: str, error: BaseException):
    for run in (heat, lambda: relax() + heat()):
        with InFlight(torn(above(30, error), half, run()), max_atoms=1000) as engine:
            futures = [engine.submit(Task(lambda s=s: s, key=str(i))) for i, s in enumerate(SYSTEMS)]
            found = [future.result(20) for future in futures]
            assert 0 < engine.workers < len(SYSTEMS)
        for i, one in enumerate(found):
            assert_as_alone(one, alone(run(), SYSTEMS[i], i))


def test_too_little_memory_for_a_hook_halves_the_batch_too():
    hook = Broken(above(30, MemoryError()), HookStage.AFTER_STEP)
    for i, one in enumerate(run_all(heat(hooks=[hook]), SYSTEMS, max_atoms=1000)):
        assert_as_alone(one, alone(heat(), SYSTEMS[i], i))


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_too_little_memory_for_boarding_lets_fewer_in(error: BaseException, monkeypatch: pytest.MonkeyPatch):
    refilled, joined = cabin.refilled, cabin.joined

    def tight(batch: Batch, stay: Any, fresh: Batch | None) -> Batch:
        found = refilled(batch, stay, fresh)
        if found.n_atoms > 30 and fresh is not None:
            raise error
        return found

    def tight_too(parts: Any) -> Batch:
        if sum(part.n_atoms for part in parts) > 25:
            raise error
        return joined(parts)

    monkeypatch.setattr(cabin, "refilled", tight)
    monkeypatch.setattr(cabin, "joined", tight_too)
    for i, one in enumerate(run_all(heat(), SYSTEMS, max_atoms=1000)):
        assert_as_alone(one, alone(heat(), SYSTEMS[i], i))


def test_a_system_for_which_there_is_no_memory_at_all_fails_and_the_others_go_on():
    found = run_all(torn(above(12, MemoryError("no room")), "after"), SYSTEMS[:4], max_atoms=1000)
    assert [one["status"] for one in found] == ["budget used", "failed", "budget used", "budget used"]
    assert "MemoryError: no room (in Torn" in found[1]["why"]


def test_a_hook_that_always_raises_is_one_clear_error_of_each_with_its_cause():
    def broken(batch: Batch) -> BaseException:
        return RuntimeError("broken hook")

    with InFlight(heat(hooks=[Broken(broken, HookStage.AFTER_STEP, step=3)]), max_atoms=100) as engine:
        future = engine.call(lambda: SYSTEMS[0])
        with pytest.raises(SystemFailed, match=r"after \d steps: hook Broken at AFTER_STEP of step 3 raised Run"):
            future.result(20)
        assert isinstance(future.exception().__cause__.__cause__, RuntimeError)


@pytest.mark.parametrize("window", [1000, 20])
def test_fields_declared_otherwise_are_refused_whenever_they_come(window: int):
    def tagged(i: int, tag: Any) -> AtomicData:
        return AtomicData({**SYSTEMS[i], "tag": np.array([tag])}, {"tag": "system"})

    systems = [tagged(0, 1), tagged(2, 1.5), SYSTEMS[1], tagged(4, 2)]
    found = run_all(heat(), systems, max_atoms=window)
    assert [one["status"] for one in found] == ["budget used", "failed", "budget used", "budget used"]
    assert "system 1: field 'tag' is declared as" in found[1]["why"]
    assert (found[0]["tag"], found[3]["tag"]) == (1, 2)


def test_one_that_cannot_be_put_beside_others_is_found_out(monkeypatch: pytest.MonkeyPatch):
    refilled = cabin.refilled

    def choosy(batch: Batch, stay: Any, fresh: Batch | None) -> Batch:
        if fresh is not None and 7 in fresh.atoms.tolist():
            raise UserError("seven atoms do not fit")
        return refilled(batch, stay, fresh)

    monkeypatch.setattr(cabin, "refilled", choosy)
    for i, one in enumerate(run_all(heat(), SYSTEMS, max_atoms=1000)):
        if len(SYSTEMS[i]["numbers"]) == 7:
            assert "system 2 failed after 0 steps: UserError: seven atoms do not fit" in one["why"]
        else:
            assert_as_alone(one, alone(heat(), SYSTEMS[i], i))
