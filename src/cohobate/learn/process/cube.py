"""Intervals, some of them along logarithms, as axes of length 1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cohobate.core.problem import Real
from cohobate.learn.interpolants.model import Mask
from cohobate.learn.kernels import Floats


@dataclass(frozen=True, slots=True)
class Cube:
    """Maps points of intervals to the unit cube and back."""

    axes: tuple[Real, ...]

    @classmethod
    def of(cls, axes: Iterable[Real]) -> Cube:
        """Returns that of intervals."""
        return cls(tuple(axes))

    def plain(self, points: Floats) -> Floats:
        """Returns points of the unit cube, (n, axes), for points of the intervals."""
        return np.stack([_plain(axis, column) for axis, column in zip(self.axes, points.T, strict=True)], axis=1)

    def points(self, plain: Floats) -> Floats:
        """Returns points of the intervals, (n, axes), never outside."""
        columns = zip(self.axes, plain.T, strict=True)
        return np.stack([np.clip(_point(axis, column), axis.lo, axis.hi) for axis, column in columns], axis=1)

    def inside(self, points: Floats) -> Mask:
        """Returns which points of the intervals lie within all, (n,)."""
        lower, upper = np.array([(axis.lo, axis.hi) for axis in self.axes]).T
        inside: Mask = np.all((points >= lower) & (points <= upper), axis=1)
        return inside

    def widths(self, points: Floats) -> Floats:
        """Returns what a slope along each axis is to be multiplied by to be one along the cube's: (n, axes)."""
        columns = zip(self.axes, points.T, strict=True)
        return np.stack([_width(axis, column) for axis, column in columns], axis=1)


def _plain(axis: Real, x: Floats) -> Floats:
    share: Floats = np.log(x / axis.lo) / np.log(axis.hi / axis.lo) if axis.log else (x - axis.lo) / (axis.hi - axis.lo)
    return share


def _point(axis: Real, u: Floats) -> Floats:
    x: Floats = axis.lo * (axis.hi / axis.lo) ** u if axis.log else axis.lo + u * (axis.hi - axis.lo)
    return x


def _width(axis: Real, x: Floats) -> Floats:
    return x * np.log(axis.hi / axis.lo) if axis.log else np.full(len(x), axis.hi - axis.lo)
