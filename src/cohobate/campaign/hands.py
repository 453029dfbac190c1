"""Where a driver gives its attempts: to an engine that runs them elsewhere, or here, one after the other."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, final

from cohobate.campaign.moves import Ended, Halt, Perform, Performed
from cohobate.campaign.reports import outcome_of, recordable, report_of, report_of_error
from cohobate.core.capture import Raised, Returned
from cohobate.core.errors import EngineClosed
from cohobate.core.outcome import Cancelled
from cohobate.core.protocols import Cooperative, Engine
from cohobate.core.task import Task
from cohobate.core.trial import Evaluated, Trial

Post = Callable[[Ended | Halt | Performed], None]
GONE = "what ran has no outcome and is evaluated by the next session; keep the engine open until the campaign has ended"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is called for each attempt, how long (s) it may take, what it gets after that, and what it occupies."""

    evaluate: Callable[..., Any]
    deadline: float | None
    grace: float
    needs: Mapping[str, float] = field(default_factory=dict)


class Hands(Protocol):
    """Takes attempts; their ends come back through ``post``, or are returned by ``work``."""

    def submit(self, trial: Trial, attempt: int) -> None: ...

    def perform(self, action: Perform) -> None:
        """Takes a call of a body; its end comes back through ``post``."""
        ...

    def cancel(self, trial: int) -> None:
        """Asks for a running attempt to be stopped."""
        ...

    def room(self) -> int:
        """How many more attempts are wanted now."""
        ...

    def work(self) -> Ended | None:
        """Does one attempt here; ``None`` where there is none to be done here."""
        ...

    def leave(self) -> None:
        """Asks for everything that runs to be stopped; nobody waits for it."""
        ...


def hands(engine: Engine, terms: Terms, post: Post) -> Hands:
    """Returns what is fit for an engine."""
    return Here(engine, terms, post) if isinstance(engine, Cooperative) else Elsewhere(engine, terms, post)


@final
class Elsewhere:
    """Gives attempts to an engine and posts what came of them, from whichever thread ends them.

    A future that is cancelled although nobody here asked for it says that the engine is gone.
    """

    __slots__ = ("_calls", "_engine", "_futures", "_post", "_terms", "_unwanted")

    def __init__(self, engine: Engine, terms: Terms, post: Post) -> None:
        self._engine, self._terms, self._post = engine, terms, post
        self._futures: dict[int, Future[Evaluated]] = {}
        self._calls: dict[tuple[str, int], Future[Any]] = {}
        self._unwanted: set[int] = set()

    def submit(self, trial: Trial, attempt: int) -> None:
        """Gives one attempt away."""
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
            raise _gone(error) from error

    def cancel(self, trial: int) -> None:
        """Passes the wish on."""
        future = self._futures.get(trial)
        if future is not None:
            self._unwanted.add(trial)
            self._engine.cancel(future)

    def room(self) -> int:
        """What the engine says."""
        return self._engine.room()

    def work(self) -> None:
        """Nothing is done here."""

    def leave(self) -> None:
        """Passes the wish on for all."""
        for trial in list(self._futures):
            self.cancel(trial)
        for future in list(self._calls.values()):
            self._engine.cancel(future)

    def _performed(self, generator: str, call: int, future: Future[Any]) -> None:
        self._calls.pop((generator, call), None)
        self._post(Performed(generator, call, outcome_of(future)))

    def _ended(self, trial: int, attempt: int, submitted: float, future: Future[Evaluated]) -> None:
        if self._futures.get(trial) is future:
            del self._futures[trial]
        error = self._end_of_engine(trial, future)
        if error is not None:
            self._post(Halt("the engine was closed", 0.0, error))
        else:
            self._unwanted.discard(trial)
            self._post(Ended(trial, attempt, report_of(future, attempt, submitted)))

    def _end_of_engine(self, trial: int, future: Future[Evaluated]) -> EngineClosed | None:
        if future.cancelled():
            return None if trial in self._unwanted else _gone("its work was cancelled")
        error = future.exception()
        return _gone(error) if isinstance(error, EngineClosed) else None


def _gone(why: object) -> EngineClosed:
    return EngineClosed(f"the engine was closed while the campaign ran: {why}; {GONE}")


@final
class Here:
    """Does attempts in the thread of the driver, one at a time, when there is nothing else to do."""

    __slots__ = ("_engine", "_post", "_queue", "_terms")

    def __init__(self, engine: Cooperative, terms: Terms, post: Post) -> None:
        self._engine, self._terms, self._post = engine, terms, post
        self._queue: OrderedDict[int, tuple[Trial, int]] = OrderedDict()

    def submit(self, trial: Trial, attempt: int) -> None:
        """Queues one attempt."""
        self._queue[trial.id] = trial, attempt

    def perform(self, action: Perform) -> None:
        """Makes a call now."""
        task = action.task
        ended = self._engine.perform(partial(task.fn, **task.kwargs), task.args, task.deadline)
        self._post(Performed(action.generator, action.call, recordable(ended)))

    def cancel(self, trial: int) -> None:
        """Takes an attempt out of the queue; none runs while somebody can ask for this."""
        if trial in self._queue:
            _, attempt = self._queue.pop(trial)
            self._post(Ended(trial, attempt, Evaluated(Cancelled(), time.time(), 0.0)))

    def room(self) -> int:
        """One at a time."""
        return 1 - len(self._queue)

    def work(self) -> Ended | None:
        """Does the attempt that has waited longest."""
        if not self._queue:
            return None
        id, (trial, attempt) = self._queue.popitem(last=False)
        match self._engine.perform(self._terms.evaluate, (id, attempt, trial.inputs), self._terms.deadline):
            case Returned(report):
                return Ended(id, attempt, report)
            case Raised(error):
                return Ended(id, attempt, report_of_error(error, attempt, time.time()))

    def leave(self) -> None:
        """Forgets what waits."""
        self._queue.clear()
