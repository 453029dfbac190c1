"""A Gaussian process of the logarithm of the loss, for few and dear evaluations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, final

from cohobate.core.outcome import Value
from cohobate.core.problem import Output, Problem
from cohobate.core.protocols import Answer, Chosen, Lesson, Rows
from cohobate.core.trial import Note, Result
from cohobate.propose.optimisers.bayes import BayesianOptimizer

LOSS: Final = "loss"
LEAST: Final = 1e-300
"""What a loss of 0 counts as: its logarithm must be a number."""


@final
class Expensive:
    """Proposes the start, then what ``BayesianOptimizer`` makes of the logarithms of the losses.

    A loss is a sum of squares, which spans orders of magnitude within the bounds: of its logarithm a Gaussian
    process knows much more.
    """

    __slots__ = ("_asked", "_inner", "_start", "problem")

    def __init__(self, problem: Problem, start: Mapping[str, float], **options: Any) -> None:
        self.problem = problem
        self._start, self._asked = dict(start), False
        logarithms = Problem(problem.variables, (Output(LOSS, "minimize"),), problem.fidelity)
        self._inner = BayesianOptimizer(logarithms, **options)

    @property
    def finite(self) -> bool:
        """Whether there are so few points that they can be exhausted."""
        return self._inner.finite

    def suggest(self, n: int) -> Answer:
        """Returns up to ``n`` rows to run; the start alone at first."""
        if self._asked:
            return self._inner.suggest(n)
        self._asked = True
        return [Chosen(self._start, Note("start"))]

    def ingest(self, results: Sequence[Result]) -> None:
        """Takes in what came back."""
        self._inner.ingest([_logarithm(one) for one in results])

    def lessons(self) -> Sequence[Lesson]:
        """Returns the fits that took hold since it was last asked; ``best`` is the logarithm of a loss."""
        return self._inner.lessons()

    def finalize(self) -> None:
        """Does nothing: nothing is held open."""

    def recall(self, rows: Rows) -> None:
        """Takes note of an earlier answer."""
        if self._asked:
            self._inner.recall(rows)
        self._asked = True

    def describe(self) -> Mapping[str, Any]:
        """Returns all settings but the problem."""
        return {**self._inner.describe(), "start": self._start}


def _logarithm(result: Result) -> Result:
    if not isinstance(result.outcome, Value):
        return result
    loss = float(result.outcome.outputs[LOSS])
    return replace(result, outcome=Value({LOSS: math.log(max(loss, LEAST))}))
