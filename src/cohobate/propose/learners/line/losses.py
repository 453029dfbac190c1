"""Losses of an interval: how much is to be learned between two neighbouring points.

A loss sees positions and values in units of the whole: positions are divided by the length of the domain,
values by the range known. ``order`` says by which power of its length the loss of a part shrinks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, hypot, isfinite, log, sqrt
from operator import mul
from typing import final

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.identity import code_hash
from cohobate.core.payload import Plain
from cohobate.propose.learners.line.values import Array, Number

__all__ = [
    "Loss",
    "abs_min_log_loss",
    "arc_loss",
    "curvature_loss",
    "error_loss",
    "looks_at",
    "resolution_loss",
    "triangle_loss",
    "uniform_loss",
]

Positions = Sequence[float | None]
Values = Sequence[Number | None]
Of = Callable[[Positions, Values], float]
"""From 2 + 2 n positions and their values (``None`` beyond the ends) to what is to be learned in the middle."""
Run = Callable[[Sequence[float], Sequence[float], float, float], list[float]]
Table = Callable[[Array, Array, float, float], Array]
LARGEST = 1e100
GUARD = 32.0
"""How the error that may hide in an interval grows with the fourth power of its share of the domain."""
FLAT = 1e-14
"""Heights of triangles below which there is nothing but rounding."""
SMALLEST = 1e-60
"""Keeps steps between points that all but coincide apart from zero."""


@final
@dataclass(frozen=True, slots=True)
class Loss:
    """A loss, how many neighbours on each side it looks at, and the fast ways to many at once that it may have."""

    name: str
    of: Of | None
    neighbours: int = 0
    order: float = 1.0
    parameters: tuple[tuple[str, Plain], ...] = ()
    run: Run | None = None
    table: Table | None = None

    def describe(self) -> dict[str, Plain]:
        """Returns its name and parameters."""
        return {"name": self.name, **dict(self.parameters)}

    def along(self, xs: Sequence[float], ys: Sequence[Number], width: float, scale: float) -> list[float]:
        """Returns the losses between consecutive points, the first and the last of which are the ends of all."""
        if self.run is not None and not isinstance(ys[0], tuple):
            return self.run(xs, ys, width, scale)  # type: ignore[arg-type]  # all are of one shape
        found: list[float] = self.over(np.array(xs), np.array(ys), width, scale).tolist()
        return found

    def over(self, x: Array, y: Array, width: float, scale: float) -> Array:
        """Returns the losses between consecutive points, as ``along`` does; ``x``: (n,), ``y``: (n,) or (n, m)."""
        if self.table is not None:
            return self.table(x, y, width, scale)
        return self._one_by_one(x / width, y / scale)

    def _one_by_one(self, x: Array, y: Array) -> Array:
        n = self.neighbours
        around: list[None] = [None] * n
        xs = [*around, *x.tolist(), *around]
        ys = [*around, *(y.tolist() if y.ndim == 1 else map(tuple, y.tolist())), *around]
        reach = 2 * n + 2
        return np.array([self._finite(xs[i : i + reach], ys[i : i + reach]) for i in range(len(x) - 1)])

    def _finite(self, xs: Positions, ys: Values) -> float:
        assert self.of is not None
        found = float(self.of(xs, ys))
        if not found >= 0:
            raise LearnerError(f"the loss {self.name!r}: expected a number from 0 up, got {found} for {xs}, {ys}")
        return min(found, LARGEST)


def looks_at(neighbours: int, *, order: float = 1.0) -> Callable[[Of], Loss]:
    """Makes a loss of a function ``(xs, ys) -> float`` that looks at so many neighbours on each side.

    ``xs`` and ``ys`` hold ``2 + 2 * neighbours`` positions and values, ``None`` beyond the ends of the domain.

    >>> @looks_at(1, order=2)
    ... def slopes(xs, ys):
    ...     return (xs[2] - xs[1]) ** 2
    >>> slopes.neighbours
    1
    """
    if not isinstance(neighbours, int) or neighbours < 0:
        raise LearnerError(f"looks_at: expected how many neighbours, 0 or more, got {neighbours!r}")
    if not (isfinite(order) and order > 0):
        raise LearnerError(f"looks_at: expected an order above 0, got {order!r}")

    def made(of: Of) -> Loss:
        said = (("code", code_hash(of)), ("neighbours", neighbours), ("order", order))
        return Loss(getattr(of, "__name__", type(of).__name__), of, neighbours, order, said)

    return made


def as_loss(loss: Loss | Of | None) -> Loss:
    """Returns a loss; a plain function looks at the two ends of the interval, ``None`` is the estimated error."""
    match loss:
        case None:
            return error_loss()
        case Loss():
            return loss
    if not callable(loss):
        raise LearnerError(f"Learner1D: expected a loss of cohobate.losses or a function of (xs, ys), got {loss!r:.80}")
    return looks_at(0)(loss)


def error_loss() -> Loss:
    """Returns the estimated error of straight lines between the points, relative to the range of values.

    A line errs by f'' h^2 / 8 at most; f'' is twice the larger of the second divided differences at both
    ends. Where that is smaller, 32 times the fourth power of the interval's share of the domain stands for
    what no point has met: at 1e-3 no two points are further apart than a sixteenth of the domain. That meets
    a smooth feature as high as the range and 3 % of the domain wide (at half height), wherever it is; a narrower
    or lower one may be missed.
    """
    return Loss("error_loss", None, 1, 2.0, (), _errors, _error_table)


def arc_loss() -> Loss:
    """Returns the length of the line from point to point (of a vector: of its longest component)."""
    return Loss("arc_loss", _arc, run=_arcs, table=_arc_table)


def uniform_loss() -> Loss:
    """Returns the length of the interval."""
    return Loss("uniform_loss", _length, run=_lengths, table=_length_table)


def abs_min_log_loss() -> Loss:
    """Returns the length of the line through the logarithm of the smallest magnitude among the components."""
    return Loss("abs_min_log_loss", _abs_min_log)


def triangle_loss() -> Loss:
    """Returns the mean area of the triangles that the interval spans with each of its neighbours."""
    return Loss("triangle_loss", _triangle, 1, 3.0)


def curvature_loss(area: float = 1.0, euclid: float = 0.02, horizontal: float = 0.02) -> Loss:
    """Returns the root of the triangles' area, and a little of the arc and of the length; each by its weight."""

    def curvature(xs: Positions, ys: Values) -> float:
        middle, ends = xs[1:3], ys[1:3]
        return area * sqrt(_triangle(xs, ys)) + euclid * _arc(middle, ends) + horizontal * _length(middle, ends)

    said = (("area", area), ("euclid", euclid), ("horizontal", horizontal))
    return Loss("curvature_loss", curvature, 1, 1.0, said)


def resolution_loss(min_length: float = 0.0, max_length: float = 1.0) -> Loss:
    """Returns the arc, but nothing below ``min_length`` of the domain, and more than any arc above ``max_length``."""
    if not 0 <= min_length < max_length:
        raise LearnerError(f"resolution_loss: expected 0 <= min_length < max_length, got {min_length}, {max_length}")

    def resolution(xs: Positions, ys: Values) -> float:
        length = _length(xs, ys)
        if length < min_length:
            return 0.0
        return 10 * (1 + length) if length > max_length else _arc(xs, ys)

    return Loss("resolution_loss", resolution, 0, 1.0, (("min_length", min_length), ("max_length", max_length)))


def _errors(xs: Sequence[float], ys: Sequence[float], width: float, scale: float) -> list[float]:
    """Returns what ``_error_table`` does, bit by bit, for a few numbers: one loop, as each point told takes it."""
    a, p = xs[1], ys[1]
    step = (a - xs[0]) / width + SMALLEST
    slope = (p - ys[0]) / scale / step
    bend, found = 0.0, []
    for b, q in zip(xs[2:], ys[2:]):  # noqa: B905 as many positions as values, and this is where the time goes
        last, before = step, slope
        step = (b - a) / width + SMALLEST
        slope = (q - p) / scale / step
        turn = slope - before
        turn = (turn if turn > 0.0 else -turn) / (step + last)
        square = last * last
        error = (turn if turn > bend else bend) * square / 4
        hidden = GUARD * (square * square)
        found.append(error if error >= hidden else hidden if hidden < 1.0 else max(error, 1.0))
        a, p, bend = b, q, turn
    square = step * step
    found.append(max(bend * square / 4, min(GUARD * (square * square), 1.0)))
    return found


def _error_table(x: Array, y: Array, width: float, scale: float) -> Array:
    step = np.diff(x) / width + SMALLEST
    slope = np.diff(y, axis=0) / scale / (step if y.ndim == 1 else step[:, None])
    bend = np.zeros(len(x))
    if len(x) > 2:
        turn = np.abs(np.diff(slope, axis=0))
        bend[1:-1] = (turn if y.ndim == 1 else turn.max(axis=1)) / (step[1:] + step[:-1])
    square = step * step
    error = np.maximum(bend[1:], bend[:-1]) * square / 4
    return np.maximum(error, np.minimum(GUARD * (square * square), 1.0))


def _arcs(xs: Sequence[float], ys: Sequence[float], width: float, scale: float) -> list[float]:
    steps = [((b - a) / width, (q - p) / scale) for (a, b), (p, q) in zip(pairwise(xs), pairwise(ys), strict=True)]
    return [sqrt(step * step + rise * rise) for step, rise in steps]


def _arc_table(x: Array, y: Array, width: float, scale: float) -> Array:
    step, rise = np.diff(x) / width, np.diff(y, axis=0) / scale
    if y.ndim > 1:
        rise = np.abs(rise).max(axis=1)
    arcs: Array = np.sqrt(step * step + rise * rise)
    return arcs


def _lengths(xs: Sequence[float], _: Sequence[float], width: float, __: float) -> list[float]:
    return [(b - a) / width for a, b in pairwise(xs)]


def _length_table(x: Array, _: Array, width: float, __: float) -> Array:
    lengths: Array = np.diff(x) / width
    return lengths


def _length(xs: Positions, _: Values) -> float:
    a, b = xs
    assert a is not None
    assert b is not None
    return b - a


def _arc(xs: Positions, ys: Values) -> float:
    step, rise = _length(xs, ys), max(map(abs, _difference(ys[0], ys[1])))
    return sqrt(step * step + rise * rise)


def _abs_min_log(xs: Positions, ys: Values) -> float:
    return _arc(xs, [log(max(min(map(abs, _tuple(y))), 1e-300)) for y in ys])


def _triangle(xs: Positions, ys: Values) -> float:
    corners = [(x, *_tuple(y)) for x, y in zip(xs, ys, strict=True) if x is not None]
    if len(corners) == 2:
        return corners[1][0] - corners[0][0]
    return fsum(_area(*corners[i : i + 3]) for i in range(len(corners) - 2)) / (len(corners) - 2)


def _area(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> float:
    """Returns the area of a triangle in a space of any dimension: half of base times height."""
    base, side = _difference(a, b), _difference(a, c)
    along = fsum(map(mul, base, side)) / fsum(map(mul, base, base))
    height = hypot(*(q - along * p for p, q in zip(base, side, strict=True)))
    return hypot(*base) * height / 2 if height > FLAT else 0.0


def _difference(one: Number | None, other: Number | None) -> list[float]:
    return [b - a for a, b in zip(_tuple(one), _tuple(other), strict=True)]


def _tuple(value: Number | None) -> tuple[float, ...]:
    assert value is not None
    return value if isinstance(value, tuple) else (value,)
