"""A least-squares fit that runs beside others, piece by piece as its results come in."""

from __future__ import annotations

from typing import final

from cohobate.core.protocols import Unfit
from cohobate.core.trial import Result
from cohobate.host.blas import one_thread
from cohobate.propose.optimisers.axes import Axes
from cohobate.propose.optimisers.errands import Errands
from cohobate.propose.optimisers.levenberg import beyond, manner_of
from cohobate.propose.optimisers.marquardt import Ended, Known, advance, begin, wanted
from cohobate.propose.optimisers.runs import Manner
from cohobate.propose.optimisers.scores import vector
from cohobate.propose.optimisers.survey import Survey
from cohobate.propose.scaling import Numbers


@final
class Fit:
    """A local run of least squares from a known point, with the face of a ``Run``."""

    __slots__ = (
        "_answers",
        "_closed",
        "_manner",
        "_points",
        "_state",
        "_survey",
        "_u",
        "_value",
        "errands",
        "id",
        "nfev",
        "paused",
    )

    def __init__(self, id: int, axes: Axes, manner: Manner, *, start: tuple[Numbers, Result], value: float) -> None:
        self.id, self.nfev, self.paused, self._closed = id, 0, False, False
        self._u, self._value = start[0], value
        self._survey = Survey(axes, vector(manner.residuals, "worst"))
        self._manner = manner_of(axes, start[0], "2-point", {"tol": manner.tol, **manner.options}, given=False)
        with one_thread():
            self._state = begin(self._survey.first(*start), self._manner)
        self._points: list[Numbers] = []
        self._answers: list[Known | None] = []
        self._ask()

    @property
    def over(self) -> bool:
        """Whether it came to its end, or was closed."""
        return self._closed or isinstance(self._state.wants, Ended)

    @property
    def best(self) -> tuple[Numbers, float]:
        """The best point and its value."""
        return self._u, self._value

    def take(self, result: Result, u: Numbers, value: float | None) -> None:
        """Takes in a result; goes on where it was the last that is waited for."""
        at = self.errands.back(result.trial.id)
        self._answers[at] = self._survey.known(self._points[at], result)
        self.nfev += 1
        if value is not None and value < self._value:
            self._u, self._value = u, value
        if self.errands.over:
            with one_thread():
                self._state = advance(self._state, self._answers, self._manner)
            self._ask()

    def close(self) -> None:
        """Ends it."""
        self._closed = True

    def _ask(self) -> None:
        """Asks for what the state wants; what is out of bounds is answered here."""
        self._points = wanted(self._state)
        rows = [self._survey.axes.row(x) for x in self._points]
        self._answers = [
            self._survey.known(x, beyond(row)) if isinstance(row, Unfit) else None
            for x, row in zip(self._points, rows, strict=True)
        ]
        self.errands = Errands((at, row) for at, row in enumerate(rows) if not isinstance(row, Unfit))
