"""Which of many comes first, kept up to date for those that changed."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, final

Key = Any
"""What can be ordered."""
SLACK = 64
"""Entries of a heap that may be out of date before it is made anew, beside one for each that is ranked."""


@final
class Ranking:
    """The least key of ``n``, ties by number: what changed is looked at again, once, when the first is wanted.

    So ``touch`` costs nothing and ``first`` O(log n) for each that was touched.
    """

    __slots__ = ("_closed", "_heap", "_key", "_now", "_touched")

    def __init__(self, n: int, key: Callable[[int], Key]) -> None:
        self._key = key
        self._now: list[Key] = [None] * n
        self._touched = set(range(n))
        self._closed: set[int] = set()
        self._heap: list[tuple[Key, int]] = []

    def touch(self, i: int) -> None:
        """Takes in that the key of ``i`` may have changed; opens it where it was closed."""
        self._touched.add(i)
        self._closed.discard(i)

    def close(self, i: int) -> None:
        """Takes ``i`` out until it is touched."""
        self._closed.add(i)

    def first(self) -> tuple[Key, int] | None:
        """Returns the least key and whose it is; ``None`` where all are closed."""
        self._refresh()
        heap, now = self._heap, self._now
        while heap:
            key, i = heap[0]
            if now[i] == key and i not in self._closed:
                return heap[0]
            heappop(heap)
            if now[i] == key:
                now[i] = None  # so that it is entered again when it is opened
        return None

    def _refresh(self) -> None:
        for i in self._touched:
            key = self._key(i)
            if key != self._now[i]:
                self._now[i] = key
                heappush(self._heap, (key, i))
        self._touched.clear()
        if len(self._heap) > SLACK + 2 * len(self._now):
            self._heap = [(key, i) for i, key in enumerate(self._now) if key is not None]
            heapify(self._heap)
