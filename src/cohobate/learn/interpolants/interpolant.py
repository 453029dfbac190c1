"""A function that was learned, as a value that can be called, kept and sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload
from cohobate.learn.interpolants.model import Mask, Model
from cohobate.learn.kernels import Floats


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Interpolant:
    """A function through the values that were known when it was made.

    Over one axis called as ``f(0.3)`` or ``f(array)`` of any shape; over several as ``f(x, y)``, where
    each may be an array, or as ``f(points)``, (..., axes). Returns a float for one point of a function of
    one number, else an array of the shape of the points; functions of several numbers have these last.

    ``error`` is the largest difference between a known value and what this kind of interpolant, made
    without it, said there, relative to the range of the values (the largest over several outputs); NaN
    where too few are known to tell. It is found with fewer points than there are, so it is rather too
    large than too small where these resolve the function, and says nothing of what lies between points
    that all missed it. ``lower``, ``upper``: (axes,), the bounds of the known points.
    """

    kind: str
    npoints: int
    error: float
    lower: Floats
    upper: Floats
    model: Model
    scalar: bool

    def __call__(self, *point: ArrayLike, extrapolate: bool = False) -> Payload:
        """Returns the values at a point or many.

        Raises ``LearnerError`` for points that do not lie between known ones, unless ``extrapolate``:
        then the outermost piece goes on (over several axes: the nearest known value).
        """
        points, shape = as_points(point, len(self.lower))
        if not extrapolate:
            self._check(points)
        values = self.model.at(points)
        return shaped(values[:, 0] if self.scalar else values, shape)

    def derivative(self, *point: ArrayLike) -> Payload:
        """Returns the derivatives at a point or many: as values are, over several axes with one for each axis last.

        Raises ``LearnerError`` outside of the known points, and where this kind has no derivatives.
        """
        points, shape = as_points(point, len(self.lower))
        self._check(points)
        slopes = self.model.slope(points)
        slopes = slopes[:, 0] if self.scalar else slopes
        return shaped(slopes[..., 0] if len(self.lower) == 1 else slopes, shape)

    def inside(self, *point: ArrayLike) -> Payload:
        """Returns whether a point lies between known ones, or an array of that for many."""
        points, shape = as_points(point, len(self.lower))
        return shaped(self.model.inside(points), shape)

    def __repr__(self) -> str:
        over = " x ".join(f"[{lo:g}, {hi:g}]" for lo, hi in zip(self.lower, self.upper, strict=True))
        error = "error unknown" if np.isnan(self.error) else f"error {self.error:.2g} of the range"
        return f"<{self.kind} interpolant of {self.npoints} points over {over}, {error}>"

    def _check(self, points: Floats) -> None:
        inside: Mask = self.model.inside(points)
        if not inside.all():
            first = ", ".join(f"{one:g}" for one in points[int(inside.argmin())])
            bounds = " x ".join(f"[{lo:g}, {hi:g}]" for lo, hi in zip(self.lower, self.upper, strict=True))
            raise LearnerError(
                f"({first}) is not between the known points, which lie within {bounds}: "
                "stay inside, or call with extrapolate=True"
            )


def as_points(point: tuple[ArrayLike, ...], axes: int) -> tuple[Floats, tuple[int, ...]]:
    """Returns points, (n, axes), of what a function over ``axes`` was called with, and the shape they came in."""
    try:
        given = np.stack(np.broadcast_arrays(*[np.asarray(one, float) for one in point]), axis=-1)
    except (TypeError, ValueError) as error:
        raise LearnerError(f"expected numbers for a point of {axes} axes, got {point!r:.80}") from error
    if len(point) == 1 and axes > 1:
        given = given[..., 0]
    if given.ndim == 0 or given.shape[-1] != axes:
        raise LearnerError(f"expected points of {axes} axes, got {point!r:.80}")
    return given.reshape(-1, axes), given.shape[:-1]


def shaped(values: Payload, shape: tuple[int, ...]) -> Payload:
    """Returns values of points, (n, ...), in the shape that these came in; one number as such."""
    in_shape = values.reshape(shape + values.shape[1:])
    return in_shape.item() if in_shape.ndim == 0 else in_shape
