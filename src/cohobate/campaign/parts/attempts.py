"""Attempts at candidates that are made of parts: opened, fed, and ended, wherever the parts are made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from cohobate.campaign.evaluation import concluded
from cohobate.campaign.moves import Ended, Progressed
from cohobate.campaign.parts.course import Course, opened
from cohobate.campaign.parts.durations import Durations
from cohobate.campaign.parts.known import Known
from cohobate.campaign.parts.making import Making, Report, Site
from cohobate.campaign.parts.recorded import Kept
from cohobate.core.canonical import content_hash
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.parts import Composite, Made, Part
from cohobate.core.problem import Structured, pack
from cohobate.core.trial import Evaluated, Trial

LONG: Final = 0.05
"""Seconds from which a part is worth recording before its candidate has an outcome."""


@dataclass(frozen=True, slots=True)
class Parting:
    """How a campaign evaluates by parts: what of, what must come of it, where, and what is known already."""

    composite: Composite
    check: Callable[[Mapping[str, Any]], dict[str, Any]]
    site: Site
    known: Known = field(default_factory=Known)
    kept: Kept = field(default_factory=dict)
    structured: Mapping[str, Structured] = field(default_factory=dict)


@final
class Attempts:
    """The running attempts by trial, and the parts that earlier attempts at these trials have left."""

    def __init__(self, parting: Parting) -> None:
        self._parting = parting
        self._kept = parting.kept
        self.running: dict[int, Course] = {}
        self.known = parting.known
        self.making = Making(parting.site)
        self.durations = Durations()
        self.parts: float | None = None
        """How many parts of a candidate are to be made, in the mean of the latest; unknown before the first."""

    def open(self, trial: Trial, attempt: int) -> Course | Ended:
        """Begins an attempt; it has ended where nothing of it needs to be made, or can be."""
        match opened(self._parting.composite, trial.inputs, trial.bound):
            case Raised() as raised:
                return Ended(trial.id, attempt, Evaluated(concluded(raised, attempt), time.time(), 0.0))
            case Returned((parts, judge)):
                course = self.running[trial.id] = Course(trial.id, attempt, parts, judge, self._digest(trial))
        outcome = self._recall(course)
        left = max(1, len(course.left))
        self.parts = left if self.parts is None else self.parts + 0.2 * (left - self.parts)
        return course if outcome is None else self.end(course, outcome)

    def _digest(self, trial: Trial) -> Callable[[], str] | None:
        parting = self._parting
        if parting.site.folder is None:
            return None
        return lambda: content_hash(pack(trial.inputs, parting.structured))

    def _recall(self, course: Course) -> Outcome | None:
        """Feeds what need not be made; returns the outcome once that is decided."""
        kept, known, outcome = self._kept.get(course.trial, {}), self.known, None
        for part in course.parts if kept or len(known) or known.folder else ():
            if (made := kept.get(part.name)) is not None:
                outcome = course.recall(part.name, made)
            elif (value := known.find(part.key)) is not None:
                outcome = course.recall(part.name, Made(value, reused=True))
            if outcome is not None:
                return outcome
        return None

    def take(self, course: Course, part: Part | str, report: Report) -> Iterator[Progressed | Ended]:
        """Takes in a part that has ended, and returns what is to be told of that."""
        name = part if isinstance(part, str) else part.name
        if course.outcome is not None:
            yield from self._left_over(course, name, report)
            return
        outcome = course.take(name, report)
        if not isinstance(outcome, Value):
            yield from _progress(course, name, report)
        if outcome is not None:
            yield self.end(course, outcome)

    def _left_over(self, course: Course, name: str, report: Report) -> Iterator[Progressed]:
        """Keeps what came after an attempt had failed, for the next."""
        if isinstance(report.outcome, Value):
            self._kept.setdefault(course.trial, {})[name] = Made(report.outcome, report.seconds, report.worker)
            yield from _progress(course, name, report)

    def end(self, course: Course, outcome: Outcome) -> Ended:
        """Ends an attempt; what has a value stays, where it failed."""
        del self.running[course.trial]
        final = course.end(self._checked(outcome, course.attempt))
        if isinstance(final, Failure) and course.made:
            self._kept[course.trial] = course.made
        started = course.started or time.time()
        flagged = course.flagged and not (isinstance(final, Failure) and final.kind != "timeout")
        report = Evaluated(final, started, course.seconds, course.worker, flagged)
        return Ended(course.trial, course.attempt, report)

    def stop(self, course: Course) -> Ended:
        """Ends an attempt that is not wanted."""
        return self.end(course, Cancelled())

    def forget(self, trial: int) -> None:
        """The outcome of a trial is final: nothing that was made for it is needed."""
        self._kept.pop(trial, None)

    def _checked(self, outcome: Outcome, attempt: int) -> Outcome:
        if not isinstance(outcome, Value):
            return outcome
        return concluded(capture(self._parting.check, outcome.outputs), attempt)


def _progress(course: Course, name: str, report: Report) -> Iterator[Progressed]:
    if isinstance(report.outcome, Value) and report.seconds >= LONG and not report.reused:
        value = report.outcome.outputs["value"]
        yield Progressed(course.trial, course.attempt, name, value, report.seconds, report.worker)
