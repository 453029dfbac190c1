"""Attempts at candidates whose parts are made in the thread of the driver."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, final

from cohobate.campaign.here import Here
from cohobate.campaign.loads import Back, Post, Terms
from cohobate.campaign.moves import Ended, Halt, Perform, Progressed
from cohobate.campaign.parts.attempts import Attempts, Parting
from cohobate.campaign.parts.course import Course
from cohobate.campaign.parts.gathering import Maker, recalled
from cohobate.core.outcome import Value
from cohobate.core.parts import Part
from cohobate.core.protocols import Cooperative
from cohobate.core.trial import Trial

LATEST: Final = 0.05
"""Seconds after which whoever drives looks up from the parts of an attempt."""


@final
class PartedHere:
    """Makes one part after the other when there is nothing else to do."""

    def __init__(self, engine: Cooperative, terms: Terms, parting: Parting, post: Post) -> None:
        self._post = post
        self._calls = Here(engine, terms, post)  # of bodies
        self._attempts = Attempts(parting)
        self._make = Maker(self._attempts.making, engine, terms.deadline)
        self._queue: OrderedDict[int, tuple[Course, Iterator[Part]]] = OrderedDict()

    def submit(self, trial: Trial, attempt: int) -> None:
        """Queues what an attempt has to make."""
        course = self._attempts.open(trial, attempt)
        if isinstance(course, Course):
            self._queue[trial.id] = course, iter(course.parts)
        else:
            self._post(course)

    def send(self) -> None:
        """Nothing is sent anywhere."""

    def unpack(self, back: Back) -> Iterable[Ended | Halt]:
        """Nothing comes back from anywhere."""
        return ()

    def cancel(self, trial: int) -> None:
        """Takes an attempt out of the queue; no part runs while somebody can ask for this."""
        if trial in self._queue:
            course, _ = self._queue.pop(trial)
            self._post(self._attempts.stop(course))

    def over(self, trial: int) -> None:
        """Nothing more is wanted of a trial."""
        self._attempts.forget(trial)

    def room(self) -> int:
        """One candidate at a time."""
        return 1 - len(self._queue)

    def work(self) -> Sequence[Ended | Progressed | Back]:
        """Makes parts of the attempt that has waited longest: to its end, or until it is time to look up."""
        if not self._queue:
            return ()
        course, parts = next(iter(self._queue.values()))
        due = time.monotonic() + LATEST
        while not (news := self._made(course, next(parts))) and time.monotonic() < due:
            pass
        if course.outcome is not None:
            del self._queue[course.trial]
        return news or (Back(None),)

    def _made(self, course: Course, part: Part) -> Sequence[Ended | Progressed]:
        """Makes a part, unless its value is known by now; returns what is to be told of that."""
        attempts, known = self._attempts, self._attempts.known
        if part.name not in course.left:
            return ()
        if (outcome := recalled(course, part, known)) is not None:
            return (attempts.end(course, outcome),)
        if part.name not in course.left:
            return ()
        report = self._make(course, part)
        if part.key and isinstance(report.outcome, Value):
            known.keep(part.key, report.outcome.outputs["value"])
        return tuple(attempts.take(course, part, report))

    def perform(self, action: Perform) -> None:
        """Makes a call of a body now."""
        self._calls.perform(action)

    def leave(self) -> None:
        """Forgets what waits."""
        self._queue.clear()
