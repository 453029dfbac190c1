"""Moving systems from one stage to another by what they are like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.data.batch import Batch


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """Systems of the stage ``source`` for which ``when(batch)`` holds, a mask (B,), go on in the stage ``target``.

    Stages are given by name or by code; ``target=None`` is the exit. It is looked at every ``frequency`` steps that a
    system has made in its stage. ``when`` must decide on each system by its own fields.
    """

    source: int | str
    target: int | str | None
    when: Callable[[Batch], Tensor]
    frequency: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.frequency, bool) or not isinstance(self.frequency, int) or self.frequency < 1:
            raise UserError(f"{self}: frequency must be a whole number of at least 1, got {self.frequency!r}")

    def __str__(self) -> str:
        """Names it in messages."""
        return f"rule from {self.source!r} to {self.target!r}"

    def resolved(self, codes: Mapping[str, list[int]], leaving: int) -> Rule:
        """Returns the same by codes."""
        target = leaving if self.target is None else self._code(self.target, codes, [leaving])
        source = self._code(self.source, codes, [])
        if source == target:
            raise UserError(f"{self}: a rule leads from one stage to another, got the code {source} for both")
        return replace(self, source=source, target=target)

    def renumbered(self, codes: Mapping[int, int]) -> Rule:
        """Returns the same for stages whose codes have been renamed; it is resolved."""
        source, target = (codes.get(one, one) for one in (self.source, self.target) if isinstance(one, int))
        return replace(self, source=source, target=target)

    def holds(self, batch: Batch) -> Tensor:
        """Returns the systems that are like that: (B,)."""
        mask = self.when(batch)
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool or tuple(mask.shape) != (batch.n_systems,):
            raise UserError(f"{self}: when(batch) must return {batch.n_systems} booleans (B,), got {mask!r:.80}")
        return mask

    def _code(self, one: int | str, codes: Mapping[str, list[int]], more: list[int]) -> int:
        known = [code for several in codes.values() for code in several] + more
        if isinstance(one, int):
            if one not in known:
                raise UserError(f"{self}: no stage has the code {one}; there are {known}")
            return one
        found = codes.get(one, [])
        if len(found) != 1:
            hint = f"{len(found)} stages are called so, give a code of {found}" if found else did_you_mean(one, codes)
            raise UserError(f"{self}: expected the name of one stage, got {one!r}: {hint or f'they are {list(codes)}'}")
        return found[0]
