"""Brings values to the size of 1 and back, exactly where it is done by powers of two, whatever their magnitude."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from cohobate.models.kernels import Floats

LARGEST = sys.float_info.max
SMALLEST = 2.0**-900
"""What is smaller than this counts as 0."""


@dataclass(frozen=True, slots=True)
class Units:
    """A value is ``size * (centre + spread * x)``; ``size`` is a power of two, ``x`` has mean 0 and at most size 1.

    ``spread`` is 0 where the values differ by no more than rounding.
    """

    size: float = 1.0
    centre: float = 0.0
    spread: float = 0.0

    @classmethod
    def of(cls, values: Floats) -> Units:
        """Returns the units of known values: (n,)."""
        size = magnitude(values)
        if size < SMALLEST or not len(values):
            return cls()
        scaled = values / size
        centre = float(scaled.mean())
        spread = float(np.abs(scaled - centre).max())
        return cls(size, centre, spread if spread > 4 * np.finfo(float).eps * abs(centre) else 0.0)

    @property
    def width(self) -> float:
        """The unit of deviation over ``size``: the spread; the values' own size where they have none."""
        return self.spread or abs(self.centre) or 1.0

    def plain(self, values: Floats) -> Floats:
        """Returns ``x`` of each value."""
        return (values / self.size - self.centre) / self.width

    def values(self, x: Floats) -> Floats:
        """Returns the value of each ``x``, the largest float where it is beyond."""
        return bounded(self.centre + self.spread * x, self.size)

    def widths(self, x: Floats) -> Floats:
        """Returns the deviation in values of each deviation of ``x``."""
        return bounded(self.width * x, self.size)


def magnitude(values: Floats) -> float:
    """Returns the power of two just below the largest value: dividing by it loses nothing; 1 where all are 0."""
    largest = float(np.abs(values).max(initial=0.0))
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if largest > 0 else 1.0


def bounded(scaled: Floats, size: float) -> Floats:
    """Returns ``scaled * size``, without infinities."""
    if size > 2.0**900:
        scaled = np.clip(scaled, -LARGEST / size, LARGEST / size)
    return scaled * size
