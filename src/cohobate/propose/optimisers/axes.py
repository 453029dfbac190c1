"""The real variables of a problem as the coordinates of an optimiser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cohobate.core.errors import ProblemError, UserError
from cohobate.core.pool import Pool
from cohobate.core.problem import Constant, Problem, Real
from cohobate.core.protocols import Row, Unfit
from cohobate.propose.scaling import Numbers, values

ROUNDING = 1e-12
"""How far beyond a bound, in widths of the interval, a coordinate may come by rounding."""


@final
@dataclass(frozen=True, slots=True)
class Axes:
    """Coordinates x: (d,) of a problem: the values of its reals in their order, or, ``scaled``, these within [0, 1].

    Scaled coordinates of a real with ``log`` are those of its logarithm.
    """

    names: tuple[str, ...]
    reals: tuple[Real, ...]
    fixed: Mapping[str, Any]
    order: tuple[str, ...]
    scaled: bool

    @property
    def lo(self) -> Numbers:
        """The lower bounds: (d,)."""
        return np.array([0.0 if self.scaled else real.lo for real in self.reals])

    @property
    def hi(self) -> Numbers:
        """The upper bounds: (d,)."""
        return np.array([1.0 if self.scaled else real.hi for real in self.reals])

    def row(self, x: Numbers) -> Row:
        """Returns the inputs at ``x``; ``Unfit`` where that is out of bounds."""
        lo, hi = self.lo, self.hi
        slack = ROUNDING * (hi - lo)
        if not np.all((x >= lo - slack) & (x <= hi + slack)):
            return Unfit(self._inputs(x.tolist()), f"out of bounds: {self.told(x)}")
        return self._inputs(self.values(np.clip(x, lo, hi)))

    def values(self, x: Numbers) -> list[float]:
        """Returns the values of the reals at ``x``, which is within the bounds."""
        if not self.scaled:
            return [float(value) for value in x]
        return [values(real, u)[0] for real, u in zip(self.reals, x.reshape(-1, 1), strict=True)]

    def at(self, numbers: Sequence[float]) -> Numbers:
        """Returns the coordinates of values of the reals."""
        if not self.scaled:
            return np.array(numbers, dtype=float)
        return np.array([_share(real, value) for real, value in zip(self.reals, numbers, strict=True)])

    def told(self, numbers: Sequence[float] | Numbers) -> str:
        """Returns coordinates as text, by name."""
        return ", ".join(f"{name}={float(value):.6g}" for name, value in zip(self.names, numbers, strict=True))

    def _inputs(self, numbers: Sequence[float]) -> dict[str, Any]:
        named = {**dict(zip(self.names, numbers, strict=True)), **self.fixed}
        return {name: named[name] for name in self.order}


def axes_of(problem: Problem, who: str, *, scaled: bool = False) -> Axes:
    """Returns the coordinates of a problem; raises ``ProblemError`` where it has other variables than reals."""
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
    return Axes(tuple(reals), tuple(reals.values()), fixed, problem.names, scaled)


def start_of(axes: Axes, x0: Sequence[float] | Mapping[str, float] | None, who: str) -> list[float]:
    """Returns the values of the reals to start at: ``x0``, given in order or by name, else the middle of the bounds."""
    if x0 is None:
        middle = Axes(axes.names, axes.reals, axes.fixed, axes.order, True)
        return middle.values(np.full(len(axes.names), 0.5))
    numbers = _listed(axes, x0, who)
    for name, real, value in zip(axes.names, axes.reals, numbers, strict=True):
        if not real.lo <= value <= real.hi:
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


def _share(real: Real, value: float) -> float:
    """Returns where a value lies between the bounds."""
    if real.log:
        return math.log(value / real.lo) / math.log(real.hi / real.lo)
    return (value - real.lo) / (real.hi - real.lo)
