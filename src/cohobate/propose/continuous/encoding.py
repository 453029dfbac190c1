"""The variables of a problem as coordinates of a unit cube, and as columns that a model measures distances in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import ProblemError
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.core.problem import Choice, Integer, Problem, Real, Structured, Variable
from cohobate.core.trial import Inputs
from cohobate.propose.scaling import Numbers, Row, check_bounded, rows, values

Axis = Real | Integer | Choice


@dataclass(frozen=True, slots=True)
class Encoding:
    """Each ``Real`` and ``Integer`` is one column within [0, 1]; a ``Choice`` has one for each value.

    The columns of a choice share a length scale; two different values are 1 apart.
    """

    variables: Mapping[str, Variable]

    @classmethod
    def of(cls, problem: Problem, who: str) -> Encoding:
        """Returns that of a problem; raises ``ProblemError`` where it has no coordinates."""
        if isinstance(problem.variables, Pool):
            raise ProblemError(f"{who} needs variables, got a pool: use ActiveLearning for it")
        if problem.fidelity:
            raise ProblemError(f"{who} knows no levels, got the fidelity {problem.fidelity.name!r}: leave it out")
        for name, variable in problem.variables.items():
            if isinstance(variable, Structured):
                raise ProblemError(f"{who} cannot vary {name!r}, a {variable.name}: expected Real, Integer or Choice")
        check_bounded(problem.variables, who)
        found = cls(problem.variables)
        if not found.axes:
            raise ProblemError(f"{who} needs at least one Real, Integer or Choice, got {list(problem.names)}")
        return found

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The varied variables: one coordinate of the cube each."""
        return tuple(self._named.values())

    @property
    def groups(self) -> tuple[int, ...]:
        """The number of the axis of each column."""
        return tuple(at for at, axis in enumerate(self.axes) for _ in range(_width(axis)))

    @property
    def size(self) -> float:
        """How many different points there are."""
        return math.prod(_count(axis) for axis in self.axes)

    def columns_of(self, kind: type[Real] | type[Integer]) -> NDArray[np.intp]:
        """Returns which columns belong to variables of one kind."""
        return np.array([at for at, axis in enumerate(self.groups) if isinstance(self.axes[axis], kind)], int)

    def inputs(self, points: Numbers) -> list[Row]:
        """Returns the inputs at points of the cube: (n, axes)."""
        return rows(self.variables, points)

    def columns(self, points: Numbers) -> Numbers:
        """Returns the columns at points of the cube, (n, axes): (n, columns)."""
        each = [_columns(axis, points[:, at]) for at, axis in enumerate(self.axes)]
        return np.concatenate(each, axis=1)

    def points(self, columns: Numbers) -> Numbers:
        """Returns the points of the cube, (n, axes), that are nearest to columns: (n, columns)."""
        owner = np.array(self.groups)
        each = [_points(axis, columns[:, owner == at]) for at, axis in enumerate(self.axes)]
        return np.stack(each, axis=1)

    def point(self, inputs: Inputs) -> Numbers:
        """Returns the point of the cube that stands for inputs: (axes,)."""
        return np.array([_place(axis, inputs[name]) for name, axis in self._named.items()])

    def every(self) -> Numbers:
        """Returns all points of a space without reals: (size, axes)."""
        places = [[_place(axis, value) for value in _values(axis)] for axis in self.axes]
        return np.stack([one.ravel() for one in np.meshgrid(*places, indexing="ij")], axis=1)

    def key(self, inputs: Inputs) -> tuple[Any, ...]:
        """Returns what inputs are told apart by: values, places in choices."""
        varied = [(axis, inputs[name]) for name, axis in self._named.items()]
        return tuple(axis.values.index(value) if isinstance(axis, Choice) else value for axis, value in varied)

    @property
    def _named(self) -> Mapping[str, Axis]:
        return {name: one for name, one in self.variables.items() if isinstance(one, Real | Integer | Choice)}


def _width(axis: Axis) -> int:
    return len(axis.values) if isinstance(axis, Choice) else 1


def _count(axis: Axis) -> float:
    match axis:
        case Real():
            return math.inf
        case Integer(lo, hi):
            return int(hi) - int(lo) + 1
        case Choice(among):
            return len(among)


def _columns(axis: Axis, u: Numbers) -> Numbers:
    match axis:
        case Real():
            return u[:, None]
        case Integer():
            return np.array([_share(axis, k) for k in values(axis, u)]).reshape(-1, 1)
        case Choice(among):
            chosen = np.minimum(u * len(among), len(among) - 1).astype(int)
            columns: Numbers = np.eye(len(among))[chosen] * math.sqrt(0.5)
            return columns


def _points(axis: Axis, columns: Numbers) -> Numbers:
    match axis:
        case Real():
            return columns[:, 0]
        case Integer():
            return np.array([_place(axis, _whole(axis, share)) for share in columns[:, 0].tolist()])
        case Choice(among):
            places: Numbers = (columns.argmax(axis=1) + 0.5) / len(among)
            return places


def _values(axis: Axis) -> Sequence[Any]:
    match axis:
        case Integer(lo, hi):
            return range(lo, hi + 1)
        case Choice(among):
            return among
    raise AssertionError(axis)


def _place(axis: Axis, value: Payload) -> float:
    """Returns the coordinate of a value: the middle of what belongs to it."""
    match axis:
        case Real():
            return min(max(_share(axis, float(value)), 0.0), 1.0)
        case Integer(lo, hi, True):
            return math.log((value + 0.5) / lo) / math.log((hi + 1) / lo)
        case Integer(lo, hi):
            return float((value - lo + 0.5) / (hi - lo + 1))
        case Choice(among):
            return (among.index(value) + 0.5) / len(among)


def _share(axis: Real | Integer, value: float) -> float:
    """Returns where a value lies between the bounds; by halves, as these may be of opposite signs and huge."""
    if axis.log:
        return math.log(value / axis.lo) / math.log(axis.hi / axis.lo)
    return (value / 2 - axis.lo / 2) / (axis.hi / 2 - axis.lo / 2)


def _whole(axis: Integer, share: float) -> int:
    between = axis.lo * (axis.hi / axis.lo) ** share if axis.log else axis.lo + share * (axis.hi - axis.lo)
    return min(max(round(between), axis.lo), axis.hi)
