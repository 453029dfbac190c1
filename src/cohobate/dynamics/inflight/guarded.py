"""A potential whose trouble stays with the systems it has trouble with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from cohobate.core.capture import Raised, Returned, capture
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD
from cohobate.dynamics.inflight.seat import SEAT
from cohobate.dynamics.models.failing import TOO_MUCH, explained
from cohobate.dynamics.models.potential import Potential, Results, Traits


@final
class Guarded:
    """Computes by another potential: a batch for which that raises is computed system by system, one that does not
    fit into memory half by half.

    ``why`` says of each system, by its seat, what was wrong; ``strained`` tells that memory was not enough.
    """

    def __init__(self, inner: Potential) -> None:
        self._inner = inner
        self.why: dict[int, str] = {}
        self.strained = False

    @property
    def traits(self) -> Traits:
        """Those of the potential."""
        return self._inner.traits

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        """Returns what is wanted of all systems that can be computed."""
        found = self._computed(batch, want)
        if found.why:
            seats = batch[SEAT].tolist()
            self.why |= {seats[row]: text for row, text in explained(batch, found.why).items()}
        return found

    def _computed(self, batch: Batch, want: frozenset[str]) -> Results:
        match capture(self._inner.compute, batch, want):
            case Returned(found):
                return found  # type: ignore[no-any-return]  # by the protocol
            case Raised(error, message):
                full = isinstance(error, TOO_MUCH)
                if not isinstance(error, Exception):
                    raise error
        self.strained |= full
        if full:
            freed()
        n = batch.n_systems
        if n == 1:
            return _nothing(batch, want, message)
        parts = [range(n // 2), range(n // 2, n)] if full else [range(row, row + 1) for row in range(n)]
        return _joined(batch, [self._part(batch, part, want) for part in parts])

    def _part(self, batch: Batch, rows: Sequence[int], want: frozenset[str]) -> Results:
        """Returns the results of some systems, and puts back what the potential keeps in their fields."""
        some = batch.select(list(rows))
        found = self._computed(some, want)
        mask = torch.zeros(batch.n_systems, dtype=torch.bool, device=batch.device)
        mask[list(rows)] = True
        for name in some:
            kind = some.kind(name)
            held = batch[name] if name in batch else batch.add(name, kind)
            if kind.scope != "edge":
                held[mask if kind.scope == "system" else mask[batch.system]] = some[name]
        return found


def freed() -> None:
    """Gives back memory that torch holds and does not use."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _nothing(batch: Batch, want: frozenset[str], why: str) -> Results:
    values = {name: _blank(batch, name) for name in want}
    return Results(values, torch.zeros(1, dtype=torch.bool, device=batch.device), {0: why})


def _blank(batch: Batch, name: str) -> Tensor:
    kind = STANDARD[name]
    shape = (batch.counts[kind.scope], *kind.shape)
    return torch.full(shape, torch.nan, dtype=batch.dtype, device=batch.device)


def _joined(batch: Batch, parts: Sequence[Results]) -> Results:
    names = [name for name in parts[0].values if all(name in part.values for part in parts)]
    values = {name: torch.cat([part.values[name] for part in parts]) for name in names}
    why: dict[int, str] = {}
    first = 0
    for part in parts:
        why |= {first + row: text for row, text in part.why.items()}
        first += len(part.ok)
    return Results(values, torch.cat([part.ok for part in parts]), why)
