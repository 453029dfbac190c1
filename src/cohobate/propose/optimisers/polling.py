"""Pattern search: polls all directions at once, asks for no derivatives, and bears noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import CallFailed, UserError
from cohobate.core.outcome import Cancelled
from cohobate.core.payload import Plain
from cohobate.core.problem import Problem
from cohobate.core.protocols import Chosen, Row, Unfit, inputs_of
from cohobate.core.steering import Closed, Steer
from cohobate.core.trial import Result
from cohobate.propose.optimisers.axes import Axes, Scale, axes_of, checked_scale, start_of
from cohobate.propose.optimisers.scores import Failed, Scores, check_failed, complaint, objective_of, scalar
from cohobate.propose.persistent import Persistent
from cohobate.propose.scaling import Numbers

LEVELS: Final = 8
"""How often a step is halved ahead of time, at most, where workers are free."""
LARGEST: Final = 4.0
"""How much longer than the first a step becomes, at most."""


@final
@dataclass(frozen=True, slots=True)
class Poll:
    """A point in a direction, 0 to 2 d - 1, at a distance from the centre of that number."""

    direction: int
    step: float
    centre: int
    x: Numbers


@final
@dataclass(slots=True)
class Pattern:
    """The centre, the best point known, and the steps from it: (2 d,); after Kolda, Lewis and Torczon (2003).

    Each result counts as soon as it is there: a better point becomes the centre, any other halves the step in its
    direction (asynchronous: Hough, Kolda and Torczon 2001).
    """

    axes: Axes
    x: Numbers
    value: float
    first: float
    tol: float
    least: float
    centre: int = 0
    steps: Numbers = field(init=False)
    polls: dict[int, Poll] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps = np.full(2 * len(self.x), self.first)

    @property
    def over(self) -> bool:
        """Whether all steps are short, and nothing is waited for that could lengthen them."""
        return not self.polls and not np.any(self.steps >= self.tol)

    def next(self, room: int) -> list[Poll]:
        """Returns up to ``room`` new polls: of each direction, the longest step first, then of half their steps ..."""
        asked = {(one.direction, one.step) for one in self.polls.values() if one.centre == self.centre}
        found: list[Poll] = []
        for level in range(LEVELS):
            steps = self.steps * 0.5**level
            for direction in np.argsort(-steps, kind="stable").tolist():
                step = float(steps[direction])
                if len(found) == room:
                    return found
                if step >= self.tol and (direction, step) not in asked and (poll := self._poll(direction, step)):
                    found.append(poll)
        return found

    def _poll(self, direction: int, step: float) -> Poll | None:
        """A step beyond a bound ends there; at the bound there is none, and the direction is done with."""
        k, sign = divmod(direction, 2)
        x = self.x.copy()
        x[k] = np.clip(x[k] + (step if sign == 0 else -step), self.axes.lo[k], self.axes.hi[k])
        if abs(x[k] - self.x[k]) < self.tol:
            self.steps[direction] = 0.0
            return None
        return Poll(direction, step, self.centre, x)

    def take(self, poll: Poll, value: float | None) -> None:
        """Takes in what a poll gave: ``None`` where that is nothing better."""
        if value is not None and value < self.value - self.least:
            self.x, self.value, self.centre = poll.x, value, self.centre + 1
            self.steps = np.full_like(self.steps, max(poll.step, self.tol))
            self.steps[poll.direction] = min(2 * poll.step, LARGEST * self.first)
        elif poll.centre == self.centre:
            self.steps[poll.direction] = min(self.steps[poll.direction], poll.step / 2)


@final
@dataclass(frozen=True, slots=True)
class PatternSearch:
    """The body of ``pattern_search``."""

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        *,
        x0: Sequence[float],
        step: float,
        tol: float,
        least: float,
        at_once: int,
        failed: Failed,
        scale: Scale,
    ) -> Plain:
        """Runs until all steps are short, or the campaign stops; returns the best point."""
        axes = axes_of(problem, "pattern_search", scale=scale, start=x0)
        scores = scalar(objective_of(problem, "pattern_search"), failed)
        try:
            start = steer.evaluate([axes.row(axes.at(x0))])[0]
        except Closed:
            return None
        pattern = Pattern(axes, axes.at(x0), float(scores.of([start])[0]), step, tol, least)
        search = Search(steer, pattern, scores)
        try:
            while not search.over(at_once):
                search.receive()
        except Closed:
            return search.report("the campaign stopped; this is the best so far", success=False)
        return search.report("all steps are shorter than tol", success=True)


@final
class Search:
    """Hands in polls, each with the value it must beat, and takes in what comes of them."""

    __slots__ = ("_pattern", "_scores", "_steer", "aborted", "nfev")

    def __init__(self, steer: Steer, pattern: Pattern, scores: Scores) -> None:
        self._steer, self._pattern, self._scores = steer, pattern, scores
        self.nfev, self.aborted = 1, 0

    def over(self, at_once: int) -> bool:
        """Hands in what there is room for; returns whether nothing is left to do."""
        pattern = self._pattern
        polls = pattern.next(at_once - len(pattern.polls))
        if polls:
            bound = self._scores.sign * pattern.value
            trials = self._steer.suggest([_within(pattern.axes.row(one.x), bound) for one in polls])
            pattern.polls |= {trial.id: one for trial, one in zip(trials, polls, strict=True)}
        return pattern.over

    def receive(self) -> None:
        """Takes in the next results."""
        for result in self._steer.receive(at_least=1):
            self.nfev += 1
            self.aborted += isinstance(result.outcome, Cancelled)
            self._pattern.take(self._pattern.polls.pop(result.trial.id), self._value(result))

    def report(self, message: str, *, success: bool) -> Plain:
        """Returns the best point."""
        axes, pattern = self._pattern.axes, self._pattern
        numbers = axes.values(pattern.x)
        placed = {"x": numbers, "variables": dict(zip(axes.names, numbers, strict=True))}
        told = {"fun": self._scores.sign * pattern.value, "success": success, "message": message}
        return {**placed, **told, "nfev": self.nfev, "aborted": self.aborted, "nit": pattern.centre}

    def _value(self, result: Result) -> float | None:
        """A candidate that was given up since it was beyond its bound is no failure."""
        found = self._scores.finite(result)
        if found is None and self._scores.failed == "raise" and not isinstance(result.outcome, Cancelled):
            raise CallFailed(complaint(result, self._scores.name))
        return None if found is None else float(found)


def _within(row: Row, bound: float) -> Row:
    return row if isinstance(row, Unfit) else Chosen(inputs_of(row), bound=bound)


def pattern_search(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    *,
    step: float = 0.1,
    tol: float = 1e-4,
    least: float = 0.0,
    at_once: int | None = None,
    failed: Failed = "worst",
    scale: Scale = True,
) -> Persistent:
    """Returns a search along the axes, both ways (Kolda, Lewis and Torczon 2003), as a generator.

    All 2 d directions are evaluated at once. Each result counts as soon as it is there: what is better by more than
    ``least`` (of use where values are noisy) becomes the centre, all else halves the step in its direction. With
    ``at_once`` (default: 2 d) above 2 d shorter steps are evaluated too, with less only some directions. ``step``
    (the first) and ``tol`` (the last) are in units of ``scale``: as a rule shares of the bounds, see ``minimize``.

    It compares with the best only: a ``Composite`` may give up a candidate as soon as that is known to be worse.
    A failed one is no better, whatever ``failed`` says but ``"raise"``. The value is that of ``minimize``, and how many
    were ``aborted``.
    """
    who = "pattern_search"
    axes = axes_of(problem, who)
    objective_of(problem, who)
    check_failed(failed, who)
    if not 0 < tol <= step:
        raise UserError(f"{who}: expected 0 < tol <= step, got tol={tol!r} and step={step!r}")
    if not 0 <= least < np.inf:
        raise UserError(f"{who}: least must be a finite number of at least 0, got {least!r}")
    number = 2 * len(axes.names) if at_once is None else at_once
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise UserError(f"{who}: at_once must be a whole number of at least 1, got {at_once!r}")
    if scale is False:
        raise UserError(f"{who}: its steps are in units of scale: expected True or sizes by name, got False")
    given: dict[str, Any] = {"x0": start_of(axes, x0, who), "step": float(step), "tol": float(tol)}
    given |= {"least": float(least), "at_once": number, "failed": failed, "scale": checked_scale(axes, scale, who)}
    return Persistent(PatternSearch(), problem, 0, given)
