"""Moving systems that have converged from one status to another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence, Criterion, derived_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import Hook, HookStage, Moment

Given = Convergence | Criterion | Mapping[str, Any] | list[Any] | tuple[Any, ...]
USUAL: Final = Criterion("fmax", 0.05)


@final
class ConvergenceHook:
    """Gives systems of ``source_status`` that have converged ``target_status``; without both it only evaluates.

    ``criteria``: a ``Convergence``, a criterion, a dictionary of its arguments, or a list of these, all of which must
    hold (default: no force above 0.05 eV/Å). The statuses that count are those with which the step began: no system
    moves twice in one step. ``ON_CONVERGE`` comes for those that have moved.

    >>> ConvergenceHook({"key": "fmax", "threshold": 0.05}, source_status=0, target_status=1, frequency=10).frequency
    10
    """

    stage = HookStage.AFTER_STEP
    per_system = True

    def __init__(
        self,
        criteria: Given = USUAL,
        source_status: int | None = None,
        target_status: int | None = None,
        frequency: int | None = None,
    ) -> None:
        if (source_status is None) != (target_status is None):
            raise UserError(
                "ConvergenceHook: give both source_status and target_status, or none of them; "
                f"got {source_status!r} and {target_status!r}"
            )
        self.until = until_of(criteria) if frequency is None else until_of(criteria).every(frequency)
        self.source_status, self.target_status = source_status, target_status
        self.frequency = self.until.frequency

    @staticmethod
    def from_fmax(
        threshold: float = 0.05,
        source_status: int | None = None,
        target_status: int | None = None,
        frequency: int | None = None,
    ) -> ConvergenceHook:
        """Returns one by the field ``fmax``, eV/Å."""
        return ConvergenceHook(Criterion("fmax", threshold), source_status, target_status, frequency)

    @staticmethod
    def from_forces(
        threshold: float,
        frequency: int | None = None,
        source_status: int | None = None,
        target_status: int | None = None,
    ) -> ConvergenceHook:
        """Returns one by the norms of forces, eV/Å."""
        return ConvergenceHook(Criterion("forces", threshold, "norm"), source_status, target_status, frequency)

    def __repr__(self) -> str:
        """Tells the criteria, and what moves where."""
        return f"ConvergenceHook({self.until}, {self.source_status} -> {self.target_status})"

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """All that must hold."""
        return self.until.criteria

    @property
    def derived(self) -> frozenset[str]:
        """The fields that are to be computed for it."""
        return derived_of(self.until)

    def renumbered(self, codes: Mapping[int, int]) -> ConvergenceHook:
        """Returns the same for stages whose statuses have been renamed."""
        if self.source_status is None or self.target_status is None:
            return self
        source, target = (codes.get(one, one) for one in (self.source_status, self.target_status))
        return ConvergenceHook(self.until, source, target)

    def evaluate(self, batch: Batch) -> Tensor | None:
        """Returns the numbers of the systems that have converged, ``None`` where there are none."""
        return self.until.evaluate(batch)

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Moves them."""
        if self.source_status is None or self.target_status is None:
            return
        as_it_was = (moment.status == self.source_status) & (batch["status"] == moment.status)
        ready = self.until.mask(batch) & as_it_was & moment.mask
        batch["status"].copy_(torch.where(ready, self.target_status, batch["status"]))


def until_of(given: Given | ConvergenceHook) -> Convergence:
    """Returns what is to be reached, however it was said."""
    if isinstance(given, ConvergenceHook):
        return given.until
    return given if isinstance(given, Convergence) else Convergence(given)


def check_statuses(hooks: Iterable[Hook], codes: Collection[int], leaving: int) -> None:
    """Raises ``UserError`` for a hook that moves systems to where nothing would become of them."""
    for hook in hooks:
        if isinstance(hook, ConvergenceHook) and hook.target_status not in {None, leaving, *codes}:
            known = f"the stages have {sorted(codes)}, and those that leave have {leaving}"
            raise UserError(f"ConvergenceHook: no stage has the status {hook.target_status}; {known}")
