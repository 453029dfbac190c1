"""What is known of a function over an interval, however it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import final

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.propose.learners.line.values import Array, Number

DUST = 4.0
"""Intervals of fewer than so many spacings of floats are not split."""


@final
class Facts:
    """The interval, its known points, those that are out, the holes, and how far the values reach.

    ``data``, ``pending`` and ``holes`` are the truth; chain and table are made from them. The values of
    ``pending`` are for the chain: numbers of points from which a search may begin, 0 always. ``low`` and
    ``high`` are the least and the largest of plain numbers; ``scale`` is the range of the values (the largest
    of the components), 1 where there is none.
    """

    __slots__ = (
        "_highs",
        "_lows",
        "data",
        "dust",
        "hi",
        "high",
        "holes",
        "lo",
        "low",
        "pending",
        "scale",
        "shape",
        "width",
    )

    def __init__(self, lo: float, hi: float) -> None:
        self.data: dict[float, Number] = {}
        self.pending: dict[float, int] = {}
        self.holes: dict[float, str] = {}
        self.shape: tuple[int, ...] | None = None
        self.scale = 1.0
        self.low, self.high = inf, -inf
        self._lows: Array = np.empty(0)
        self._highs: Array = np.empty(0)
        self.bound(lo, hi)

    def bound(self, lo: float, hi: float) -> None:
        """Sets the interval."""
        if not isfinite(hi - lo):
            raise LearnerError(f"Learner1D: expected bounds a finite distance apart, got ({lo}, {hi})")
        self.lo, self.hi, self.width = lo, hi, hi - lo
        self.dust = max(DUST * float(np.finfo(float).eps) * max(abs(lo), abs(hi)), 1e-320)

    def is_taken(self, point: float) -> bool:
        """Whether a point is known, out, or a hole."""
        return point in self.data or point in self.pending or point in self.holes

    def is_bounded(self, *, real: bool) -> bool:
        """Whether both bounds have a value, or never will; unless ``real``, also if they are out."""
        if real:
            return all(bound in self.data or bound in self.holes for bound in (self.lo, self.hi))
        return self.is_taken(self.lo) and self.is_taken(self.hi)

    def reach(self, values: Array) -> None:
        """Takes in how far new values reach, the first axis counting them; ``LearnerError`` if that is too far."""
        lows, highs = values.min(axis=0), values.max(axis=0)
        if self.data:
            lows, highs = np.minimum(lows, self._lows), np.maximum(highs, self._highs)
        with np.errstate(over="ignore"):
            span = float((highs - lows).max())
        if not isfinite(span):
            raise LearnerError("Learner1D: the range of the values is beyond what a float can hold: scale them down")
        self._lows, self._highs, self.scale = lows, highs, span or 1.0
        if values.ndim == 1:
            self.low, self.high = float(lows), float(highs)

    def settle(self, points: Sequence[float]) -> None:
        """Takes in that points are neither out nor holes any more."""
        if list(self.pending) == points:  # all that was asked for, in that order
            self.pending.clear()
        for known in (self.pending, self.holes):
            if known:
                for point in points:
                    known.pop(point, None)
