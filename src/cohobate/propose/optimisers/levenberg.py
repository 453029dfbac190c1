"""Least squares with few evaluations, several at once, as a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.outcome import Failure
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.protocols import Row, Unfit, inputs_of
from cohobate.core.steering import Closed, Steer
from cohobate.core.trial import Result, Trial
from cohobate.host.blas import one_thread
from cohobate.propose.optimisers.axes import Axes, Scale, axes_of
from cohobate.propose.optimisers.coordinates import Logarithm
from cohobate.propose.optimisers.differences import EPSILON, Differences
from cohobate.propose.optimisers.marquardt import Ended, Known, Manner, State, advance, begin, cost_of, wanted
from cohobate.propose.optimisers.robust import LOSSES
from cohobate.propose.optimisers.scores import NOWHERE, Failed, vector
from cohobate.propose.optimisers.survey import Survey
from cohobate.propose.scaling import Numbers

NAME: Final = "levenberg-marquardt"
SCHEMES: Final = ("2-point", "3-point", "2-3-point")
OPTIONS: Final[Mapping[str, Payload]] = {
    "tol": 1e-12,
    "ftol": None,
    "xtol": None,
    "gtol": None,
    "noise": EPSILON,
    "at_once": 1,
    "loss": "linear",
    "f_scale": 1.0,
    "factor": 1.0,
    "max_nfev": None,
}
"""What may be set, with what it is otherwise."""
TOLERANCES: Final = ("ftol", "xtol", "gtol")
"""Of the gain that is left, the step, and the cosine between residuals and slopes: by default ``tol``."""
SMALL: Final = 0.01
"""Size of a coordinate, as a share of that at the start, below which differences are not made any smaller."""


@final
@dataclass(frozen=True, slots=True)
class LevenbergMarquardt:
    """The body of ``least_squares`` with this method."""

    jacobian: Callable[..., Any] | None = None

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        x0: Sequence[float],
        *,
        residuals: str,
        method: str,
        jac: str | None,
        options: Mapping[str, Any],
        failed: Failed,
        scale: Scale,
    ) -> Plain:
        """Runs to its end; returns what it found, or the best so far where the campaign stops."""
        axes = axes_of(problem, "least_squares", scale=scale, start=x0)
        output = jac if jac in problem.output_names else None
        survey = Survey(axes, vector(residuals, failed), self.jacobian, output)
        manner = manner_of(axes, axes.at(x0), jac, options, given=bool(self.jacobian or output))
        course = Course(steer, survey, manner)
        try:
            state = course.run(axes.at(x0), options.get("max_nfev"))
        except Closed:
            return course.stopped()
        return course.report(state)


@final
class Course:
    """One fit: evaluates what a state wants, and hands it on; ``best`` is the best of all that was evaluated."""

    __slots__ = ("_manner", "_steer", "_survey", "best", "nfev", "rounds")

    def __init__(self, steer: Steer, survey: Survey, manner: Manner) -> None:
        self._steer, self._survey, self._manner = steer, survey, manner
        self.best: Known | None = None
        self.nfev = self.rounds = 0

    def run(self, x: Numbers, most: int | None) -> State:
        """Returns the state at the end."""
        known = self._survey.first(x, self._evaluated([x])[0])
        self._note([known])
        with one_thread():
            state = begin(known, self._manner)
        while not isinstance(state.wants, Ended) and (most is None or self.nfev < most):
            points = wanted(state)
            answers = [self._survey.known(*pair) for pair in zip(points, self._evaluated(points), strict=True)]
            self._note(answers)
            with one_thread():  # one way of rounding, whatever else the machine does
                state = advance(state, answers, self._manner)
        return state

    def report(self, state: State) -> dict[str, Plain]:
        """Returns the result, with the slopes by the values where they were made there."""
        end = state.wants if isinstance(state.wants, Ended) else Ended("max_nfev evaluations were made", success=False)
        told = self._told(state.at, end.message, success=end.success)
        told |= {"nit": state.steps, "njev": state.jacobians}
        if state.age == 0 and isinstance(state.wants, Ended):
            told["jac"] = (state.slopes / self._survey.axes.slopes(state.at.x)).tolist()
        return told

    def stopped(self) -> dict[str, Plain] | None:
        """Returns the best so far; ``None`` where nothing is known."""
        message = "the campaign stopped; this is the best so far"
        return None if self.best is None else self._told(self.best, message, success=False)

    def _told(self, known: Known, message: str, *, success: bool) -> dict[str, Plain]:
        axes = self._survey.axes
        numbers = axes.values(known.x)
        placed = {"x": numbers, "variables": dict(zip(axes.names, numbers, strict=True))}
        found = {"fun": known.residuals.tolist(), "cost": cost_of(known, self._manner)}
        counts = {"nfev": self.nfev, "rounds": self.rounds}
        return {**placed, **found, "success": success, "message": message, **counts}

    def _evaluated(self, points: Sequence[Numbers]) -> list[Result]:
        rows = [self._survey.axes.row(x) for x in points]
        within = [row for row in rows if not isinstance(row, Unfit)]
        results = iter(self._steer.evaluate(within) if within else [])
        self.nfev += len(within)
        self.rounds += 1
        return [beyond(row) if isinstance(row, Unfit) else next(results) for row in rows]

    def _note(self, answers: Sequence[Known | None]) -> None:
        for one in answers:
            if one and (self.best is None or cost_of(one, self._manner) < cost_of(self.best, self._manner)):
                self.best = one


def beyond(row: Row) -> Result:
    """Returns the result of a point that is not evaluated, since it is out of bounds."""
    return Result(Trial(NOWHERE, inputs_of(row)), Failure("rejected", row.reason if isinstance(row, Unfit) else ""))


def manner_of(axes: Axes, x: Numbers, jac: str | None, options: Mapping[str, Any], *, given: bool) -> Manner:
    """Returns how a fit from ``x`` goes on."""
    asked = {**OPTIONS, **options}
    differences = Differences(axes.lo, axes.hi, _sizes(axes, x), asked["noise"])
    scheme: Any = "given" if given else jac
    ends = {name: asked[name] or asked["tol"] for name in TOLERANCES}
    given_too = {"at_once": asked["at_once"], "loss": asked["loss"]}
    return Manner(differences, scheme, **ends, **given_too, width=asked["f_scale"], radius=asked["factor"])


def _sizes(axes: Axes, x: Numbers) -> Numbers:
    """Returns below which size of a coordinate differences are not made any smaller: (d,)."""
    own = np.where(x == 0, 1.0, np.abs(x))
    logarithms = [isinstance(one, Logarithm) for one in axes.coordinates]
    sizes: Numbers = np.where(logarithms, 1.0, SMALL * own)
    return sizes


def checked(options: Mapping[str, Any]) -> dict[str, Plain]:
    """Returns the options of a fit; raises ``UserError`` for those that are none."""
    for name in options:
        if name not in OPTIONS:
            hint = did_you_mean(name, OPTIONS)
            raise UserError(f"least_squares: {NAME} has no option {name!r}{hint}; expected some of {list(OPTIONS)}")
    asked = {**OPTIONS, **options}
    if asked["loss"] not in LOSSES:
        hint = did_you_mean(str(asked["loss"]), LOSSES)
        raise UserError(f"least_squares: loss must be one of {list(LOSSES)}, got {asked['loss']!r}{hint}")
    for name in ("tol", "noise", "f_scale", "factor", *(name for name in TOLERANCES if asked[name] is not None)):
        if isinstance(asked[name], bool) or not isinstance(asked[name], int | float) or not 0 < asked[name] < np.inf:
            raise UserError(f"least_squares: {name} must be a finite number above 0, got {asked[name]!r}")
    for name in ("at_once", "max_nfev"):
        least_one = isinstance(asked[name], int) and not isinstance(asked[name], bool) and asked[name] >= 1
        if not least_one and not (name == "max_nfev" and asked[name] is None):
            raise UserError(f"least_squares: {name} must be a whole number of at least 1, got {asked[name]!r}")
    return dict(options)
