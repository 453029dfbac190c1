"""A local optimisation that runs beside others, piece by piece as its results come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cohobate.core.protocols import Row, inputs_of
from cohobate.core.trial import Result
from cohobate.propose.optimisers.axes import Axes
from cohobate.propose.optimisers.desk import Desk
from cohobate.propose.optimisers.errands import Errands
from cohobate.propose.optimisers.inverted import Ask, Asking, Asks, Inverted
from cohobate.propose.optimisers.local import solve
from cohobate.propose.optimisers.scores import Scores
from cohobate.propose.scaling import Numbers


@final
@dataclass(frozen=True, slots=True)
class Manner:
    """How local runs are made: a method with its settings; ``residuals`` names the output of least squares."""

    method: str
    tol: float
    options: Mapping[str, Any]
    residuals: str = ""


@final
class Run:
    """A local run from a known point: what it wants evaluated, and its best point so far."""

    __slots__ = ("_answers", "_code", "_u", "_value", "errands", "id", "nfev", "paused")

    def __init__(
        self, id: int, axes: Axes, scores: Scores, manner: Manner, *, start: tuple[Numbers, Result], unit: float
    ) -> None:
        self.id, self.nfev, self.paused = id, 0, False
        self._u, self._value = start[0], float(scores.of([start[1]])[0])
        self._code = Inverted(_descent(axes, scores, manner, start, unit))
        self._answers: list[Result | None] = []
        self._go(None)

    @property
    def over(self) -> bool:
        """Whether it came to its end, or was closed."""
        return self._code.over

    @property
    def best(self) -> tuple[Numbers, float]:
        """The best point and its value."""
        return self._u, self._value

    def take(self, result: Result, u: Numbers, value: float | None) -> None:
        """Takes in a result; runs on where it was the last that is waited for."""
        self._answers[self.errands.back(result.trial.id)] = result
        self.nfev += 1
        if value is not None and value < self._value:
            self._u, self._value = u, value
        if self.errands.over:
            self._go(self._answers)

    def close(self) -> None:
        """Ends it."""
        self._code.close()

    def _go(self, answer: list[Result | None] | None) -> None:
        state = self._code.go(answer)
        rows = state.question if isinstance(state, Asks) else []
        self._answers, self.errands = [None] * len(rows), Errands(enumerate(rows))


def _descent(axes: Axes, scores: Scores, manner: Manner, start: tuple[Numbers, Result], unit: float) -> Any:  # noqa: ANN401 what is inverted
    def descend(ask: Ask) -> None:
        desk = Desk(Asking(ask), axes, scores, unit=unit)
        desk.know([start[0]], [start[1]])
        solve(desk, axes, start[0], manner.method, tol=manner.tol, options=manner.options, asked={})

    return descend


def place(axes: Axes, row: Row) -> Numbers:
    """Returns the coordinates of a row."""
    inputs = inputs_of(row)
    return np.clip(axes.at([inputs[name] for name in axes.names]), axes.lo, axes.hi)
