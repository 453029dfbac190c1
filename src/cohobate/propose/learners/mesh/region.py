"""Where points may be: a box or the convex hull of some points, and its coordinates between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations, product
from math import exp, log
from typing import final

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Real
from cohobate.propose.learners.mesh.balls import Point

OUTSIDE = 1e-9
"""How far beyond a facet of a hull a point may be, relative to its bounding box: roundings, no more."""


@final
class Region:
    """A box of intervals, of which facets may cut off parts; points in its units, unit points in [0, 1].

    An axis that is logarithmic has its logarithm between 0 and 1. ``corners`` are the vertices, each in
    units of the axes; ``cells`` fills them with simplices, ``None`` where a triangulation of the
    corners has to be found; ``planes`` (normal and offset, in unit coordinates) are those of a hull,
    and ``volume`` is what it has of the unit cube.
    """

    __slots__ = ("_axes", "_log", "axes", "cells", "corners", "d", "is_corner", "planes", "volume")

    def __init__(
        self,
        axes: Mapping[str, Real],
        corners: Sequence[Point] | None = None,
        planes: Iterable[Sequence[float]] = (),
        volume: float = 1.0,
    ) -> None:
        self.axes = dict(axes)
        self.d = len(self.axes)
        self._log = any(axis.log for axis in self.axes.values())
        self._axes = [(float(a.lo), float(a.hi), float(a.hi) - float(a.lo), a.log) for a in self.axes.values()]
        self.planes = [tuple(plane) for plane in planes]
        self.volume = volume
        self.cells = None if corners is not None else kuhn(self.d)
        self.corners = list(corners) if corners is not None else list(product(*[axis[:2] for axis in self._axes]))
        self.is_corner = frozenset(self.corners)

    def unit(self, point: Point) -> Point:
        """Returns unit coordinates."""
        if self._log:
            return tuple([_unit(x, *axis) for x, axis in zip(point, self._axes, strict=True)])
        return tuple([(x - lo) / width for x, (lo, _, width, _) in zip(point, self._axes, strict=True)])

    def place(self, unit: Point) -> Point:
        """Returns the point at unit coordinates; bounds are met exactly."""
        return tuple(
            [
                lo
                if u <= 0.0
                else hi
                if u >= 1.0
                else min(max(_between(u, lo, hi) if is_log else lo + u * width, lo), hi)
                for u, (lo, hi, width, is_log) in zip(unit, self._axes, strict=True)
            ]
        )

    def admit(self, point: Payload) -> Point:
        """Returns a point as a tuple of floats; ``LearnerError`` where it is none or outside."""
        if type(point) is not tuple or set(map(type, point)) != {float}:
            point = self._converted(point)
        if len(point) != self.d:
            raise LearnerError(f"LearnerND: expected {self.d} coordinates {list(self.axes)}, got {point!r:.80}")
        for x, (lo, hi, _, _) in zip(point, self._axes, strict=True):
            if not lo <= x <= hi:
                raise LearnerError(f"LearnerND: {point!r:.80} is outside the domain {self._bounds()}")
        if self.planes and self._beyond(self.unit(point)) > OUTSIDE:
            raise LearnerError(f"LearnerND: {point!r:.80} is outside the hull")
        return point  # type: ignore[no-any-return]  # a tuple of floats by now

    def describe(self) -> dict[str, Plain]:
        """Returns the bounds by axis and whether it is logarithmic, and the corners of a hull."""
        axes = {name: [float(axis.lo), float(axis.hi), axis.log] for name, axis in self.axes.items()}
        return {"axes": axes, "hull": [list(corner) for corner in self.corners] if self.planes else None}

    def _beyond(self, unit: Point) -> float:
        return max(sum([a * u for a, u in zip(plane, unit, strict=False)]) + plane[-1] for plane in self.planes)

    def _converted(self, point: Payload) -> Point:
        try:
            return tuple([float(x) for x in point])
        except (TypeError, ValueError) as error:
            raise LearnerError(f"LearnerND: expected {self.d} numbers {list(self.axes)}, got {point!r:.80}") from error

    def _bounds(self) -> str:
        return ", ".join(f"{name} from {axis.lo:g} to {axis.hi:g}" for name, axis in self.axes.items())


def kuhn(d: int) -> list[tuple[int, ...]]:
    """Returns the ``d!`` simplices of a cube, by the numbers of its corners in the order of ``product``.

    Each climbs from one corner to the opposite one along another order of the axes (Kuhn, IBM J. Res. Dev.
    4, 518, 1960).
    """
    cells = []
    for order in permutations(range(d)):
        corner = 0
        climbed = [corner]
        for axis in order:
            corner |= 1 << (d - 1 - axis)
            climbed.append(corner)
        cells.append(tuple(climbed))
    return cells


def _unit(x: float, lo: float, hi: float, width: float, is_log: bool) -> float:
    return log(x / lo) / log(hi / lo) if is_log else (x - lo) / width


def _between(u: float, lo: float, hi: float) -> float:
    return lo * exp(u * log(hi / lo))
