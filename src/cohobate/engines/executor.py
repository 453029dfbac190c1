"""Any ``concurrent.futures`` executor as an engine: its own limit holds, and it is never closed here."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from functools import partial
from math import inf
from typing import Final, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import EngineClosed, Unsendable, UserError, WorkerLost
from cohobate.core.payload import Payload
from cohobate.core.protocols import Engine
from cohobate.core.task import GRACE, Task
from cohobate.engines.alarm import Alarm
from cohobate.engines.job import Job
from cohobate.engines.settling import drop, fail, settle
from cohobate.engines.shipping import Shipper, outcome_of
from cohobate.engines.workplace import Workplace
from cohobate.worker.calls import name_of, perform
from cohobate.worker.reporting import report

GLANCE: Final = 0.1
"""Seconds between looks at whether a task with a deadline was started: no executor says when."""


def executor(ex: Executor, workers: int | None = None) -> Workplace:
    """Returns an engine that gives its tasks to ``ex``, ``workers`` at a time.

    By default as many as ``ex`` says it has workers, one where it does not say. In a pool of threads
    functions are called as they are; to any other executor they go by cloudpickle. Nothing that
    runs can be killed: after deadline and grace the future fails, and the call is left behind.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool, executor(pool) as engine:
    ...     engine.call(pow, 2, 5).result()
    32
    """
    own = int(getattr(ex, "_max_workers", 1))
    return Workplace(Borrowed(ex, own if workers is None else workers))


def as_engine(x: Engine | Executor) -> Engine:
    """Returns an engine as it is, and an executor as an engine; raises ``UserError`` for anything else."""
    match x:
        case Executor():
            return executor(x)
        case Engine():
            return x
    raise UserError(f"expected an engine or a concurrent.futures executor, not {x!r}; use for example processes(4)")


@final
class Borrowed:
    """An executor that belongs to somebody else."""

    kills = False

    def __init__(self, ex: Executor, workers: int) -> None:
        self.workers = workers
        self._executor = ex
        # Whoever takes a job out of here ends its future.
        self._jobs: dict[Future[Payload], Job] = {}
        self._inner: dict[Job, Future[Payload]] = {}
        self._alarm = Alarm(self._check)
        # One of the interpreter pools of Python 3.14 is a pool of threads that share nothing.
        shared = isinstance(ex, ThreadPoolExecutor) and type(ex).__name__ == "ThreadPoolExecutor"
        self._prepare: Callable[[Job], Callable[[], Payload]] = _here if shared else Elsewhere().prepare

    def run(self, task: Task, future: Future[Payload]) -> None:
        """Hands a task on."""
        job = Job(task, future)
        self._jobs[future] = job
        try:
            call = self._prepare(job)
        except Unsendable as error:
            self._fail(job, error)
            return
        match capture(self._executor.submit, call):
            case Returned(inner):
                self._inner[job] = inner
                inner.add_done_callback(partial(self._done, job))
                if task.deadline is not None:
                    self._alarm.by(time.monotonic() + min(GLANCE, task.deadline))
            case Raised(BrokenExecutor(), message, _):
                self._fail(job, WorkerLost(f"{self!r} is broken: {message}"))
            case Raised(_, message, _):
                self._fail(job, EngineClosed(f"{self!r} takes no more tasks: {message}"))

    def room(self) -> int:
        """One task for each of its workers."""
        return self.workers - len(self._jobs)

    def cancel(self, future: Future[Payload]) -> bool:
        """Takes a task back from the executor; one that runs is flagged, and left behind after its grace."""
        job = self._jobs.get(future)
        if job is None:
            return False
        job.cancelling = True
        inner = self._inner.get(job)
        if inner is None or not inner.cancel():
            job.flag(time.monotonic())
            self._alarm.by(job.alarm())
        return True

    def pending(self) -> list[Future[Payload]]:
        """All that was taken and has not ended."""
        return list(self._jobs)

    def retire(self) -> None:
        """Nothing here is ours to end."""

    def stop(self) -> None:
        """Takes back what waits; what runs is flagged, and left behind after its grace (at most the usual one)."""
        latest = time.monotonic() + GRACE
        for job in list(self._jobs.values()):
            self.cancel(job.future)
            job.stop_at = min(job.stop_at, latest)
            self._alarm.by(job.stop_at)
        wait(self.pending())
        self._alarm.stop()

    def describe(self) -> str:
        """One line for people."""
        return f"{self!r}: what runs cannot be killed"

    def __repr__(self) -> str:
        return f"executor({type(self._executor).__name__}, {self.workers})"

    def _done(self, job: Job, inner: Future[Payload]) -> None:
        self._inner.pop(job, None)
        if self._jobs.pop(job.future, None) is None:
            return
        error = None if inner.cancelled() else inner.exception()
        if inner.cancelled():
            drop(job.future)
        elif isinstance(error, BrokenExecutor):
            fail(job.future, WorkerLost(f"a worker of {self!r} died while it ran {name_of(job.task.fn)}: {error}"))
        elif error is not None:
            settle(job.future, Raised(error, str(error), ""))
        else:
            settle(job.future, _outcome(inner.result()))

    def _fail(self, job: Job, error: Exception) -> None:
        if self._jobs.pop(job.future, None):
            fail(job.future, error)

    def _check(self, now: float) -> float:
        """Flags what is past its deadline, leaves behind what is past its grace; returns when to look again."""
        for job in list(self._jobs.values()):
            self._press(job, now)
        waiting = any(job.began == inf and job.task.deadline is not None for job in list(self._jobs.values()))
        alarms = [job.alarm() for job in list(self._jobs.values())]
        return min(now + GLANCE if waiting else inf, *alarms, inf)

    def _press(self, job: Job, now: float) -> None:
        inner = self._inner.get(job)
        if job.began == inf and inner is not None and inner.running():
            job.began = now
        if now < job.alarm():
            return
        if not job.flagged:
            job.flag(job.alarm())
        elif self._jobs.pop(job.future, None):
            self._inner.pop(job, None)
            job.give_up("its executor cannot kill it, so it is left behind, still running")


def _outcome(reported: Returned | Raised | tuple[bool, bytes]) -> Returned | Raised:
    return outcome_of(*reported) if isinstance(reported, tuple) else reported


def _here(job: Job) -> Callable[[], Returned | Raised]:
    """The call for a thread of this process."""

    def call() -> Returned | Raised:
        job.began = time.monotonic()
        return perform(job.task.fn, job.task.args, job.task.kwargs, lambda: job.flagged)

    return call


@final
class Elsewhere:
    """Makes calls that can be sent to wherever an executor runs them."""

    def __init__(self) -> None:
        self._shipper: Shipper | None = None

    def prepare(self, job: Job) -> Callable[[], tuple[bool, bytes]]:
        """Raises ``Unsendable``."""
        if self._shipper is None:
            self._shipper = Shipper()
        parcel = self._shipper.function(job.task.fn)
        return partial(_there, parcel.data, self._shipper.arguments(job.task), job.task.deadline)


def _there(function: bytes, arguments: bytes, deadline: float | None) -> tuple[bool, bytes]:
    """The call where it is made; a passed deadline can be read there, a cancel cannot."""
    import pickle

    due = inf if deadline is None else time.monotonic() + deadline
    loaded = capture(lambda: (pickle.loads(function), *pickle.loads(arguments)))
    match loaded:
        case Returned((fn, args, kwargs)):
            return report(perform(fn, args, kwargs, lambda: time.monotonic() >= due))
        case Raised(_, message, trace):
            text = f"a worker cannot load what it was sent: {message}"
            return report(Raised(Unsendable(text), text, trace))
    raise AssertionError(loaded)
