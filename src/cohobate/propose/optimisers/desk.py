"""Answers the calls that an optimiser makes of its functions by evaluations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np

from cohobate.core.errors import CallFailed
from cohobate.core.outcome import Failure
from cohobate.core.protocols import Row, Unfit
from cohobate.core.trial import Result, Trial
from cohobate.propose.optimisers.axes import Axes
from cohobate.propose.optimisers.scores import NOWHERE, Scores, complaint
from cohobate.propose.scaling import Numbers


class Evaluates(Protocol):
    """What a desk needs of ``steer``."""

    def evaluate(self, points: Iterable[Row]) -> list[Result]: ...


@final
@dataclass(frozen=True, slots=True)
class Seen:
    """What is known at a point: its result, and what an optimiser is told of it."""

    result: Result
    score: Numbers


@final
class Desk:
    """Evaluates points x: (d,) through ``steer``, one by one or several at once.

    ``memory`` keeps what was seen, so that several functions of a point cost one evaluation; without
    it the same point is evaluated again where it is asked for again. A point out of bounds is not handed
    in: it counts as a failed one.
    """

    __slots__ = ("_ahead", "_axes", "_memory", "_scores", "_steer", "_unit", "best", "nfev")

    def __init__(
        self, steer: Evaluates, axes: Axes, scores: Scores, *, memory: bool = False, unit: float = 1.0
    ) -> None:
        self._steer = steer
        self._axes = axes
        self._scores = scores
        self._memory = memory
        self._unit = unit
        self._ahead: dict[bytes, list[Seen]] = {}
        self.best: tuple[Numbers, Seen] | None = None
        self.nfev = 0

    def fun(self, x: Numbers) -> float:
        """Returns the value at ``x`` that is minimized, in units of ``unit``."""
        return float(self.look(x).score) / self._unit

    def array(self, x: Numbers) -> Numbers:
        """Returns the array at ``x``: (m,)."""
        return self.look(x).score

    def output(self, name: str) -> Callable[[Numbers], Numbers]:
        """Returns another output as a function of ``x``; a failed evaluation has none, and ends the body."""

        def read(x: Numbers) -> Numbers:
            result = self.look(x).result
            if not result.ok:
                raise CallFailed(f"{complaint(result, name)}; so {name!r} is not known there")
            return np.asarray(result[name], dtype=float)

        return read

    def look(self, x: Numbers) -> Seen:
        """Returns what is known at ``x``, evaluated where nothing is."""
        key = x.tobytes()
        if not self._ahead.get(key):
            self.ahead([x])
        return self._ahead[key][-1] if self._memory else self._ahead[key].pop()

    def ahead(self, points: Iterable[Numbers]) -> None:
        """Evaluates points at once, for later looks at each."""
        copies = [np.array(x) for x in points]
        if self._memory:
            copies = [x for key, x in {x.tobytes(): x for x in copies}.items() if key not in self._ahead]
        rows = [self._axes.row(x) for x in copies]
        within = [row for row in rows if not isinstance(row, Unfit)]
        results = self._steer.evaluate(within) if within else []
        self.nfev += len(results)
        known = iter(results)
        self.know(copies, [_beyond(row) if isinstance(row, Unfit) else next(known) for row in rows])

    def know(self, points: list[Numbers], results: list[Result]) -> None:
        """Takes in results at points, for later looks at each."""
        for x, result, score in zip(points, results, self._scores.of(results), strict=True):
            seen = Seen(result, score)
            self._ahead.setdefault(x.tobytes(), []).append(seen)
            self._keep_best(x, seen)

    def together(self, fn: Callable[[Any], Any], points: Iterable[Numbers]) -> list[Any]:
        """Does what ``map`` does, after it evaluated all points at once."""
        listed = list(points)
        self.ahead(listed)
        return [fn(x) for x in listed]

    def _keep_best(self, x: Numbers, seen: Seen) -> None:
        worth = self._scores.worth
        if seen.result.ok and (self.best is None or worth(seen.score) < worth(self.best[1].score)):
            self.best = (x, seen)


def _beyond(row: Unfit) -> Result:
    """Returns the result of a point that is not evaluated."""
    return Result(Trial(NOWHERE, row.inputs), Failure("rejected", row.reason))
