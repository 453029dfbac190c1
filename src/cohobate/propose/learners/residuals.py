"""How far predictions were off, each made before its result was known."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from math import ceil, isnan, nan
from typing import final

WINDOW = 200
"""Predictions that are remembered: older ones tell of a learner that knew less."""
FEWEST = 10
"""Predictions below which nothing is said."""


@final
class Residuals:
    """The latest differences between values and what was predicted of them; asked after each turn, so kept ranked."""

    __slots__ = ("_latest", "_ranked")

    def __init__(self, latest: Iterable[float] = ()) -> None:
        self._latest: deque[float] = deque()
        self._ranked: list[float] = []
        for residual in latest:
            self.add(residual)

    def add(self, residual: float) -> None:
        """Takes one in; NaN says that there was no prediction."""
        if isnan(residual):
            return
        if len(self._latest) == WINDOW:
            del self._ranked[bisect_left(self._ranked, self._latest.popleft())]
        self._latest.append(residual)
        insort(self._ranked, residual)

    def extend(self, residuals: Sequence[float]) -> None:
        """Takes several in, in the order they came."""
        for residual in residuals[-WINDOW:]:
            self.add(residual)

    def latest(self) -> list[float]:
        """Returns those remembered, oldest first."""
        return list(self._latest)

    def quantile(self, q: float) -> float:
        """Returns what a share ``q`` of them does not exceed, NaN where there are fewer than ``FEWEST``."""
        if len(self._ranked) < FEWEST:
            return nan
        return self._ranked[max(0, ceil(q * len(self._ranked)) - 1)]
