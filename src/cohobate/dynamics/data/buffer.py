"""Room for a fixed number of systems and atoms, that says of each system whether it was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.rows import rows


@final
@dataclass(frozen=True, slots=True)
class Capacity:
    """How many systems, atoms and edges there is room for; ``None``: any number."""

    systems: int | None = None
    atoms: int | None = None
    edges: int | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise UserError(f"Capacity: {one.name} must be a whole number of at least 0, or None, got {value!r}")

    def fits(self, batch: Batch) -> Tensor:
        """Returns the systems for which there is room when each is alone: (B,)."""
        each = zip(batch.atoms.tolist(), batch.edges.tolist(), strict=True)
        found = [self.less(1, atoms, edges) is not None for atoms, edges in each]
        return torch.tensor(found, dtype=torch.bool, device=batch.device)

    def less(self, systems: int, atoms: int, edges: int) -> Capacity | None:
        """Returns what is left beside so many, ``None`` where there is no room for them."""
        left = [_less(*pair) for pair in ((self.systems, systems), (self.atoms, atoms), (self.edges, edges))]
        return None if any(one is not None and one < 0 for one in left) else Capacity(*left)


@final
class Buffer:
    """Holds systems up to a capacity, with all their fields, until they are taken out.

    >>> buffer = Buffer(Capacity(systems=2))
    >>> three = Batch.of([{"numbers": [18], "positions": [[0, 0, 0]]}] * 3)
    >>> taken = buffer.put(three)
    >>> taken.tolist(), three.trim(taken)["id"].tolist(), buffer.take()["id"].tolist()
    ([True, True, False], [2], [0, 1])
    """

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = self._room = capacity
        self._held: list[Batch] = []
        self._empty: Batch | None = None
        self._ids: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def room(self) -> Capacity:
        """What there is still room for."""
        return self._room

    def put(self, batch: Batch, wanted: Tensor | Sequence[int] | None = None) -> Tensor:
        """Takes in copies of the systems wanted (all by default) in their order, each that fits: returns which (B,).

        A system that is larger than the whole capacity is never taken: see ``Capacity.fits``. Raises ``UserError``
        for an id that is in it already, and for fields that are declared otherwise.
        """
        every = range(batch.n_systems) if wanted is None else wanted
        chosen = rows(every if isinstance(every, Tensor) else list(every), batch.n_systems, batch.device).tolist()
        ids = batch["id"].tolist()
        if twice := [ids[row] for row in chosen if ids[row] in self._ids]:
            raise UserError(f"the buffer holds a system with the id {twice[0]} already")
        empty = batch.empty_like()
        self._empty = empty if self._empty is None else joined([self._empty, empty])
        taken = self._fitting(batch, chosen)
        if taken:
            self._held.append(batch.select(taken))
            self._ids |= {ids[row] for row in taken}
        mask = torch.zeros(batch.n_systems, dtype=torch.bool, device=batch.device)
        mask[taken] = True
        return mask

    def take(self) -> Batch:
        """Returns all systems in the order in which they came, and is empty again."""
        found = joined([*([] if self._empty is None else [self._empty]), *self._held] or [Batch.empty()])
        self._held, self._ids, self._room = [], set(), self.capacity
        return found

    def _fitting(self, batch: Batch, chosen: Sequence[int]) -> list[int]:
        atoms, edges = batch.atoms.tolist(), batch.edges.tolist()
        found = []
        for row in chosen:
            left = self._room.less(1, atoms[row], edges[row])
            if left is not None:
                self._room = left
                found.append(row)
        return found


def _less(most: int | None, used: int) -> int | None:
    return None if most is None else most - used
