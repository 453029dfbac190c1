"""Attempts that an engine makes: each alone, or several together where they are tiny."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from math import ceil, inf
from typing import Any, Final, final

from cohobate.campaign.further import Further
from cohobate.campaign.loads import OVERDUE, Back, Load, Post, Size, Terms, size_of
from cohobate.campaign.moves import Ended, Halt, Perform, Performed
from cohobate.campaign.reports import outcome_of, report_of
from cohobate.core.errors import EngineClosed
from cohobate.core.outcome import Cancelled
from cohobate.core.protocols import Engine, Staffed
from cohobate.core.task import Task
from cohobate.core.trial import Evaluated, Trial

GONE: Final = (
    "what ran has no outcome and is evaluated by the next session; keep the engine open until the campaign has ended"
)
Attempt = tuple[Trial, int]


@final
class Elsewhere:
    """Gives attempts to an engine and posts what came of them, from whichever thread ends them.

    A future that is cancelled although nobody here asked for it says that the engine is gone.
    """

    __slots__ = (
        "_calls",
        "_engine",
        "_futures",
        "_loads",
        "_out",
        "_post",
        "_report",
        "_size",
        "_staffed",
        "_taken",
        "_terms",
        "_unwanted",
    )

    def __init__(self, engine: Engine, terms: Terms, post: Post) -> None:
        self._engine, self._terms, self._post = engine, terms, post
        self._futures: dict[int, Future[Evaluated]] = {}
        self._calls: dict[tuple[str, int], Future[Any]] = {}
        self._unwanted: set[int] = set()
        self._size: Size | None = size_of(engine, terms)
        self._staffed = engine if isinstance(engine, Staffed) else None
        self._taken: list[Attempt] = []
        self._loads: dict[int, Load] = {}  # of each trial that is in one
        self._out: list[Load] = []
        self._report = terms.evaluate.report if isinstance(terms.evaluate, Further) else report_of

    def submit(self, trial: Trial, attempt: int) -> None:
        """Takes one attempt; it goes alone where it has failed before, or needs what the others do not."""
        if self._size is None or attempt > 1 or trial.needs:
            self._alone(trial, attempt)
        else:
            self._taken.append((trial, attempt))

    def send(self) -> None:
        """Gives away what was taken, and has stopped what should have come back long ago."""
        if self._out:
            self._look_for_overdue(time.monotonic())
        if not self._taken:
            return
        taken, self._taken = self._taken, []
        each = self._each(len(taken))
        for at in range(0, len(taken), each):
            some = taken[at : at + each]
            if len(some) == 1:
                self._alone(*some[0])
            else:
                self._together(tuple(some))

    def unpack(self, back: Back) -> Iterator[Ended | Halt]:
        """Returns what became of a load; what it did not come to is taken again, and what it may have died of alone."""
        load, future = back.load, back.load.future
        self._out.remove(load)
        for trial, _ in load.attempts:
            del self._loads[trial.id]
        error = end_of_engine(future, wanted=not load.stopped)
        if error is not None:
            yield Halt("the engine was closed", 0.0, error)
            return
        reports = _reports(future)
        if reports and self._size:
            self._size.heed(sum(report.seconds for report in reports) / len(reports))
        again = self.submit if reports or future.cancelled() else self._alone
        for i, (trial, attempt) in enumerate(load.attempts):
            report = reports[i] if i < len(reports) else None
            if report is not None and not report.flagged and not self._unwanted:
                yield Ended(trial.id, attempt, report)
                continue
            yield from self._settled(load, (trial, attempt), report, again)

    def _settled(
        self, load: Load, one: Attempt, report: Evaluated | None, again: Callable[[Trial, int], None]
    ) -> Iterator[Ended]:
        """Returns what became of an attempt, if that is known and its own; has it made again where it is not."""
        trial, attempt = one
        unwanted = trial.id in self._unwanted
        if report is not None and (unwanted or not self._is_disturbed(load, report)):
            self._unwanted.discard(trial.id)
            yield Ended(trial.id, attempt, report)
        elif unwanted:
            self._unwanted.discard(trial.id)
            yield Ended(trial.id, attempt, Evaluated(Cancelled(), load.submitted, time.time() - load.submitted))
        elif report is not None:
            self._alone(trial, attempt)
        else:
            again(trial, attempt)

    def _is_disturbed(self, load: Load, report: Evaluated) -> bool:
        """Whether an attempt was asked to stop for the sake of another one, or earlier than if it were alone."""
        return report.flagged and (load.stopped or self._terms.batch is None)

    def _each(self, number: int) -> int:
        """Returns how many of so many attempts go together: not all to one worker while others have nothing."""
        if self._size is None:
            return 1
        idle = self._workers - len(self._out) - len(self._futures)
        return min(self._size.now(), ceil(number / max(1, idle)))

    @property
    def _workers(self) -> int:
        return max(1, self._staffed.workers) if self._staffed else 1

    def _together(self, some: tuple[Attempt, ...]) -> None:
        terms = self._terms
        assert terms.several is not None
        first, attempt = some[0]
        args = tuple((trial.id, attempt, trial.inputs) for trial, attempt in some)
        task = Task(
            terms.several,
            args,
            deadline=terms.deadline,
            grace=terms.grace,
            needs=terms.needs,
            key=str(first.id),
            attempt=attempt,
        )
        due = inf if terms.batch else time.monotonic() + OVERDUE
        load = Load(some, time.time(), due, self._submitted(task))
        self._out.append(load)
        self._loads.update((trial.id, load) for trial, _ in some)
        load.future.add_done_callback(lambda _: self._post(Back(load)))

    def _alone(self, trial: Trial, attempt: int) -> None:
        terms, id = self._terms, trial.id
        task = Task(
            terms.evaluate,
            (id, attempt, trial.inputs),
            deadline=terms.deadline,
            grace=terms.grace,
            needs=trial.needs or terms.needs,
            key=str(id),
            attempt=attempt,
        )
        future = self._futures[id] = self._submitted(task)
        future.add_done_callback(partial(self._ended, id, attempt, time.time()))

    def perform(self, action: Perform) -> None:
        """Gives a call away."""
        future = self._calls[action.generator, action.call] = self._submitted(action.task)
        future.add_done_callback(partial(self._performed, action.generator, action.call))

    def _submitted(self, task: Task) -> Future[Any]:
        try:
            return self._engine.submit(task)
        except EngineClosed as error:
            raise gone(error) from error

    def cancel(self, trial: int) -> None:
        """Passes the wish on."""
        if self._taken:
            self.send()
        if (future := self._futures.get(trial)) is not None:
            self._unwanted.add(trial)
            self._engine.cancel(future)
        elif (load := self._loads.get(trial)) is not None:
            self._unwanted.add(trial)
            self._stop(load)

    def _stop(self, load: Load) -> None:
        if not load.stopped:
            load.stopped = True
            self._engine.cancel(load.future)

    def _look_for_overdue(self, now: float) -> None:
        """Has loads stopped that something long has got into; from then on each attempt goes alone."""
        for load in [load for load in self._out if load.due < now]:
            self._size = None
            self._stop(load)

    def room(self) -> int:
        """What the engine says; where attempts go together, so many that each worker has its loads."""
        room, size = self._engine.room(), self._size
        each = 1 if size is None else size.now()
        if size is None or each == 1:
            return room - len(self._taken)
        if room + len(self._out) + len(self._futures) <= 0:
            return 0  # others keep it busy
        free = self._workers * size.ahead * each - len(self._loads) - len(self._futures) - len(self._taken)
        return free if free >= each // 2 else 0  # else loads would become ever smaller

    def work(self) -> Sequence[Ended]:
        """Nothing is done here."""
        return ()

    def leave(self) -> None:
        """Passes the wish on for all."""
        self._taken = []
        for trial in (*self._futures, *self._loads):
            self.cancel(trial)
        for future in list(self._calls.values()):
            self._engine.cancel(future)

    def _performed(self, generator: str, call: int, future: Future[Any]) -> None:
        self._calls.pop((generator, call), None)
        self._post(Performed(generator, call, outcome_of(future)))

    def _ended(self, trial: int, attempt: int, submitted: float, future: Future[Evaluated]) -> None:
        if self._futures.get(trial) is future:
            del self._futures[trial]
        error = end_of_engine(future, wanted=trial not in self._unwanted)
        if error is not None:
            self._post(Halt("the engine was closed", 0.0, error))
            return
        self._unwanted.discard(trial)
        report = self._report(future, attempt, submitted)
        if (size := self._size) is not None:  # which another thread may do away with
            size.heed(report.seconds)
        self._post(Ended(trial, attempt, report))


def end_of_engine(future: Future[Any], *, wanted: bool) -> EngineClosed | None:
    """Returns that the engine is gone, where a future says so."""
    if future.cancelled():
        return gone("its work was cancelled") if wanted else None
    error = future.exception()
    return gone(error) if isinstance(error, EngineClosed) else None


def _reports(future: Future[Sequence[Evaluated]]) -> Sequence[Evaluated]:
    return () if future.cancelled() or future.exception() is not None else future.result()


def gone(why: object) -> EngineClosed:
    """Returns the error of a session whose engine is closed."""
    return EngineClosed(f"the engine was closed while the campaign ran: {why}; {GONE}")
