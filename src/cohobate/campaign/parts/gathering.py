"""One evaluation of a composite at an engine, without a campaign."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Final, final

from cohobate.campaign.evaluation import concluded
from cohobate.campaign.loads import Back
from cohobate.campaign.parts.bench import Bench, Conditions
from cohobate.campaign.parts.catalogue import Catalogue
from cohobate.campaign.parts.course import Course, opened
from cohobate.campaign.parts.durations import Durations
from cohobate.campaign.parts.known import Known
from cohobate.campaign.parts.making import Making, Report, Site
from cohobate.campaign.reports import report_of_error
from cohobate.core.capture import Raised, Returned
from cohobate.core.context import inside
from cohobate.core.outcome import Cancelled, Outcome, Value
from cohobate.core.parts import Composite, Made, Part
from cohobate.core.protocols import Cooperative, Engine, Kills
from cohobate.core.trial import Inputs

NOWHERE: Final = -1
"""The trial of what belongs to no campaign."""


@final
@dataclass(slots=True)
class Learned:
    """What evaluations of one composite have taught: how long its parts take, what they gave, what lasts."""

    durations: Durations = field(default_factory=Durations)
    known: Known = field(default_factory=Known)
    catalogue: Catalogue | None = None


@final
@dataclass(frozen=True, slots=True)
class Gathering:
    """How a composite is evaluated at an engine, again and again, from any thread.

    Parts whose durations are known start the slowest first, tiny ones go together, and those with equal
    keys are made once. What fails decides at once, and what still waits or runs then is cancelled.
    Nobody waits in a worker: what is called from within an evaluation, where the engine's workers are
    threads of this process, makes its parts in its own thread.
    """

    composite: Composite
    engine: Engine
    conditions: Conditions = field(default_factory=Conditions)
    learned: Learned = field(default_factory=Learned)

    def __call__(self, inputs: Inputs, bound: float | None = None) -> Outcome:
        """Evaluates a candidate, and waits for it."""
        match opened(self.composite, inputs, bound):
            case Raised() as raised:
                return _failed(raised)
            case Returned((parts, judge)):
                course = Course(NOWHERE, 1, parts, judge)
        if self._is_here:
            return self._here(course)
        return _Elsewhere(self, course).run()

    def start(self, inputs: Inputs, bound: float | None = None) -> Future[Outcome]:
        """Evaluates a candidate in the background: cancelling the future stops it.

        Where its parts are made in the thread that calls, it has ended when this returns.
        """
        future: Future[Outcome] = Future()
        match opened(self.composite, inputs, bound):
            case Raised() as raised:
                future.set_result(_failed(raised))
                return future
            case Returned((parts, judge)):
                course = Course(NOWHERE, 1, parts, judge)
        if self._is_here:
            future.set_result(self._here(course))
            return future
        evaluation = _Elsewhere(self, course)
        future.add_done_callback(lambda done: evaluation.stop() if done.cancelled() else None)
        threading.Thread(target=_into, args=(future, evaluation), name="cohobate-gathering", daemon=True).start()
        return future

    @property
    def _is_here(self) -> bool:
        engine = self.engine
        return isinstance(engine, Cooperative) or (inside() and not (isinstance(engine, Kills) and engine.kills))

    def catalogue(self, course: Course) -> Catalogue:
        """Returns what lasts, which the first candidate teaches."""
        found = self.learned.catalogue
        if found is None:
            found = self.learned.catalogue = Catalogue.of(Site(reuse=self.learned.known.folder), course.parts)
        return found

    def _here(self, course: Course) -> Outcome:
        """Makes the parts one after the other in this thread."""
        known = self.learned.known
        here = Maker(Making(Site(reuse=known.folder)), self.engine, self.conditions.deadline)
        for part in course.parts:
            outcome = recalled(course, part, known)
            if outcome is None and part.name in course.left:
                report = here(course, part)
                if part.key and isinstance(report.outcome, Value):
                    known.keep(part.key, report.outcome.outputs["value"])
                outcome = course.take(part.name, report)
            if outcome is not None:
                return outcome
        raise AssertionError("the last part decides")


def gather(
    composite: Composite,
    inputs: Inputs,
    engine: Engine,
    *,
    bound: float | None = None,
    conditions: Conditions | None = None,
    learned: Learned | None = None,
) -> Future[Outcome]:
    """Evaluates a candidate in the background; whoever does so more than once keeps a ``Gathering``."""
    return Gathering(composite, engine, conditions or Conditions(), learned or Learned()).start(inputs, bound)


def recalled(course: Course, part: Part, known: Known) -> Outcome | None:
    """Takes in a part whose value is known; returns the outcome once that is decided."""
    value = known.find(part.key)
    return None if value is None else course.recall(part.name, Made(value, reused=True))


@final
class Maker:
    """Makes parts in the thread that calls it, the way an engine does that has one for this."""

    __slots__ = ("_catalogue", "_deadline", "_engine", "_make")

    def __init__(self, making: Making, engine: Engine, deadline: float | None) -> None:
        self._catalogue, self._make, self._deadline = Catalogue(making), making.make, deadline
        self._engine = engine if isinstance(engine, Cooperative) else None

    def __call__(self, course: Course, part: Part) -> Report:
        """Returns what became of a part."""
        order = self._catalogue.order(part, course)
        if self._engine is None:
            return self._make(order)
        began = time.time()
        match self._engine.perform(self._make, (order,), self._deadline if part.deadline is None else part.deadline):
            case Returned(report):
                made: Report = report
                return made
            case Raised(error):
                return Report(report_of_error(error, course.attempt, began).outcome, began, time.time() - began)


@final
class _Elsewhere:
    """One evaluation by an engine that works elsewhere, followed by one thread."""

    def __init__(self, gathering: Gathering, course: Course) -> None:
        self._course, self._known = course, gathering.learned.known
        self._inbox: SimpleQueue[Back | None] = SimpleQueue()
        self._bench = Bench(
            gathering.engine,
            self._inbox.put,
            conditions=gathering.conditions,
            durations=gathering.learned.durations,
            known=self._known,
            patient=False,
        )
        self._bench.catalogue = gathering.catalogue(course)

    def run(self) -> Outcome:
        """Follows it to its end; raises ``EngineClosed``."""
        try:
            for outcome in self._outcomes():
                if outcome is not None:
                    return outcome
            return Cancelled("on request")
        finally:
            self._bench.drop_all(self._course.wants.values())

    def stop(self) -> None:
        """Has it stopped; may be called by any thread."""
        self._inbox.put(None)

    def _outcomes(self) -> Iterator[Outcome | None]:
        course, bench = self._course, self._bench
        for part in course.parts:
            yield recalled(course, part, self._known)
        nothing: Mapping[str, float] = {}
        for part in course.parts:
            if part.name in course.left:
                bench.want(course, part, nothing)
        while True:
            bench.send()
            if (back := self._inbox.get()) is None:
                return
            for want, report in bench.unpack(back.load):
                del course.wants[want.name]
                yield course.take(want.name, report)


def _into(future: Future[Outcome], evaluation: _Elsewhere) -> None:
    """Brings the outcome of an evaluation, or what it raised, into a future."""
    with suppress(InvalidStateError):  # it was cancelled
        try:
            outcome = evaluation.run()
        except BaseException as error:  # noqa: BLE001 whoever holds the future is to see it
            future.set_exception(error)
        else:
            future.set_result(outcome)


def _failed(raised: Raised) -> Outcome:
    return concluded(raised, 1)
