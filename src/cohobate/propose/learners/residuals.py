"""How far predictions were off, each made before its result was known."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from math import ceil, nan
from typing import final

WINDOW = 200
"""Predictions that are remembered: older ones tell of a learner that knew less."""
AT_ONCE = 20
"""From so many new ones on, all are ranked anew."""
FEWEST = 10
"""Predictions below which nothing is said."""


@final
class Residuals:
    """The latest differences between values and what was predicted of them; ranked when somebody asks."""

    __slots__ = ("_latest", "_ranked", "_waiting")

    def __init__(self, latest: Iterable[float] = ()) -> None:
        self._latest: deque[float] = deque(latest, WINDOW)
        self._ranked: list[float] = sorted(self._latest)
        self._waiting: list[float] = []

    def add(self, residual: float) -> None:
        """Takes one in; NaN says that there was no prediction."""
        if residual == residual:  # quicker than isnan
            self._waiting.append(residual)
            if len(self._waiting) >= WINDOW:
                self._rank()

    def extend(self, residuals: Sequence[float]) -> None:
        """Takes several in, in the order they came."""
        self._waiting += [residual for residual in residuals[-WINDOW:] if residual == residual]
        if len(self._waiting) >= WINDOW:
            self._rank()

    def latest(self) -> list[float]:
        """Returns those remembered, oldest first."""
        self._rank()
        return list(self._latest)

    def quantile(self, q: float) -> float:
        """Returns what a share ``q`` of them does not exceed, NaN where there are fewer than ``FEWEST``."""
        self._rank()
        if len(self._ranked) < FEWEST:
            return nan
        return self._ranked[max(0, ceil(q * len(self._ranked)) - 1)]

    def _rank(self) -> None:
        """Ranks those that came since it was done last: one by one if they are few, as after a turn of a campaign."""
        waiting, self._waiting = self._waiting, []
        if len(waiting) > AT_ONCE:
            self._latest.extend(waiting)
            self._ranked = sorted(self._latest)
            return
        for residual in waiting:
            if len(self._latest) == WINDOW:
                del self._ranked[bisect_left(self._ranked, self._latest[0])]
            self._latest.append(residual)
            insort(self._ranked, residual)
