"""Who is done with a stage after a step, and where each goes: decided on the statuses as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

from torch import Tensor

from cohobate.dynamics.stages.plan import Plan
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.stages.stage import BUDGET_USED, CONVERGED, RUNNING, Stage
from cohobate.dynamics.stages.turn import Turn


@final
@dataclass(frozen=True, slots=True)
class Moves:
    """The next status of each system, why it ends, and by stage which have converged, those sent by hooks included."""

    target: Tensor
    end: Tensor
    converged: tuple[tuple[int, Tensor], ...]


def decided(turn: Turn, plan: Plan, leaving: int, end: Tensor, *, budgets: bool) -> Moves:
    """Returns the moves of a step. Convergence comes first, then rules in their order, then budgets."""
    target, end = turn.status.clone(), end.clone()
    converged: list[tuple[int, Tensor]] = []
    sent = (turn.batch["status"] != turn.status) & (end == RUNNING)
    for i, stage in enumerate(plan.stages):
        left = turn.mask(i)
        done = _converged(turn, stage, left) if turn.some(i) else None
        found = (sent & turn.given(i)) if done is None else (sent & turn.given(i)) | done
        if bool(found.any()):
            converged.append((i, found))
        if not turn.some(i):
            continue
        for which, to, why in _reasons(turn, stage, plan.rules, done, budgets):
            mine, left = left & which, left & ~which
            target[mine] = to
            end[mine] = why if to == leaving else RUNNING
    return Moves(target, end, tuple(converged))


def _reasons(
    turn: Turn, stage: Stage, rules: Iterable[Rule], done: Tensor | None, budgets: bool
) -> Iterator[tuple[Tensor, int, int]]:
    """Yields systems, where they go, and why."""
    if done is not None:
        yield done, stage.exit, CONVERGED
    for rule in rules:
        if rule.source == stage.code and isinstance(rule.target, int):
            due = turn.own % rule.frequency == 0
            if bool(due.any()):
                yield due & rule.holds(turn.batch), rule.target, CONVERGED
    if budgets and stage.n_steps is not None:
        yield turn.batch["steps"] >= stage.n_steps, stage.exit, BUDGET_USED


def _converged(turn: Turn, stage: Stage, there: Tensor) -> Tensor | None:
    if stage.until is None:
        return None
    due = there if stage.until.frequency == 1 else there & (turn.own % stage.until.frequency == 0)
    if not bool(due.any()):
        return None
    done = due & stage.until.mask(turn.batch)
    return done if bool(done.any()) else None
