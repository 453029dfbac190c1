"""The real variables of a problem as the coordinates of an optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real as Number
from typing import Any, TypeAlias, final

import numpy as np

from cohobate.core.errors import ProblemError, UserError, did_you_mean
from cohobate.core.pool import Pool
from cohobate.core.problem import Constant, Problem, Real
from cohobate.core.protocols import Row, Unfit
from cohobate.propose.optimisers.coordinates import Coordinate, Itself, Share, sized
from cohobate.propose.scaling import Numbers, check_bounded

ROUNDING = 1e-12
"""How far beyond a bound, in widths of the interval, a coordinate may come by rounding."""

TINY = 1e-300
"""What is smaller at the start is 0, and has no size."""

Scale: TypeAlias = bool | Mapping[str, float]
"""What coordinates are: ``False``: the values. ``True``: within [0, 1] between finite bounds, of the logarithm
where a variable is ``log``; for other variables, or with sizes of change by name for all: the value in units of its
size (default: that at the start), with ``log`` its natural logarithm."""


@final
@dataclass(frozen=True, slots=True)
class Axes:
    """Coordinates x: (d,) of a problem, one for each of its reals in their order."""

    names: tuple[str, ...]
    reals: tuple[Real, ...]
    fixed: Mapping[str, Any]
    order: tuple[str, ...]
    coordinates: tuple[Coordinate, ...]

    @property
    def lo(self) -> Numbers:
        """The lower bounds: (d,), infinite where there is none."""
        return np.array([one.lo for one in self.coordinates])

    @property
    def hi(self) -> Numbers:
        """The upper bounds: (d,), infinite where there is none."""
        return np.array([one.hi for one in self.coordinates])

    @property
    def steps(self) -> list[float | None]:
        """A small change of each coordinate that matters; ``None`` where that depends on x."""
        return [one.step for one in self.coordinates]

    def row(self, x: Numbers) -> Row:
        """Returns the inputs at ``x``; ``Unfit`` where that is out of bounds."""
        lo, hi = self.lo, self.hi
        slack = ROUNDING * _width(lo, hi)
        if np.all((x >= lo - slack) & (x <= hi + slack)):
            numbers = self.values(np.clip(x, lo, hi))
            if all(real.check(value) is None for real, value in zip(self.reals, numbers, strict=True)):
                return self._inputs(numbers)
        return Unfit(self._inputs(x.tolist()), f"out of bounds: {self.told(x)}")

    def values(self, x: Numbers) -> list[float]:
        """Returns the values of the reals at ``x``, which is within the bounds."""
        return [one.value(at) for one, at in zip(self.coordinates, x.tolist(), strict=True)]

    def at(self, numbers: Sequence[float] | Numbers) -> Numbers:
        """Returns the coordinates of values of the reals."""
        return np.array([one.at(value) for one, value in zip(self.coordinates, numbers, strict=True)], dtype=float)

    def inside(self, x: Numbers, share: float) -> Numbers:
        """Returns ``x`` at least a share of the widths away from all bounds."""
        lo, hi = self.lo, self.hi
        margin = share * _width(lo, hi)
        found: Numbers = np.clip(x, lo + margin, hi - margin)
        return found

    def slopes(self, x: Numbers) -> Numbers:
        """Returns how fast each value grows with its coordinate at ``x``: (d,)."""
        return np.array([one.slope(at) for one, at in zip(self.coordinates, x.tolist(), strict=True)])

    def by_x(self, slopes: Callable[[Numbers], Any]) -> Callable[[Numbers], Any]:
        """Returns derivatives by coordinates, (..., d), from a function of x that gives those by the values."""
        if all(isinstance(one, Itself) for one in self.coordinates):
            return slopes
        return lambda x: np.asarray(slopes(x)) * self.slopes(x)

    def told(self, numbers: Sequence[float] | Numbers) -> str:
        """Returns coordinates as text, by name."""
        return ", ".join(f"{name}={float(value):.6g}" for name, value in zip(self.names, numbers, strict=True))

    def _inputs(self, numbers: Sequence[float]) -> dict[str, Any]:
        named = {**dict(zip(self.names, numbers, strict=True)), **self.fixed}
        return {name: named[name] for name in self.order}


def axes_of(problem: Problem, who: str, *, scale: Scale = False, start: Sequence[float] | None = None) -> Axes:
    """Returns the coordinates of a problem; raises ``ProblemError`` where it has other variables than reals.

    ``start`` are values of the reals, whose sizes are taken where ``scale`` gives none.
    """
    if isinstance(problem.variables, Pool):
        raise ProblemError(f"{who} needs real variables, got a pool: use ActiveLearning for it")
    for name, variable in problem.variables.items():
        if not isinstance(variable, Real | Constant):
            kind = type(variable).__name__
            raise ProblemError(f"{who} needs real variables, got {name!r} of kind {kind}: make it Real or Constant")
    reals = {name: one for name, one in problem.variables.items() if isinstance(one, Real)}
    if not reals:
        raise ProblemError(f"{who} needs at least one Real, got {list(problem.variables)}")
    fixed = {name: one.value for name, one in problem.variables.items() if isinstance(one, Constant)}
    if problem.fidelity:
        fixed[problem.fidelity.name] = problem.fidelity.full
    return Axes(tuple(reals), tuple(reals.values()), fixed, problem.names, _coordinates(reals, scale, start))


def bounded_axes_of(problem: Problem, who: str) -> Axes:
    """Returns the values of the reals as coordinates; raises ``ProblemError`` also where one lacks a bound."""
    axes = axes_of(problem, who)
    check_bounded(dict(zip(axes.names, axes.reals, strict=True)), who)
    return axes


def checked_scale(axes: Axes, scale: Scale, who: str) -> Scale:
    """Returns ``scale`` as plain data; raises ``UserError`` for sizes that are none, or of no variable."""
    if isinstance(scale, bool):
        return scale
    if not isinstance(scale, Mapping):
        raise UserError(f"{who}: scale must be True, False, or sizes by name, got {scale!r:.80}")
    reals = dict(zip(axes.names, axes.reals, strict=True))
    for name, size in scale.items():
        if name not in reals:
            raise UserError(f"{who}: scale for {name!r}, which is no variable{did_you_mean(str(name), reals)}")
        if isinstance(size, bool) or not isinstance(size, Number) or not 0 < size < math.inf:
            raise UserError(f"{who}: the scale of {name!r} must be a finite number above 0, got {size!r}")
        if reals[name].log:
            raise UserError(f"{who}: {name!r} is varied by its logarithm, which needs no size: leave out its scale")
    return {name: float(size) for name, size in scale.items()}


def start_of(axes: Axes, x0: Sequence[float] | Mapping[str, float] | None, who: str) -> list[float]:
    """Returns the values of the reals to start at: ``x0``, given in order or by name, else the middle of the bounds."""
    if x0 is None:
        return [_middle(name, real, who) for name, real in zip(axes.names, axes.reals, strict=True)]
    numbers = _listed(axes, x0, who)
    for name, real, value in zip(axes.names, axes.reals, numbers, strict=True):
        if real.check(value) is not None:
            raise UserError(f"{who}: x0 must be within the bounds, got {name}={value!r} of [{real.lo}, {real.hi}]")
    return numbers


def _listed(axes: Axes, x0: Sequence[float] | Mapping[str, float], who: str) -> list[float]:
    if isinstance(x0, Mapping):
        if set(x0) != set(axes.names):
            raise UserError(f"{who}: x0 must name the variables {list(axes.names)}, got {list(x0)}")
        x0 = [x0[name] for name in axes.names]
    try:
        numbers = np.asarray(x0, dtype=float)
    except (TypeError, ValueError):
        raise UserError(f"{who}: x0 must be {len(axes.names)} numbers, got {x0!r:.80}") from None
    if numbers.shape != (len(axes.names),):
        raise UserError(f"{who}: x0 must be {len(axes.names)} numbers, for {list(axes.names)}, got {x0!r:.80}")
    listed: list[float] = numbers.tolist()
    return listed


def _middle(name: str, real: Real, who: str) -> float:
    if not real.bounded:
        raise UserError(f"{who}: {name!r} lacks a bound, so there is no middle to start at: give x0")
    return Share(real).value(0.5)


def _coordinates(reals: Mapping[str, Real], scale: Scale, start: Sequence[float] | None) -> tuple[Coordinate, ...]:
    if scale is False:
        return tuple(map(Itself, reals.values()))
    values = [1.0] * len(reals) if start is None else start
    sizes = {name: abs(value) if abs(value) > TINY else 1.0 for name, value in zip(reals, values, strict=True)}
    if isinstance(scale, Mapping):
        sizes |= scale
        return tuple(sized(real, sizes[name]) for name, real in reals.items())
    return tuple(Share(real) if real.bounded else sized(real, sizes[name]) for name, real in reals.items())


def _width(lo: Numbers, hi: Numbers) -> Numbers:
    """Returns the widths of intervals, or, of those without end, the size of their bounds: (d,)."""
    ends = np.maximum(np.where(np.isfinite(lo), np.abs(lo), 1.0), np.where(np.isfinite(hi), np.abs(hi), 1.0))
    found: Numbers = np.where(np.isfinite(lo) & np.isfinite(hi), hi - lo, ends)
    return found
