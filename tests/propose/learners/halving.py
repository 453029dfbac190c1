"""The simplest learner of a function of one number: it halves the widest interval, whatever is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from math import inf, nan
from typing import Any, final

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Plain
from cohobate.core.problem import Output, Problem, Real
from cohobate.core.trial import Inputs
from cohobate.propose.learners.learner import Learner

Cell = tuple[float, float, float]
"""Minus what a point in the middle gains, and the bounds."""


def halving(scale: float = 1.0, *, hi: float = 1.0, output: str = "f") -> Learner[Halving]:
    """A learner between 0 and ``hi`` whose loss is the width of its widest interval times ``scale``."""
    return Learner(Halving(scale, hi, output))


@final
class Halving:
    """Three numbers first (the bounds, the middle), and then the middle of what is widest."""

    finite = False

    def __init__(self, scale: float, hi: float, output: str) -> None:
        self._settings = scale, hi, output
        self.problem = Problem({"x": Real(0.0, hi)}, (Output(output, "explore", None),))
        self.data: dict[float, Any] = {}
        self.holes: dict[float, str] = {}
        self._out: dict[float, None] = {}
        self._cells: list[Cell] = []
        self._again: list[tuple[float, float]] = [(-inf, 0.0), (-inf, hi)]
        self._cell(0.0, hi)

    def _cell(self, a: float, b: float) -> None:
        heappush(self._cells, (-(b - a) / 2 * self._settings[0], a, b))

    @property
    def pending(self) -> Collection[float]:
        return self._out.keys()

    def describe(self) -> Mapping[str, Plain]:
        scale, hi, output = self._settings
        return {"learner": "Halving", "scale": scale, "hi": hi, "output": output}

    def fresh(self) -> Halving:
        return Halving(*self._settings)

    def inputs(self, point: float) -> Inputs:
        return {"x": point}

    def point(self, inputs: Inputs) -> float:
        return float(inputs["x"])

    def admit(self, point: Any) -> float:
        if isinstance(point, float | int) and 0 <= point <= self._settings[1]:
            return float(point)
        raise LearnerError(f"expected a number within the bounds, got {point!r}")

    def ask(self, n: int) -> tuple[list[float], list[float]]:
        points: list[float] = []
        gains: list[float] = []
        while len(points) < n:
            gains.append(self.gain())
            points.append(self._take())
        return points, gains

    def _take(self) -> float:
        if self._again:
            point = heappop(self._again)[1]
        else:
            _, a, b = heappop(self._cells)
            point = (a + b) / 2
            self._cell(a, point)
            self._cell(point, b)
        if self._is_known(point):
            return self._take()
        self._out[point] = None
        return point

    def _is_known(self, point: float) -> bool:
        return point in self.data or point in self.holes or point in self._out

    def tell(self, point: float, value: Any) -> float:
        if not isinstance(value, float):
            raise LearnerError(f"expected a number, got {value!r}")
        self._out.pop(point, None)
        self.holes.pop(point, None)
        self.data[point] = value
        return nan if len(self.data) < 3 else abs(value - 1.0)

    def tell_many(self, points: Sequence[float], values: Sequence[Any]) -> list[float]:
        return [self.tell(point, value) for point, value in zip(points, values, strict=True)]

    def tell_pending(self, point: float) -> None:
        self._out[point] = None

    def release(self, points: Sequence[float]) -> None:
        for point in points:
            del self._out[point]
            heappush(self._again, (self._merit(point), point))

    def _merit(self, point: float) -> float:
        """What comes first of what is let go: the bounds, then the middles of wide intervals."""
        hi = self._settings[1]
        if point in (0.0, hi):
            return -inf
        width = hi
        while point % width:
            width /= 2
        return -width * self._settings[0]

    def exclude(self, point: float, why: str) -> None:
        self._out.pop(point, None)
        self.holes[point] = why

    def loss(self, *, real: bool = True) -> float:
        if not {0.0, self._settings[1]} <= self.data.keys():
            return inf
        known = sorted(self.data) if real else sorted({*self.data, *self._out})
        return max(b - a for a, b in pairwise(known)) * self._settings[0]

    def gain(self) -> float:
        while self._again and self._is_known(self._again[0][1]):
            heappop(self._again)
        while self._is_known((self._cells[0][1] + self._cells[0][2]) / 2):
            _, a, b = heappop(self._cells)
            self._cell(a, (a + b) / 2)
            self._cell((a + b) / 2, b)
        return -self._again[0][0] if self._again else -self._cells[0][0]

    def done(self) -> bool:
        return False

    def learned(self, kind: str | None = None) -> dict[float, Any]:
        return dict(self.data)
