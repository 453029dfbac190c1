"""The trials that wait for their first start: higher priority first, then in the order they were proposed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import final

from cohobate.core.needs import fits, left, occupied
from cohobate.core.trial import Trial

Key = tuple[tuple[str, float], ...]
"""Needs, as something to look up by."""
Free = Mapping[str, float]


@final
class Waiting:
    """A queue for each kind of needs, so that what lacks a resource does not hold up what does not need it.

    ``needs`` are those of trials that name none. What is dropped or revised stays in its heap until it
    comes to the front; ``_known`` says what counts.
    """

    __slots__ = ("_heaps", "_known", "_needs")

    def __init__(self, needs: Mapping[str, float] | None = None) -> None:
        self._heaps: dict[Key, list[tuple[float, int]]] = {}
        self._known: dict[int, tuple[Key, float]] = {}
        self._needs = needs or {}

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, id: int) -> bool:
        return id in self._known

    def add(self, trial: Trial) -> None:
        """Takes a trial in, or what has become of it."""
        needs = trial.needs or self._needs
        key: Key = tuple(sorted(needs.items())) if needs else ()
        self._known[trial.id] = key, -trial.priority
        heappush(self._heaps.setdefault(key, []), (-trial.priority, trial.id))

    def drop(self, id: int) -> None:
        """Lets a trial go, if it waits."""
        self._known.pop(id, None)

    def take(self, most: int, free: Free) -> list[int]:
        """Returns those whose turn it is, at most so many, and lets go of them.

        Where something has needs, only what fits into what is ``free``; what has to wait keeps later
        ones from the resources it waits for. Where nothing is counted (``free`` is empty) all fit.
        """
        taken: list[int] = []
        while len(taken) < most and (first := self._first(self._heaps, free)) is not None:
            key = self._pop(first)
            if free and self._choosy:
                free = left(free, dict(key))
            taken.append(first)
        return taken

    @property
    def _choosy(self) -> bool:
        """Whether anything that waits, or waited, has needs."""
        return len(self._heaps) > 1 or () not in self._heaps

    def _first(self, keys: Iterable[Key], free: Free) -> int | None:
        """Returns the first that may start."""
        fronts = sorted((front, key) for key in keys if (front := self._front(key)) is not None)
        counted = bool(free) and self._choosy
        for (_, id), key in fronts:
            needs = dict(key)
            if not counted or fits(needs, free):
                return id
            lacking = {name for name, much in occupied(needs, free).items() if not fits({name: much}, free)}
            free = {name: 0 if name in lacking else much for name, much in free.items()}
        return None

    def _pop(self, id: int) -> Key:
        key, _ = self._known.pop(id)
        heappop(self._heaps[key])
        if key and not self._heaps[key]:
            del self._heaps[key]
        return key

    def _front(self, key: Key) -> tuple[float, int] | None:
        """Returns the first of a heap that still counts."""
        heap = self._heaps[key]
        while heap and self._known.get(heap[0][1]) != (key, heap[0][0]):
            heappop(heap)
        return heap[0] if heap else None
