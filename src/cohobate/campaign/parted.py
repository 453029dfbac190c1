"""Attempts at candidates whose parts an engine makes: all parts of all candidates share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import final

from cohobate.campaign.elsewhere import Elsewhere
from cohobate.campaign.loads import Back, Post, Terms
from cohobate.campaign.moves import Ended, Halt, Perform, Progressed
from cohobate.campaign.parts.attempts import Attempts, Parting
from cohobate.campaign.parts.bench import Bench, Conditions
from cohobate.campaign.parts.catalogue import Catalogue
from cohobate.campaign.parts.course import Course, Want
from cohobate.campaign.parts.making import Report
from cohobate.core.errors import EngineClosed
from cohobate.core.outcome import Cancelled, Failure
from cohobate.core.protocols import Engine
from cohobate.core.trial import Trial


@final
class Parted:
    """Makes the parts of attempts at an engine, until the judge of each has decided.

    What still runs of an attempt that has failed goes on until it is known whether there is to be another:
    a lost worker, say, is no reason to begin again with all the others.
    """

    def __init__(self, engine: Engine, terms: Terms, parting: Parting, post: Post) -> None:
        self._post, self._site = post, parting.site
        self._calls = Elsewhere(engine, terms, post)  # of bodies
        self._attempts = attempts = Attempts(parting)
        self._bench = Bench(
            engine,
            post,
            conditions=Conditions(terms.deadline, terms.grace, terms.needs),
            durations=attempts.durations,
            known=attempts.known,
        )
        self._lingering: dict[int, dict[str, Want]] = {}

    def submit(self, trial: Trial, attempt: int) -> None:
        """Takes in what an attempt has to make."""
        course = self._attempts.open(trial, attempt)
        lingering = self._lingering.pop(trial.id, {})
        if isinstance(course, Course):
            self._want(course, trial, lingering)
        else:
            self._post(course)
        self._drop(lingering.values())

    def _want(self, course: Course, trial: Trial, lingering: dict[str, Want]) -> None:
        if self._bench.catalogue is None:
            self._bench.catalogue = Catalogue.of(self._site, course.parts)
        for part in course.parts:
            if part.name not in course.left:
                continue
            if (want := lingering.pop(part.name, None)) is None:
                self._bench.want(course, part, trial.needs)
            else:
                want.course = course
                course.wants[part.name] = want

    def send(self) -> None:
        """Gives the engine what it has room for."""
        self._bench.send()

    def unpack(self, back: Back) -> Iterator[Ended | Progressed | Halt]:
        """Returns what became of attempts by parts that have come back."""
        try:
            for want, report in self._bench.unpack(back.load):
                yield from self._taken(want, report)
        except EngineClosed as error:
            yield Halt("the engine was closed", 0.0, error)

    def _taken(self, want: Want, report: Report) -> Iterator[Ended | Progressed]:
        course = want.course
        del course.wants[want.name]
        if not isinstance(report.outcome, Cancelled):
            yield from self._attempts.take(course, want.name, report)
        if course.outcome is not None:
            self._part_from(course)
        elif course.cancelling and not course.wants:
            yield self._attempts.stop(course)

    def _part_from(self, course: Course) -> None:
        """Lets go of what a decided attempt still waits for; what runs goes on where it may be wanted again."""
        wants, course.wants = course.wants, {}
        if isinstance(course.outcome, Failure) and not course.cancelling:
            running = {name: want for name, want in wants.items() if self._bench.runs(want)}
            if running:
                course.wants = self._lingering[course.trial] = running
        self._drop(want for name, want in wants.items() if name not in course.wants)

    def _drop(self, wants: Iterable[Want]) -> None:
        self._bench.drop_all(list(wants))

    def cancel(self, trial: int) -> None:
        """Has the attempt stopped: what waits is dropped, and what runs is asked to stop."""
        if (course := self._attempts.running.get(trial)) is None:
            return
        course.cancelling = True
        for name, want in list(course.wants.items()):
            self._bench.stop(want)
            if want.job is None:
                del course.wants[name]
        if not course.wants:
            self._post(self._attempts.stop(course))

    def over(self, trial: int) -> None:
        """Nothing more is wanted of a trial."""
        self._attempts.forget(trial)
        self._drop(self._lingering.pop(trial, {}).values())

    def room(self) -> int:
        """As many candidates as have the parts that are wanted now."""
        wanted, parts = self._bench.room(), self._attempts.parts
        return min(1, wanted) if parts is None else ceil(wanted / parts)

    def work(self) -> Sequence[Ended]:
        """Nothing is done here."""
        return ()

    def perform(self, action: Perform) -> None:
        """Gives a call of a body to the engine."""
        self._calls.perform(action)

    def leave(self) -> None:
        """Passes the wish on for all."""
        self._calls.leave()
        self._bench.leave()
