"""What is left to learn in a simplex: losses for learners over several axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import factorial, inf, sqrt
from typing import Literal, NamedTuple

from cohobate.core.errors import LearnerError
from cohobate.core.identity import code_hash
from cohobate.core.payload import Plain
from cohobate.propose.learners.mesh.balls import Ball, Point, volume_of, weights
from cohobate.propose.learners.mesh.placing import longest_edge
from cohobate.propose.learners.mesh.values import Flat, as_tuple, mixed


class Simplex(NamedTuple):
    """What a loss looks at: all lengths are relative to the domain, all values to the range known.

    ``points``: d + 1 tuples of d coordinates between 0 and 1; ``values``: a number or a tuple of numbers at
    each; ``ball``: the centre of the circumsphere, its radius squared, and the volume; ``beyond``: for each
    vertex the point and value across the facet opposite to it, ``None`` at the hull and where nothing is
    known, empty for a loss that looks at no neighbours; ``scale``: what values have been multiplied by.
    """

    points: Sequence[Point]
    values: Sequence[Flat]
    ball: Ball
    beyond: Sequence[tuple[Point, Flat] | None] = ()
    scale: float = 1.0

    @property
    def volume(self) -> float:
        """The volume, relative to that of the box of all axes."""
        return self.ball[-1]


Score = Callable[[Simplex], float]


@dataclass(frozen=True, slots=True)
class SimplexLoss:
    """A loss: its function, how many neighbours across each facet it looks at, and what names it in a run."""

    score: Score
    neighbours: Literal[0, 1] = 0
    name: str = ""
    settings: dict[str, Plain] = field(default_factory=dict)
    ends: bool = False

    def describe(self) -> dict[str, Plain]:
        """Returns the name and settings, for a function of the user's with a hash of its code."""
        if self.name:
            return {"name": self.name, **self.settings}
        return {"name": getattr(self.score, "__name__", "?"), "code": code_hash(self.score)}


def simplex_loss(neighbours: Literal[0, 1] = 0) -> Callable[[Score], SimplexLoss]:
    """Returns a decorator that makes a loss of a function of a ``Simplex``.

    >>> @simplex_loss(neighbours=1)
    ... def steps(simplex):
    ...     mean = sum(simplex.values) / len(simplex.values)
    ...     return simplex.volume * sum(abs(far[1] - mean) for far in simplex.beyond if far)
    """
    return lambda score: SimplexLoss(score, neighbours)


def loss_from(loss: SimplexLoss | Score | None) -> SimplexLoss:
    """Returns a loss; a plain function is one that looks at no neighbours."""
    match loss:
        case None:
            return simplex_error()
        case SimplexLoss():
            return loss
    if not callable(loss):
        raise LearnerError(f"LearnerND: expected a loss such as simplex_volume(), got {loss!r:.80}")
    return SimplexLoss(loss)


def simplex_error(exploration: float = 0.01) -> SimplexLoss:
    """Returns the default loss: volume times the error to be expected of linear interpolation.

    The second derivative is estimated by how far each neighbour's value is off the plane of the simplex,
    over the power of the neighbour's point with respect to the circumsphere (at least a quarter of the
    longest edge squared); of a parabola c x·x this is c exactly. Their mean and ``exploration``
    are taken times the longest edge squared and the volume.
    """
    score = partial(_error, exploration=exploration)
    return SimplexLoss(score, 1, "simplex_error", {"exploration": exploration})


def simplex_deviation(exploration: float = 0.3) -> SimplexLoss:
    """Returns the loss that is how far values deviate from the plane of the simplex, times its length, and its volume.

    The deviations are those of ``simplex_error`` over the longest edge, summed over the neighbours; the length
    is the square root of the volume, which is counted ``exploration`` times.
    """
    score = partial(_deviation, exploration=exploration)
    return SimplexLoss(score, 1, "simplex_deviation", {"exploration": exploration})


def simplex_volume() -> SimplexLoss:
    """Returns the loss that is the volume of the simplex on the graph of the function: of a triangle its surface."""
    return SimplexLoss(_embedded, 0, "simplex_volume")


def simplex_uniform() -> SimplexLoss:
    """Returns the loss that is the volume, whatever the values."""
    return SimplexLoss(_uniform, 0, "simplex_uniform")


def simplex_std() -> SimplexLoss:
    """Returns the loss that is the standard deviation of the values times the length, and the volume."""
    return SimplexLoss(_std, 0, "simplex_std")


def simplex_triangle() -> SimplexLoss:
    """Returns the loss that is the mean volume of the simplex with each neighbour on the graph of the function."""
    return SimplexLoss(_triangle, 1, "simplex_triangle")


def simplex_curvature(exploration: float = 0.05) -> SimplexLoss:
    """Returns the loss ``simplex_triangle`` and ``exploration`` times a power of the volume, as a length."""
    score = partial(_curvature, exploration=exploration)
    return SimplexLoss(score, 1, "simplex_curvature", {"exploration": exploration})


def simplex_resolution(low: float = 0.0, high: float = 1.0, of: SimplexLoss | Score | None = None) -> SimplexLoss:
    """Returns the loss ``of`` between two lengths (the d-th root of the volume, relative to the domain).

    Below ``low`` there is none, so that sampling ends; above ``high`` it is more than any other.
    """
    inner = loss_from(of)
    settings = {"low": low, "high": high, "of": inner.describe()}
    score = partial(_resolved, low=low, high=high, of=inner.score)
    return SimplexLoss(score, inner.neighbours, "simplex_resolution", settings, ends=low > 0 or inner.ends)


def simplex_thresholded(
    lower: float = -inf, upper: float = inf, priority: float = 0.1, of: SimplexLoss | Score | None = None
) -> SimplexLoss:
    """Returns the loss ``of``, times ``priority`` where all values are below ``lower`` or all above ``upper``.

    The two are in units of the values.
    """
    inner = loss_from(of)
    score = partial(_thresholded, lower=lower, upper=upper, priority=priority, of=inner.score)
    bounds = {"lower": repr(float(lower)), "upper": repr(float(upper)), "priority": priority}
    return SimplexLoss(score, inner.neighbours, "simplex_thresholded", {**bounds, "of": inner.describe()}, inner.ends)


def _error(s: Simplex, exploration: float) -> float:
    edge, bends = _bends(s)
    return s.volume * edge * (sum(bends) / max(1, len(bends)) / 4 + exploration)


def _deviation(s: Simplex, exploration: float) -> float:
    edge, bends = _bends(s)
    return sum(bends) * edge * sqrt(s.volume) + exploration * s.volume


def _bends(s: Simplex) -> tuple[float, list[float]]:
    """Returns the longest edge squared, and the second derivative as each neighbour has it."""
    edge = longest_edge(s.points)[2]
    return edge, [_off(s, far) / max(_power(s.ball, far[0]), edge / 4) for far in s.beyond if far is not None]


def _curvature(s: Simplex, exploration: float) -> float:
    d = len(s.points) - 1
    return float((_triangle(s) + exploration * s.volume ** ((2 + d) / d)) ** (1 / (2 + d)))


def _resolved(s: Simplex, low: float, high: float, of: Score) -> float:
    length = s.volume ** (1 / (len(s.points) - 1))
    if length < low:
        return 0.0
    return inf if length > high else of(s)


def _thresholded(s: Simplex, lower: float, upper: float, priority: float, of: Score) -> float:
    values = [y / s.scale for value in s.values for y in as_tuple(value)]
    dull = max(values) < lower or min(values) > upper
    return of(s) * (priority if dull else 1.0)


def _uniform(s: Simplex) -> float:
    return s.volume


def _off(s: Simplex, far: tuple[Point, Flat]) -> float:
    """Returns how far a value is off the plane of a simplex, in the component where it is most."""
    plane = as_tuple(mixed(weights(s.points, far[0], volume_of(len(far[0]))), s.values))
    return max([abs(a - b) for a, b in zip(plane, as_tuple(far[1]), strict=True)])


def _power(ball: Ball, at: Point) -> float:
    return sum([(a - c) * (a - c) for a, c in zip(at, ball, strict=False)]) - ball[-2]


def _embedded(s: Simplex) -> float:
    return embedded_volume([(*x, *as_tuple(y)) for x, y in zip(s.points, s.values, strict=True)])


def _std(s: Simplex) -> float:
    d = len(s.points) - 1
    columns = list(zip(*map(as_tuple, s.values), strict=True))
    variance = 0.0
    for column in columns:
        mean = sum(column) / (d + 1)
        variance += sum([(y - mean) ** 2 for y in column]) / (d + 1)
    return sqrt(variance) * float(s.volume ** (1 / d)) + s.volume


def _triangle(s: Simplex) -> float:
    own = [(*x, *as_tuple(y)) for x, y in zip(s.points, s.values, strict=True)]
    far = [(*one[0], *as_tuple(one[1])) for one in s.beyond if one is not None]
    return sum([embedded_volume([*own, point]) for point in far]) / max(1, len(far))


def embedded_volume(points: Sequence[Point]) -> float:
    """Returns the volume of a simplex in a space of as many or more axes, by Gram's determinant."""
    first = points[0]
    rows = [[a - b for a, b in zip(point, first, strict=True)] for point in points[1:]]
    gram = [[sum([a * b for a, b in zip(u, v, strict=True)]) for v in rows] for u in rows]
    return sqrt(max(0.0, _determinant(gram))) / factorial(len(rows))


def _determinant(rows: list[list[float]]) -> float:
    """Returns the determinant of a positive matrix, which is used up."""
    det = 1.0
    for i, top in enumerate(rows):
        if top[i] <= 0:
            return 0.0
        det *= top[i]
        for row in rows[i + 1 :]:
            factor = row[i] / top[i]
            for j in range(i + 1, len(rows)):
                row[j] -= factor * top[j]
    return det
