"""The step of a batch: one forward pass for all stages, and every system decided on as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import derive
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD, Field
from cohobate.dynamics.hooks.hook import Hook, HookStage, moments_of
from cohobate.dynamics.models.potential import Potential
from cohobate.dynamics.stages.stage import BUDGET_USED, CONVERGED, FAILED, RUNNING, Stage

END: Final = "end"
OWN: Final = {"status": STANDARD["status"], "steps": STANDARD["steps"], END: Field("system", (), torch.int64)}


@final
@dataclass(frozen=True, slots=True)
class Now:
    """What a hook is told of the moment it is called at; see ``hooks.hook.Moment``."""

    stage: HookStage
    step: int
    mask: Tensor
    dynamics: Dynamics


@final
class Dynamics:
    """Runs stages on a batch, each system in one of them; ``a + b`` shares the batch and the forward pass.

    Composing changes neither operand. ``n_steps`` is how many steps ``run`` makes at most; hooks of the whole are
    given all systems as their mask.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        hooks: Iterable[Hook] = (),
        entry: int | None = None,
        n_steps: int | None = None,
        on_admit: Callable[[Batch], None] | None = None,
    ) -> None:
        if not stages:
            raise UserError("dynamics need at least one stage, got none")
        self.stages, self.hooks = tuple(stages), tuple(hooks)
        self.entry = self.stages[0].code if entry is None else entry
        self.n_steps = n_steps
        self.on_admit = on_admit
        self.step_count = 0
        codes = [stage.code for stage in self.stages]
        if len(set(codes)) < len(codes) or self.entry not in codes:
            raise UserError(f"stages need codes of their own, of which the entry is one; got {codes} and {self.entry}")
        for hook in self.hooks:
            moments_of(hook)

    @property
    def exit_status(self) -> int:
        """The status of systems that have left the last stage: one that no stage has."""
        codes = {stage.code for stage in self.stages}
        return next(stage.exit for stage in reversed(self.stages) if stage.exit not in codes)

    def __add__(self, other: Dynamics) -> Dynamics:
        """Returns both in turn: what has left this goes on in the other, in the same batch."""
        codes = {stage.code for stage in self.stages}
        shift = max(codes) + 1
        moved = [replace(s, code=s.code + shift, exit=s.exit + shift) for s in other.stages]
        ahead = [replace(s, exit=other.entry + shift) if s.exit not in codes else s for s in self.stages]
        return Dynamics([*ahead, *moved], hooks=[*self.hooks, *other.hooks], entry=self.entry, on_admit=self.on_admit)

    # systems come in

    def begin(self, batch: Batch) -> Batch:
        """Makes systems ready for their first step: fields, status, ``on_admit``, forces, state of the update."""
        for name, kind in self._fields().items():
            if name not in batch:
                batch.add(name, kind)
        batch["status"].fill_(self.entry)
        if self.on_admit is not None:
            self.on_admit(batch)
        every = torch.ones(batch.n_systems, dtype=torch.bool, device=batch.device)
        self._compute(batch, every)
        for stage in self.stages:
            if stage.code == self.entry:
                stage.update.enter(batch, batch["status"] == stage.code)
        derive(batch, self._derived)
        return batch

    def _fields(self) -> dict[str, Field]:
        found = dict(OWN)
        for stage in self.stages:
            found |= stage.update.fields
            found |= {name: STANDARD[name] for name in stage.update.needs if name in STANDARD}
        return found

    @property
    def _derived(self) -> frozenset[str]:
        return frozenset(name for stage in self.stages if stage.until for name in stage.until.derived)

    # a step

    def step(self, batch: Batch) -> Tensor:
        """Makes one step of all systems that are in a stage; returns those that have left the last one: (B,)."""
        status = batch["status"].clone()
        masks = [status == stage.code for stage in self.stages]
        active = torch.stack(masks).any(0)
        self._call(HookStage.BEFORE_STEP, batch, masks)
        for stage, mask in zip(self.stages, masks, strict=True):
            self._of_stage(HookStage.BEFORE_PRE_UPDATE, batch, stage, mask)
            if bool(mask.any()):
                stage.update.before(batch, mask)
            self._of_stage(HookStage.AFTER_PRE_UPDATE, batch, stage, mask)
        self._whole(HookStage.BEFORE_COMPUTE, batch, active)
        self._compute(batch, active)
        self._call(HookStage.AFTER_COMPUTE, batch, masks)
        for stage, mask in zip(self.stages, masks, strict=True):
            self._of_stage(HookStage.BEFORE_POST_UPDATE, batch, stage, mask)
            if bool(mask.any()):
                stage.update.after(batch, mask)
            self._of_stage(HookStage.AFTER_POST_UPDATE, batch, stage, mask)
        batch["steps"].add_(active.to(torch.int64))
        derive(batch, self._derived)
        self._call(HookStage.AFTER_STEP, batch, masks)
        self._move(batch, status, masks)
        self.step_count += 1
        return (batch["status"] == self.exit_status) & active

    def run(self, batch: Batch, n_steps: int | None = None) -> Batch:
        """Makes steps until all systems have left, ``n_steps`` at most (the argument wins); returns the batch."""
        most = self.n_steps if n_steps is None else n_steps
        if most is None and not all(stage.until or stage.n_steps for stage in self.stages):
            endless = [stage.name for stage in self.stages if not (stage.until or stage.n_steps)]
            raise UserError(f"run: the stages {endless} never end; give n_steps, or until=")
        self.begin(batch)
        made = 0
        with self._attended():
            while (most is None or made < most) and bool((batch["status"] != self.exit_status).any()):
                self.step(batch)
                made += 1
        return batch

    def _compute(self, batch: Batch, active: Tensor) -> None:
        """Puts what the potentials give into the batch; systems of which there is nothing have failed."""
        needed = frozenset().union(*(stage.update.needs for stage in self.stages)) | {"energy"}
        for potential, mask in self._shares(batch, active):
            found = potential.compute(batch, needed & potential.traits.provides | set(potential.traits.outputs))
            wanted = found.ok & mask
            every = bool(wanted.all())
            for name, value in found.values.items():
                kind = STANDARD.get(name) or potential.traits.outputs[name]
                if name not in batch:
                    batch.add(name, kind)
                held = batch[name]
                if every:
                    held.copy_(value)
                    continue
                rows = wanted if kind.scope == "system" else wanted[batch.system]
                held.copy_(torch.where(rows.reshape(-1, *[1] * (value.ndim - 1)), value, held))
            lost = mask & ~found.ok
            if bool(lost.any()):
                self.fail(batch, lost)

    def _shares(self, batch: Batch, active: Tensor) -> Iterator[tuple[Potential, Tensor]]:
        """Yields each potential with the systems that are to be computed by it."""
        potentials = {id(stage.potential): stage.potential for stage in self.stages}
        for key, potential in potentials.items():
            mine = [batch["status"] == stage.code for stage in self.stages if id(stage.potential) == key]
            yield potential, torch.stack(mine).any(0) & active

    def fail(self, batch: Batch, which: Tensor) -> None:
        """Ends systems (B,) as failed; all others go on as they were."""
        batch["status"][which] = self.exit_status
        batch[END][which] = FAILED

    def _move(self, batch: Batch, status: Tensor, masks: list[Tensor]) -> None:
        """Moves all systems that are done with their stage at once, decided on the statuses as they were."""
        target, end = batch["status"].clone(), batch[END].clone()
        codes = {stage.code for stage in self.stages}
        for stage, mask in zip(self.stages, masks, strict=True):
            there = mask & (batch["status"] == status)
            done = torch.zeros_like(there)
            if stage.until is not None and self.step_count % stage.until.frequency == 0:
                done = there & stage.until.mask(batch)
            if bool(done.any()):
                self._of_stage(HookStage.ON_CONVERGE, batch, stage, done)
            used = there & ~done & (batch["steps"] >= stage.n_steps) if stage.n_steps else torch.zeros_like(done)
            for which, why in ((done, CONVERGED), (used, BUDGET_USED)):
                target[which] = stage.exit
                end[which] = why if stage.exit not in codes else RUNNING
        changed = target != batch["status"]
        batch["status"].copy_(target)
        batch[END].copy_(end)
        if bool(changed.any()):
            batch["steps"][changed] = 0
            for stage in self.stages:
                entering = changed & (target == stage.code)
                if bool(entering.any()):
                    stage.update.enter(batch, entering)

    # hooks

    def _call(self, moment: HookStage, batch: Batch, masks: list[Tensor]) -> None:
        self._whole(moment, batch, torch.stack(masks).any(0))
        for stage, mask in zip(self.stages, masks, strict=True):
            self._of_stage(moment, batch, stage, mask)

    def _whole(self, moment: HookStage, batch: Batch, mask: Tensor) -> None:
        self._each(self.hooks, moment, batch, mask)

    def _of_stage(self, moment: HookStage, batch: Batch, stage: Stage, mask: Tensor) -> None:
        if stage.hooks:
            self._each(stage.hooks, moment, batch, mask)

    def _each(self, hooks: tuple[Hook, ...], moment: HookStage, batch: Batch, mask: Tensor) -> None:
        for hook in hooks:
            if self.step_count % hook.frequency == 0 and moment in moments_of(hook):
                hook(batch, Now(moment, self.step_count, mask, self))

    @contextmanager
    def _attended(self) -> Iterator[None]:
        """Enters hooks that are context managers, once each, and closes those that can only be closed."""
        every = {id(hook): hook for hook in (*self.hooks, *(hook for stage in self.stages for hook in stage.hooks))}
        with ExitStack() as open_ones:
            for hook in every.values():
                if isinstance(hook, AbstractContextManager):
                    open_ones.enter_context(hook)
                elif callable(close := getattr(hook, "close", None)):
                    open_ones.callback(close)
            yield
