"""Maps points of the unit cube to the values of variables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import ProblemError, UserError
from cohobate.core.pool import Pool
from cohobate.core.problem import Choice, Constant, Integer, Problem, Real, Structured, Variable

Numbers: TypeAlias = NDArray[np.float64]
Row = dict[str, Any]


def cube_of(problem: Problem, design: str) -> Mapping[str, Variable]:
    """Returns the variables of a problem that a design can sample.

    Raises ``ProblemError`` for a pool and for structured variables: neither has coordinates.
    """
    if isinstance(problem.variables, Pool):
        raise ProblemError(f"{design} needs variables, got a pool: use RandomSampler, Grid or ActiveLearning for it")
    for name, variable in problem.variables.items():
        if isinstance(variable, Structured):
            raise ProblemError(f"{design} cannot sample {name!r}, a {variable.name}: expected Real, Integer or Choice")
    check_bounded(problem.variables, design)
    return problem.variables


def check_bounded(variables: Mapping[str, Variable], who: str, kind: type[UserError] = ProblemError) -> None:
    """Raises ``kind`` for a real without a bound: there is no interval to take points from."""
    for name, one in variables.items():
        if isinstance(one, Real) and not one.bounded:
            got = f"{name!r} from {one.lo} to {one.hi}"
            raise kind(f"{who} needs finite bounds, got {got}: give it both, or start a local optimiser at x0")


def varied(variables: Mapping[str, Variable]) -> int:
    """Returns how many coordinates a point of these variables has."""
    return sum(not isinstance(variable, Constant) for variable in variables.values())


def rows(variables: Mapping[str, Variable], points: Numbers) -> list[Row]:
    """Returns the inputs at ``points``: (n, varied) within [0, 1]; constants are included."""
    coordinates = iter(points.T)
    columns = [
        [variable.value] * len(points) if isinstance(variable, Constant) else values(variable, next(coordinates))
        for variable in variables.values()
    ]
    names = tuple(variables)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def values(variable: Variable, u: Numbers) -> Sequence[Any]:
    """Returns a variable's values at ``u``: (n,) within [0, 1], as Python objects.

    Equal parts of [0, 1] are equally likely values; whole numbers and choices own equal parts.
    """
    match variable:
        case Real():
            return _reals(variable, u)
        case Integer():
            return _integers(variable, u)
        case Choice():
            chosen = np.minimum(u * len(variable.values), len(variable.values) - 1).astype(int)
            return [variable.values[i] for i in chosen.tolist()]
    raise ProblemError(f"cannot sample {variable!r}")


def _reals(variable: Real, u: Numbers) -> list[float]:
    """The bounds are exact at 0 and 1, which the logarithm would blur."""
    lo, hi = variable.lo, variable.hi
    x = np.exp(math.log(lo) * (1 - u) + math.log(hi) * u) if variable.log else lo * (1 - u) + hi * u
    bounded = np.where(u == 0, lo, np.where(u == 1, hi, np.clip(x, lo, hi)))
    numbers: list[float] = bounded.tolist()
    return numbers


def _integers(variable: Integer, u: Numbers) -> list[int]:
    """``log``: a number k is as likely as log((k + 1) / k)."""
    lo, hi = variable.lo, variable.hi
    steps = np.exp(math.log(lo) * (1 - u) + math.log(hi + 1) * u) - lo if variable.log else u * float(hi - lo + 1)
    return [min(max(lo + int(step), lo), hi) for step in steps.tolist()]
