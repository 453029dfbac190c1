"""What dynamics are made of, and what they are made of together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence, derived_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.converging import ConvergenceHook
from cohobate.dynamics.hooks.hook import Hook
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.stages.stage import Stage

Admit = Callable[[Batch], None]


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """Stages, and all that was said of their run; see ``Dynamics``. Rules are by codes."""

    stages: tuple[Stage, ...]
    hooks: tuple[Hook, ...]
    rules: tuple[Rule, ...]
    entry: int
    n_steps: int | None
    on_admit: Admit | None
    device: torch.device | str | None
    compiled: Mapping[str, Any] | None

    @property
    def codes(self) -> list[int]:
        """Those of the stages."""
        return [stage.code for stage in self.stages]

    @property
    def every_hook(self) -> list[Hook]:
        """Those of the whole, and of all stages."""
        return [hook for hooks in (self.hooks, *(stage.hooks for stage in self.stages)) for hook in hooks]

    @property
    def convergence(self) -> list[Convergence]:
        """What systems are judged by, in stages and by hooks."""
        hooked = [hook.until for hook in self.every_hook if isinstance(hook, ConvergenceHook)]
        return [*hooked, *(stage.until for stage in self.stages if stage.until is not None)]

    @property
    def derived(self) -> frozenset[str]:
        """The fields that are to be computed after a step, since a criterion names them."""
        return frozenset().union(*map(derived_of, self.convergence))

    @property
    def needed(self) -> frozenset[str]:
        """What potentials are asked for, as far as they provide it: energies, what updates need and criteria name."""
        named = {criterion.key for until in self.convergence for criterion in until.criteria}
        return frozenset({"energy"}).union(named, *(stage.update.needs for stage in self.stages))

    @property
    def endless(self) -> list[str]:
        """The names of stages that systems would never leave."""
        if any(isinstance(hook, ConvergenceHook) for hook in self.every_hook):
            return []
        ruled = {rule.source for rule in self.rules}
        return [one.name for one in self.stages if not (one.until or one.n_steps or one.code in ruled)]


def planned(
    stages: Iterable[Stage], hooks: Iterable[Hook], rules: Iterable[Rule], entry: int | None, **more: Any
) -> Plan:
    """Returns a plan; raises ``UserError`` for one that cannot be."""
    listed = tuple(stages)
    if not listed:
        raise UserError("dynamics need at least one stage, got none")
    codes = [stage.code for stage in listed]
    first = codes[0] if entry is None else entry
    if len(set(codes)) < len(codes) or first not in codes:
        raise UserError(f"stages need codes of their own, of which the entry is one; got {codes} and {first}")
    named: dict[str, list[int]] = {}
    for stage in listed:
        named.setdefault(stage.name, []).append(stage.code)
    leaving = exit_of(listed)
    return Plan(listed, tuple(hooks), tuple(rule.resolved(named, leaving) for rule in rules), first, **more)


def exit_of(stages: Iterable[Stage]) -> int:
    """Returns the status of systems that have left the last stage: one that no stage has."""
    codes = {stage.code for stage in stages}
    found = {stage.exit for stage in stages} - codes
    if len(found) > 1:
        raise UserError(f"stages need one exit status for all that leave; got {sorted(found)} beside the codes {codes}")
    return found.pop() if found else max(codes) + 1


def joined(a: Plan, b: Plan) -> Plan:
    """Returns both in turn: what leaves the one goes on at the entry of the other, whose codes come after."""
    shift = max(a.codes) + 1 - min(0, *b.codes)
    leaving = exit_of(b.stages)  # may be less than the codes, which those of the first would then take
    there = {code: code + shift for code in b.codes} | {leaving: max(leaving, max(b.codes) + 1) + shift}
    here = {exit_of(a.stages): there[b.entry]}
    both = a.n_steps is not None and b.n_steps is not None
    return Plan(
        stages=(*(_stage(one, here) for one in a.stages), *(_stage(one, there) for one in admitting(b))),
        hooks=(*_hooks(a.hooks, here), *_hooks(b.hooks, there)),
        rules=(*(one.renumbered(here) for one in a.rules), *(one.renumbered(there) for one in b.rules)),
        entry=a.entry,
        n_steps=(a.n_steps or 0) + (b.n_steps or 0) if both else None,
        on_admit=a.on_admit,
        device=a.device if a.device is not None else b.device,
        compiled=a.compiled if a.compiled is not None else b.compiled,
    )


def admitting(plan: Plan) -> list[Stage]:
    """Returns the stages, what is to be done with new systems at the one where they enter."""
    if (whole := plan.on_admit) is None:
        return list(plan.stages)
    return [
        replace(one, on_admit=_one_after_the_other(whole, one.on_admit)) if one.code == plan.entry else one
        for one in plan.stages
    ]


def _one_after_the_other(first: Admit, then: Admit | None) -> Admit:
    if then is None:
        return first

    def both(batch: Batch) -> None:
        first(batch)
        then(batch)

    return both


def _stage(stage: Stage, codes: Mapping[int, int]) -> Stage:
    code, leaving = codes.get(stage.code, stage.code), codes.get(stage.exit, stage.exit)
    return replace(stage, code=code, exit=leaving, hooks=_hooks(stage.hooks, codes))


def _hooks(hooks: Iterable[Hook], codes: Mapping[int, int]) -> tuple[Hook, ...]:
    return tuple(hook.renumbered(codes) if isinstance(hook, ConvergenceHook) else hook for hook in hooks)
