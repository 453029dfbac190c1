"""The simplices by loss, largest first."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import final

ROOM = 1000
"""Entries of no use that are always put up with."""
CUT = float(2**20 + 1)
"""Cuts a number down to 33 bits (Veltkamp's splitting): losses that differ by roundings are equal."""


@final
class Queue:
    """Losses by simplex; equal ones in the order in which their simplices were made.

    Changed and dropped ones stay in the heap until they come up or are too many; new ones go there when
    the top is asked for, because most are changed before.
    """

    __slots__ = ("_changed", "_heap", "losses")

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []
        self._changed: set[int] = set()

    def put(self, k: int, loss: float) -> None:
        """Sets a loss."""
        self.losses[k] = loss
        self._changed.add(k)

    def take(self, k: int) -> float:
        """Forgets a simplex, and returns its loss."""
        return self.losses.pop(k)

    def top(self) -> int:
        """Returns the simplex of the largest loss, -1 where no loss is above 0."""
        losses = self.losses
        self._push()
        heap = self._heap
        while heap:
            rank, k = heap[0]
            loss = losses.get(k)
            if loss is not None and _rank(loss) == rank:
                return k
            heappop(heap)
        return -1

    def _push(self) -> None:
        heap, losses = self._heap, self.losses
        if len(heap) + len(self._changed) > 4 * len(losses) + ROOM:
            self._heap = [(_rank(loss), k) for k, loss in losses.items() if loss > 0]
            heapify(self._heap)
        else:
            for k in self._changed:
                loss = losses.get(k, 0.0)
                if loss > 0:
                    heappush(heap, (_rank(loss), k))
        self._changed.clear()


def _rank(loss: float) -> float:
    cut = CUT * loss
    return (cut - loss) - cut
