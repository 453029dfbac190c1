"""The step of a batch: one forward pass for all stages, and every system decided on as it was."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, replace
from typing import Any, Final, Self, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.convergence import derive
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD, Field
from cohobate.dynamics.hooks.calling import WHOLE, Calls, call
from cohobate.dynamics.hooks.converging import check_statuses
from cohobate.dynamics.hooks.hook import Hook, HookStage, counts_own_steps
from cohobate.dynamics.models.potential import Potential
from cohobate.dynamics.stages.compiling import Compiled
from cohobate.dynamics.stages.deciding import decided
from cohobate.dynamics.stages.forces import compute
from cohobate.dynamics.stages.machine import Streams, Threads, check_device, chosen
from cohobate.dynamics.stages.marking import mark
from cohobate.dynamics.stages.plan import Admit, Plan, exit_of, joined, planned
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.stages.showing import show, unfit
from cohobate.dynamics.stages.stage import BUDGET_USED, CONVERGED, FAILED, RUNNING, Stage
from cohobate.dynamics.stages.turn import Now, Turn
from cohobate.dynamics.stages.update import Update

END: Final = "end"
BEGUN: Final = "begun"
OWN: Final = {
    "status": STANDARD["status"],
    "steps": STANDARD["steps"],
    END: Field("system", (), torch.int64),
    BEGUN: Field("system", (), torch.int64),
}
"""Fields of the run itself; ``begun`` says by which dynamics a system was begun."""


@final
class Dynamics:
    """Runs stages on a batch, each system in one of them; ``a + b`` shares the batch and the forward pass.

    Composing changes neither operand. ``n_steps`` is how many steps ``run`` makes at most; ``rules`` move systems
    between any two stages; hooks of the whole are given all systems that are in a stage as their mask. ``device=None``
    goes where the batch is. What is given to ``compiled`` goes to ``torch.compile``, ``None``: nothing is compiled.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        hooks: Iterable[Hook] = (),
        rules: Iterable[Rule] = (),
        entry: int | None = None,
        n_steps: int | None = None,
        on_admit: Admit | None = None,
        device: torch.device | str | None = None,
        compiled: Mapping[str, Any] | None = None,
    ) -> None:
        more = {"n_steps": n_steps, "on_admit": on_admit, "device": device, "compiled": compiled}
        self.plan: Final = planned(stages, hooks, rules, entry, **more)
        self.stages, self.hooks, self.rules = self.plan.stages, self.plan.hooks, self.plan.rules
        self.entry, self.exit_status = self.plan.entry, exit_of(self.plan.stages)
        self.n_steps, self.on_admit, self.step_count = n_steps, on_admit, 0
        self._codes = self.plan.codes
        self._potentials = {f"{stage.name} ({stage.code})": stage.potential for stage in self.stages}
        self.device: Final = chosen(self._potentials, device)
        self._silent = [i for i, stage in enumerate(self.stages) if stage.silent]
        self._calls = Calls(self.hooks, [stage.hooks for stage in self.stages], self._silent)
        self._updates: list[Update] = [
            stage.update if compiled is None else Compiled(stage.update, compiled) for stage in self.stages
        ]
        self._needed, self._derived = self.plan.needed, self.plan.derived
        self._threads, self._streams = Threads(), Streams()
        self.mark: Final = mark(self.entry, self.stages, self.rules)
        self._latest: frozenset[int] = frozenset()
        self.reasons: dict[int, str] = {}
        """Why systems have failed, by their ids."""

    def __repr__(self) -> str:
        """Names the stages."""
        told = ", ".join(f"{stage.code}: {stage.name}" for stage in self.stages)
        compiled = ", compiled" if self.plan.compiled is not None else ""
        return f"Dynamics({told}; entry {self.entry}, exit {self.exit_status}, {self.step_count} steps{compiled})"

    def __getitem__(self, name: str) -> Stage:
        """The stage of a name; ``UserError`` where there is none, or are several."""
        found = [stage for stage in self.stages if stage.name == name]
        if len(found) != 1:
            names = [stage.name for stage in self.stages]
            raise UserError(f"{len(found)} stages are called {name!r}{did_you_mean(name, names)}; they are {names}")
        return found[0]

    # composed

    def __add__(self, other: Dynamics) -> Dynamics:
        """Returns both in turn: what has left this goes on in the other, in the same batch."""
        if not isinstance(other, Dynamics):
            return NotImplemented
        if None not in (self.plan.device, other.plan.device) and self.device != other.device:
            raise UserError(
                f"stages of one batch need one device; got {self} on {self.device}, {other} on {other.device}"
            )
        return _by(joined(self.plan, other.plan))

    def replaced(self, **changes: Any) -> Dynamics:
        """Returns dynamics with other ``stages``, ``hooks``, ``n_steps`` ... and all else the same."""
        return _by(replace(self.plan, **changes))

    def compile(self, **given: Any) -> Dynamics:
        """Returns the same with updates that go through ``torch.compile(**given)``; kept through ``+``.

        It pays on large batches. Trajectories are then equal within rounding, not bit for bit.
        """
        return self.replaced(compiled={**(self.plan.compiled or {}), **given})

    def __enter__(self) -> Self:
        """Computes on one CUDA stream of its own until it is left; on other devices nothing happens."""
        self._streams.enter(self.device)
        return self

    def __exit__(self, *_: object) -> None:
        """Goes back to the stream before."""
        self._streams.leave()

    @property
    def stream(self) -> torch.cuda.Stream | None:
        """The CUDA stream inside ``with``, else ``None``."""
        return self._streams.stream

    # systems come in

    def begin(self, batch: Batch) -> Batch:
        """Makes all systems ready for their first step, whatever they were before, and returns the batch.

        Sets fields and status, calls ``on_admit``, computes forces, sets the state of the update.
        """
        with self._threads.one():
            self._begin(batch, _every(batch))
        self._latest = frozenset(batch["id"].tolist())
        return batch

    def admit(self, batch: Batch) -> Batch:
        """Gives all systems their fields and their first status, and shows them to ``on_admit``; computes nothing."""
        self._declare(batch, _every(batch))
        if self.on_admit is not None and batch.n_systems:
            self.on_admit(batch)
        self._weigh(batch, _every(batch))
        return batch

    def _begin(self, batch: Batch, mask: Tensor) -> None:
        self._declare(batch, mask)
        self._show(self.on_admit, batch, mask)
        self._weigh(batch, mask)
        self._enter(batch, mask & (batch["status"] == self.entry), self._codes.index(self.entry), prime=True)
        derive(batch, self._derived, mask)

    def _declare(self, batch: Batch, mask: Tensor) -> None:
        check_device(batch, self._potentials, self.plan.device)
        check_statuses(self.plan.every_hook, self._codes, self.exit_status)
        wanted = self.fields
        if "masses" in wanted and "masses" not in batch and batch.n_systems:
            raise UserError(f"{self} needs the field 'masses' (amu) of all systems; the batch has {list(batch)}")
        for name, kind in wanted.items():
            if name not in batch:
                batch.add(name, kind)
        for name, value in (("status", self.entry), ("steps", 0), (END, RUNNING), (BEGUN, self.mark)):
            batch[name][mask] = value

    def _show(self, admit: Admit | None, batch: Batch, mask: Tensor) -> None:
        """Shows systems to a user's function; those with which it raises have failed."""
        for row, why in show(admit, batch, mask).items() if admit is not None else ():
            self.fail(batch, torch.arange(batch.n_systems, device=batch.device) == row, why)

    def _weigh(self, batch: Batch, mask: Tensor) -> None:
        for which, why in unfit(batch, weighed="masses" in self.fields):
            if bool((which & mask).any()):
                self.fail(batch, which & mask, why)

    def _enter(self, batch: Batch, mask: Tensor, i: int, *, prime: bool) -> None:
        """Makes systems ready for their first step in a stage."""
        self._show(self.stages[i].on_admit, batch, mask)
        turn = Turn(batch, self._codes, self.step_count, mask)
        if prime:
            self._compute(turn, beginning=True)
        if bool((ready := turn.mask(i)).any()):
            self._updates[i].enter(batch, ready)

    @property
    def fields(self) -> dict[str, Field]:
        """What systems have here beside what they are made of."""
        found = dict(OWN)
        for stage in self.stages:
            found |= stage.update.fields
            found |= {name: STANDARD[name] for name in stage.update.needs if name in STANDARD}
        return found

    # a run

    def run(self, batch: Batch, n_steps: int | None = None) -> Batch:
        """Makes steps until all systems have left, ``n_steps`` at most; returns the batch.

        Systems that were never begun by such dynamics are begun; all others go on where they are, so that two runs
        of 50 steps are one of 100, and those that have left stay as they are. Where all have left, other dynamics begin
        them, and the same warn that there is nothing to do (``begin`` starts them again).

        The argument wins over what was given before: over ``n_steps`` of the dynamics, and over the budget of the
        stage where there is only one, of which systems that have used it up are taken in again.
        """
        most = self._most(n_steps)
        alone = n_steps is not None and len(self.stages) == 1
        made = 0
        with self._threads.one(), self.attended():
            self._take_up(batch, alone)
            while (most is None or made < most) and self._running(batch):
                self._step(batch, budgets=not alone)
                made += 1
        return batch

    def _take_up(self, batch: Batch, alone: bool) -> None:
        """Begins systems, or computes the forces of those that go on again: their positions may have been changed."""
        check_device(batch, self._potentials, self.plan.device)
        if not batch.n_systems:
            self._begin(batch, _every(batch))
            return
        fresh = self._never_begun(batch)
        if alone and not bool(fresh.all()):
            again = (batch["status"] == self.exit_status) & (batch[END] == BUDGET_USED) & ~fresh
            batch["status"][again], batch[END][again] = self.entry, RUNNING
        if not bool(fresh.any()) and not self._running(batch):
            if self._latest.intersection(batch["id"].tolist()):
                told = "all systems have left these dynamics already: nothing is done; begin(batch) starts them again"
                warnings.warn(told, UserWarning, stacklevel=4)
                return
            fresh = ~fresh
        if not bool(fresh.all()):
            turn = Turn(batch, self._codes, self.step_count, ~fresh)
            turn.own.sub_(1).clamp_(min=0)  # as it was when these forces were computed
            self._compute(turn, beginning=True)
        if bool(fresh.any()):
            self._begin(batch, fresh)
        self._latest = frozenset(batch["id"].tolist())

    def attended(self) -> AbstractContextManager[None]:
        """Opens hooks for as long as it lasts: for whoever makes steps without ``run``."""
        return self._calls.attended()

    def _never_begun(self, batch: Batch) -> Tensor:
        return batch[BEGUN] != self.mark if BEGUN in batch else _every(batch)

    def _running(self, batch: Batch) -> bool:
        return any(bool((batch["status"] == code).any()) for code in self._codes)

    def _most(self, n_steps: int | None) -> int | None:
        most = self.n_steps if n_steps is None else n_steps
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 0):
            raise UserError(f"run: n_steps must be a whole number, 0 or more, got {most!r}")
        if most is None and (endless := self.plan.endless):
            raise UserError(f"run: the stages {endless} never end; give n_steps, or until=")
        return most

    # a step

    def step(self, batch: Batch) -> Tensor:
        """Makes one step of all systems that are in a stage; returns those that have left the last one: (B,).

        Systems that were never begun by such dynamics are begun before.
        """
        with self._threads.one():
            fresh = self._never_begun(batch)
            if bool(fresh.any()) or BEGUN not in batch:
                self._begin(batch, fresh)
            return self._step(batch, budgets=True)

    def advance(self, batch: Batch) -> Tensor:
        """Makes one step as ``step`` does, of systems that whoever calls has made ready."""
        with self._threads.one():
            return self._step(batch, budgets=True)

    def _step(self, batch: Batch, *, budgets: bool) -> Tensor:
        turn = Turn(batch, self._codes, self.step_count)
        everyone = range(len(self.stages))
        self._call(turn, HookStage.BEFORE_STEP, WHOLE, *everyone)
        self._call(turn, HookStage.BEFORE_PRE_UPDATE, WHOLE)
        for i in everyone:
            self._call(turn, HookStage.BEFORE_PRE_UPDATE, i)
            if turn.some(i):
                self._updates[i].before(batch, turn.mask(i))
            self._call(turn, HookStage.AFTER_PRE_UPDATE, i)
        self._call(turn, HookStage.AFTER_PRE_UPDATE, WHOLE)
        self._compute(turn)
        self._call(turn, HookStage.BEFORE_POST_UPDATE, WHOLE)
        for i in everyone:
            self._call(turn, HookStage.BEFORE_POST_UPDATE, i)
            if turn.some(i):
                self._updates[i].after(batch, turn.mask(i))
            self._call(turn, HookStage.AFTER_POST_UPDATE, i)
        self._call(turn, HookStage.AFTER_POST_UPDATE, WHOLE)
        active = turn.mask(WHOLE)
        batch["steps"].add_(active.to(torch.int64))
        derive(batch, self._derived, active)
        self._call(turn, HookStage.AFTER_STEP, *everyone, WHOLE)
        self._move(turn, budgets)
        self.step_count += 1
        return (batch["status"] == self.exit_status) & (turn.status != self.exit_status)

    def _compute(self, turn: Turn, *, beginning: bool = False) -> None:
        """Computes forces; systems of which there are none have failed."""
        everyone = range(len(self.stages))
        self._call(turn, HookStage.BEFORE_COMPUTE, WHOLE, *everyone, beginning=beginning)
        for potential in {id(stage.potential): stage.potential for stage in self.stages}.values():
            mine = [i for i in everyone if self.stages[i].potential is potential and turn.some(i)]
            if mine:
                mask = turn.mask(mine[0]) if len(mine) == 1 else torch.stack([turn.mask(i) for i in mine]).any(0)
                self._compute_by(potential, turn, mask)
        self._call(turn, HookStage.AFTER_COMPUTE, WHOLE, *everyone, beginning=beginning)

    def _compute_by(self, potential: Potential, turn: Turn, mask: Tensor) -> None:
        batch = turn.batch
        with nullcontext() if potential.traits.exact else self._threads.all():
            lost, why = compute(potential, batch, mask, self._needed)
        if bool(lost.any()):
            self.fail(batch, lost, "the potential has no result")
            self.reasons |= {int(batch["id"][s]): text for s, text in why.items() if bool(lost[s])}
            turn.look_again()

    def fail(self, batch: Batch, which: Tensor, why: str = "failed") -> None:
        """Ends systems (B,) as failed; all others go on as they were."""
        which = which & (batch[END] != FAILED)
        batch["status"][which] = self.exit_status
        batch[END][which] = FAILED
        self.reasons |= dict.fromkeys(batch["id"][which].tolist(), why)

    # systems move

    def _move(self, turn: Turn, budgets: bool) -> None:
        """Moves all systems that are done with their stage at once, decided on the statuses as they were."""
        batch = turn.batch
        moves = decided(turn, self.plan, self.exit_status, batch[END], budgets=budgets)
        for i, done in moves.converged:
            self._call(turn, HookStage.ON_CONVERGE, i, mask=done)
        if moves.converged:
            every = torch.stack([done for _, done in moves.converged]).any(0)
            self._call(turn, HookStage.ON_CONVERGE, WHOLE, mask=every)
        same = batch["status"] == turn.status
        batch["status"].copy_(torch.where(same, moves.target, batch["status"]))
        batch[END].copy_(torch.where(same, moves.end, batch[END]))
        sent = ~same & (batch["status"] == self.exit_status) & (batch[END] == RUNNING)  # by a hook
        batch[END].copy_(torch.where(sent, CONVERGED, batch[END]))
        changed = (batch["status"] != turn.status) & turn.took_part
        if bool(changed.any()):
            self._arrive(turn, changed)

    def _arrive(self, turn: Turn, changed: Tensor) -> None:
        """Makes systems ready that have come into another stage, with its forces where these are others."""
        batch = turn.batch
        now = batch["status"].clone()
        for i, stage in enumerate(self.stages):
            for k, before in enumerate(self.stages):
                moved = changed & (now == stage.code) & (turn.status == before.code)
                if bool(moved.any()):
                    batch["steps"][moved] = 0
                    self._enter(batch, moved, i, prime=(others := self._other_forces(k, i)))
                    if others:
                        derive(batch, self._derived, moved)

    def _other_forces(self, k: int, i: int) -> bool:
        before, after = self.stages[k], self.stages[i]
        hooked = self._calls.forces_of(k) != self._calls.forces_of(i)
        return before.potential is not after.potential or hooked or after.on_admit is not None

    # hooks

    def _call(
        self, turn: Turn, moment: HookStage, *owners: int, mask: Tensor | None = None, beginning: bool = False
    ) -> None:
        """Calls hooks of the whole or of stages; those of systems that only begin are called if they change them."""
        for owner in owners if moment in self._calls.moments else ():
            for hook in self._calls.at(owner, moment):
                theirs = self._shown(turn, owner) if mask is None else mask
                if counts_own_steps(hook):
                    theirs = theirs & (turn.own % hook.frequency == 0)
                    if not bool(theirs.any()):
                        continue
                elif beginning or self.step_count % hook.frequency:
                    continue
                call(hook, turn.batch, Now(moment, theirs, self._shown(turn, WHOLE), turn, self))
                turn.look_again()

    def _shown(self, turn: Turn, owner: int) -> Tensor:
        mask = turn.mask(owner)
        for i in self._silent if owner == WHOLE else ():
            mask = mask & ~turn.mask(i)
        return mask


def _by(plan: Plan) -> Dynamics:
    return Dynamics(**{field.name: getattr(plan, field.name) for field in fields(plan)})


def _every(batch: Batch) -> Tensor:
    return torch.ones(batch.n_systems, dtype=torch.bool, device=batch.device)
