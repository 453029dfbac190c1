"""The trials that wait for their first start: higher priority first, then in the order they were proposed."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import final

from cohobate.core.trial import Trial

Key = tuple[tuple[str, float], ...]
"""Needs, as something to look up by."""


@final
class Waiting:
    """A queue for each kind of needs, so that what lacks a resource does not hold up what does not need it.

    What is dropped or revised stays in its heap until it comes to the front; ``_known`` says what counts.
    """

    __slots__ = ("_heaps", "_known")

    def __init__(self) -> None:
        self._heaps: dict[Key, list[tuple[float, int]]] = {}
        self._known: dict[int, tuple[Key, float]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, id: int) -> bool:
        return id in self._known

    def add(self, trial: Trial) -> None:
        """Takes a trial in, or what has become of it."""
        key: Key = tuple(sorted(trial.needs.items())) if trial.needs else ()
        self._known[trial.id] = key, -trial.priority
        heappush(self._heaps.setdefault(key, []), (-trial.priority, trial.id))

    def drop(self, id: int) -> None:
        """Lets a trial go, if it waits."""
        self._known.pop(id, None)

    def take(self) -> int | None:
        """Returns the one whose turn it is and lets go of it; ``None`` where none waits."""
        best = min((front for key in self._heaps if (front := self._front(key)) is not None), default=None)
        if best is None:
            return None
        key, _ = self._known.pop(best[1])
        heappop(self._heaps[key])
        return best[1]

    def _front(self, key: Key) -> tuple[float, int] | None:
        """Returns the first of a heap that still counts."""
        heap = self._heaps[key]
        while heap and self._known.get(heap[0][1]) != (key, heap[0][0]):
            heappop(heap)
        return heap[0] if heap else None


def needs_of(key: Key) -> Mapping[str, float]:
    """Returns needs as they were given."""
    return dict(key)
