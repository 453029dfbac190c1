"""What one step knows of its systems: the statuses as they were, and who is still in its stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.calling import WHOLE
from cohobate.dynamics.hooks.hook import HookStage


class Failing(Protocol):
    """Dynamics, as far as their moments need them."""

    def fail(self, batch: Batch, which: Tensor, why: str) -> None: ...


@final
class Turn:
    """One step of a batch. A system takes part for as long as nobody has given it another status."""

    __slots__ = ("_given", "_masks", "_some", "batch", "own", "status", "step")

    def __init__(self, batch: Batch, codes: Sequence[int], step: int, only: Tensor | None = None) -> None:
        self.batch, self.step = batch, step
        self.status: Final = batch["status"].clone()
        self.own: Final = batch["steps"].clone()
        masks = [self.status == code for code in codes]
        self._given = masks if only is None else [mask & only for mask in masks]
        self._masks, self._some = self._given, [bool(mask.any()) for mask in self._given]

    def mask(self, stage: int) -> Tensor:
        """Returns the systems of a stage that take part: (B,); of all stages for ``WHOLE``."""
        if stage != WHOLE:
            return self._masks[stage]
        return self._masks[0] if len(self._masks) == 1 else torch.stack(self._masks).any(0)

    def given(self, stage: int) -> Tensor:
        """Returns the systems that were in a stage when the step began: (B,)."""
        return self._given[stage]

    def some(self, stage: int) -> bool:
        """Returns whether there are any in a stage."""
        return self._some[stage]

    @property
    def took_part(self) -> Tensor:
        """The systems that were in a stage when the step began: (B,)."""
        return torch.stack(self._given).any(0)

    def look_again(self) -> None:
        """Leaves out those whose status has changed meanwhile."""
        same = self.batch["status"] == self.status
        if not bool(same.all()):
            self._masks = [mask & same for mask in self._given]
            self._some = [bool(mask.any()) for mask in self._masks]


@final
@dataclass(frozen=True, slots=True)
class Now:
    """What a hook is told of the moment it is called at; see ``hooks.hook.Moment``."""

    stage: HookStage
    mask: Tensor
    active: Tensor
    turn: Turn
    dynamics: Failing

    @property
    def step(self) -> int:
        """How many steps the batch has made."""
        return self.turn.step

    @property
    def status(self) -> Tensor:
        """The statuses as they were when the step began: (B,)."""
        return self.turn.status

    @property
    def current_hook_stage(self) -> HookStage:
        """What nvalchemi calls ``stage``."""
        return self.stage

    @property
    def step_count(self) -> int:
        """What nvalchemi calls ``step``."""
        return self.step

    def fail(self, which: Tensor, why: str) -> None:
        """Ends systems (B,) as failed, for a reason."""
        if which.dtype != torch.bool or which.shape != self.mask.shape:
            raise UserError(
                f"fail: expected {len(self.mask)} booleans (B,), got {which.dtype} of the shape {tuple(which.shape)}"
            )
        self.dynamics.fail(self.turn.batch, which & self.turn.took_part, why)
