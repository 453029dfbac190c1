"""Parts on their way through an engine: queued, grouped where they are tiny, shared where they are equal.

Used by one thread; what an engine's threads have to say comes back through ``post``, and is unpacked here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from math import ceil, inf
from operator import attrgetter
from typing import Any, Final, final

from cohobate.campaign.elsewhere import end_of_engine, gone
from cohobate.campaign.loads import OVERDUE, SHORTEST, TARGET, Back
from cohobate.campaign.parts.catalogue import Catalogue
from cohobate.campaign.parts.course import Course, Want
from cohobate.campaign.parts.durations import Durations
from cohobate.campaign.parts.known import Known
from cohobate.campaign.parts.making import Report
from cohobate.campaign.reports import report_of_error
from cohobate.core.errors import EngineClosed, UserError
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.parts import Part
from cohobate.core.protocols import Engine, Kills, Staffed
from cohobate.core.task import GRACE, Task

MOST: Final = 128
"""Parts of a load."""
AHEAD: Final = 2
"""Loads that each worker is given."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for parts that say nothing else: deadline (s), what they get after it, what they occupy."""

    deadline: float | None = None
    grace: float = GRACE
    needs: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Job:
    """A part that is to be made, and who wants it: ``load`` is what it went to the engine with."""

    part: Part
    course: Course
    needs: Mapping[str, float]
    long: float
    wants: list[Want] = field(default_factory=list)
    alone: bool = False
    load: Load | None = None


@dataclass(slots=True, eq=False)
class Load:
    """Parts at the engine as one task; ``due`` is when (s, monotonic) it is to be back at the latest."""

    jobs: Sequence[Job]
    submitted: float
    due: float
    future: Future[tuple[Report, ...]]
    stopped: bool = False


Post = Callable[[Back], None]
_longest_first: Final = attrgetter("long")


def _sent(want: Want) -> float:
    """When (s) a part went to the engine; what still waits here is last."""
    job: Job | None = want.job
    return inf if job is None or job.load is None else job.load.submitted


@final
class Bench:
    """Makes what is wanted at an engine.

    ``patient``: no more than the engine has room for goes there, and the rest can still be thought better
    of; else all goes there at once.
    """

    def __init__(
        self,
        engine: Engine,
        post: Post,
        *,
        conditions: Conditions,
        durations: Durations,
        known: Known,
        patient: bool = True,
    ) -> None:
        self._engine, self._post, self._conditions = engine, post, conditions
        self._durations, self._known, self._patient = durations, known, patient
        self._staffed = engine if isinstance(engine, Staffed) else None
        self._kills = isinstance(engine, Kills) and engine.kills
        self._grouping = True
        self._fresh: list[Job] = []
        self._queue: deque[Job] = deque()
        self._making: dict[str, Job] = {}
        self._out: set[Load] = set()
        self.catalogue: Catalogue | None = None

    # what is wanted

    def want(self, course: Course, part: Part, needs: Mapping[str, float]) -> None:
        """Takes in that a candidate waits for a part; goes to the engine with the next ``send``."""
        job = self._making.get(part.key) if part.key else None
        if job is None:
            job = self._new(course, part, part.needs or needs or self._conditions.needs)
            self._fresh.append(job)
        want = Want(course, part.name, job)
        job.wants.append(want)
        course.wants[part.name] = want

    def drop(self, want: Want) -> None:
        """Nobody waits for it any more: what is not wanted by others does not run, or is stopped."""
        job: Job | None = want.job
        want.job = None
        if job is None:
            return
        job.wants.remove(want)
        if job.wants:
            job.course = job.wants[0].course
            return
        self._forget(job)
        if job.load is not None and not any(other.wants for other in job.load.jobs):
            self._stop(job.load)

    def drop_all(self, wants: Iterable[Want]) -> None:
        """Drops several, what was sent last first: else the next of them takes the place of one that is stopped."""
        for want in sorted(wants, key=_sent, reverse=True):
            self.drop(want)

    def runs(self, want: Want) -> bool:
        """Whether a part is at the engine, and not among others."""
        job: Job | None = want.job
        return job is not None and job.load is not None and len(job.load.jobs) == 1

    def stop(self, want: Want) -> None:
        """Has a part stopped that runs alone and nobody else waits for; else it is dropped."""
        job: Job | None = want.job
        if job is not None and job.load is not None and self.runs(want) and len(job.wants) == 1:
            self._forget(job)
            self._stop(job.load)
        else:
            self.drop(want)

    def _new(self, course: Course, part: Part, needs: Mapping[str, float], *, alone: bool = False) -> Job:
        job = Job(part, course, needs, self._expected(part), alone=alone or course.attempt > 1)
        if part.key:
            self._making[part.key] = job
        return job

    def _expected(self, part: Part) -> float:
        expected = self._durations.expect(part.name)
        return inf if expected is None else expected

    def _forget(self, job: Job) -> None:
        if job.part.key and self._making.get(job.part.key) is job:
            del self._making[job.part.key]

    # to the engine

    @property
    def waiting(self) -> bool:
        """Whether there is anything that the engine had no room for."""
        while self._queue and not self._queue[0].wants:
            self._queue.popleft()
        return bool(self._queue)

    def room(self) -> int:
        """How many more parts are wanted now."""
        if self._fresh or self.waiting:
            return 0
        room, mean = self._engine.room(), self._durations.mean
        each = 1 if mean is None or not self._grouping else min(MOST // 4, int(TARGET / mean) or 1)
        if each > 1:
            room = min(room, self._free_for_loads)
        return max(0, room) * each

    def send(self) -> None:
        """Gives to the engine what it has room for: what came first, and of what came together the longest."""
        if self._out:
            self._look_for_overdue(time.monotonic())
        if self._fresh:
            self._fresh.sort(key=_longest_first, reverse=True)
            self._queue.extend(self._fresh)
            self._fresh = []
        if self._queue:
            self._send()

    def _send(self) -> None:
        room = self._engine.room() if self._patient else len(self._queue)
        while self.waiting and room > 0:
            if not self._is_tiny(self._queue[0]):
                self._submit((self._queue.popleft(),))
            elif not self._patient or self._free_for_loads > 0:
                self._submit(self._several())
            else:
                return
            room -= 1

    @property
    def _free_for_loads(self) -> int:
        return self._workers * AHEAD - len(self._out)

    @property
    def _workers(self) -> int:
        return max(1, self._staffed.workers) if self._staffed else 1

    def _is_tiny(self, job: Job) -> bool:
        """Whether a part is not worth a task of its own, and nothing speaks against its going with others."""
        if job.long == inf:
            job.long = self._expected(job.part)
        if job.alone or job.long >= TARGET or job.needs or not self._grouping:
            return False
        deadline = self._deadline(job)
        return deadline is None or deadline >= SHORTEST

    def _several(self) -> Sequence[Job]:
        """Takes tiny parts that go together: not all to one worker while others have nothing."""
        idle = self._workers - len(self._out)
        most, seconds = min(MOST, ceil(len(self._queue) / max(1, idle))), 0.0
        jobs: list[Job] = []
        while self.waiting and len(jobs) < most and seconds < TARGET and self._is_tiny(self._queue[0]):
            jobs.append(job := self._queue.popleft())
            seconds += job.long
        return jobs

    def _deadline(self, job: Job) -> float | None:
        return self._conditions.deadline if job.part.deadline is None else job.part.deadline

    def _submit(self, jobs: Sequence[Job]) -> None:
        catalogue = self.catalogue
        assert catalogue is not None
        first, alone = jobs[0], len(jobs) == 1
        deadlines = [deadline for job in jobs if (deadline := self._deadline(job)) is not None]
        task = Task(
            catalogue.making,
            tuple([catalogue.order(job.part, job.course, job.course.digest if alone else "") for job in jobs]),
            deadline=min(deadlines, default=None),
            grace=self._conditions.grace,
            needs=first.needs,
            key=f"{first.course.trial} {first.part.name}",
            attempt=first.course.attempt,
        )
        due = inf if alone else time.monotonic() + OVERDUE
        load = Load(jobs, time.time(), due, self._submitted(task))
        self._out.add(load)
        for job in jobs:
            job.load = load
        load.future.add_done_callback(lambda _: self._post(Back(load)))

    def _submitted(self, task: Task) -> Future[Any]:
        try:
            return self._engine.submit(task)
        except EngineClosed as error:
            raise gone(error) from error
        except UserError as error:  # needs that can never be met
            future: Future[Any] = Future()
            future.set_exception(error)
            return future

    def _stop(self, load: Load) -> None:
        load.stopped, load.due = True, inf
        self._engine.cancel(load.future)

    def _look_for_overdue(self, now: float) -> None:
        """Does without loads that something long has got into; from then on each part goes alone.

        What cannot be killed goes on, and whatever comes back first counts.
        """
        for load in [load for load in self._out if load.due < now]:
            self._grouping, load.due = False, inf
            if self._kills:
                self._stop(load)
            else:
                self._queue.extendleft(self._alone(job) for job in load.jobs if job.wants)

    def _alone(self, job: Job) -> Job:
        job.load, job.alone = None, True
        return job

    def leave(self) -> None:
        """Has everything stopped."""
        self._fresh, self._queue = [], deque()
        for load in list(self._out):
            self._stop(load)

    # from the engine

    def unpack(self, load: Load) -> Iterator[tuple[Want, Report]]:
        """Returns what has become of parts, to each who wants it; takes those again of which nothing is known.

        Raises ``EngineClosed`` where that is what has become of them.
        """
        self._out.discard(load)
        future = load.future
        if (error := end_of_engine(future, wanted=not load.stopped)) is not None:
            raise error
        if len(load.jobs) == 1:
            yield from self._ended(load.jobs[0], _report(future, load))
            return
        reports = () if future.cancelled() or future.exception() is not None else future.result()
        suspect = not (reports or load.stopped)  # one of them may have been the death of the others
        for i, job in enumerate(load.jobs):
            if i < len(reports) and not reports[i].flagged:
                if job.wants and job.load is not None and job.load is not load:
                    self._stop(job.load)  # it was made beside this one, which was late
                yield from self._ended(job, reports[i])
            elif job.wants and job.load is load:
                job.load, job.alone = None, job.alone or suspect or i < len(reports)
                self._queue.appendleft(job)

    def _ended(self, job: Job, report: Report) -> Iterator[tuple[Want, Report]]:
        self._forget(job)
        name, key = job.part.name, job.part.key
        wants, job.wants = job.wants, []
        good = isinstance(report.outcome, Value)
        if isinstance(report.outcome, Value):
            if not report.reused:
                self._durations.heed(name, report.seconds)
            if key:
                self._known.keep(key, report.outcome.outputs["value"])
        for want in wants[1:] if not good else ():
            self._again(job, want)
        heirs = wants if good else wants[:1]
        for want in heirs:
            want.job = None
        for want in heirs:
            if want.course.wants.get(want.name) is want:  # what was taken in just now may have decided
                yield want, report if want is heirs[0] else replace(report, seconds=0.0, reused=True)

    def _again(self, job: Job, want: Want) -> None:
        """Has a part made once more for somebody who was to have it from another, who did not get it."""
        again = self._making.get(job.part.key)
        if again is None:
            again = self._new(want.course, job.part, job.needs, alone=True)
            self._fresh.append(again)
        want.job = again
        again.wants.append(want)


def _report(future: Future[tuple[Report, ...]], load: Load) -> Report:
    """Returns the report of a part that went alone, made up where it has none."""
    seconds = time.time() - load.submitted
    if future.cancelled():
        return Report(Cancelled(), load.submitted, seconds)
    if (error := future.exception()) is None:
        return future.result()[0]
    outcome = report_of_error(error, load.jobs[0].course.attempt, load.submitted).outcome
    assert isinstance(outcome, Failure)
    return Report(outcome, load.submitted, seconds)
