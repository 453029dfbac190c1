"""Threads of the driver: cheap, and beyond killing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from math import inf
from queue import SimpleQueue
from typing import Final, final

from cohobate.core.payload import Payload
from cohobate.core.task import GRACE, Task
from cohobate.engines.job import Job
from cohobate.engines.packed import Packed
from cohobate.engines.resources import Resources, counted, pieces, slots
from cohobate.engines.workplace import Workplace
from cohobate.host.cores import usable
from cohobate.worker.alarm import Alarm
from cohobate.worker.calls import perform
from cohobate.worker.kept import shelf
from cohobate.worker.settling import drop, settle

SHORT: Final = 0.005
"""Tasks shorter than this (s) on average are queued ahead of time."""
DEEPEST: Final = 64
"""Tasks queued for each thread, at most."""


def threads(n: int | None = None, *, resources: Resources | None = None) -> Workplace:
    """Returns an engine of ``n`` threads (default: the usable cores).

    A thread cannot be killed: a call that does not stop within its grace is left behind, its
    future fails, and a new thread takes its place.

    ``resources`` is what tasks may need beside the ``n`` cores, such as ``{"licence": 3}``. Here they
    are only counted: nothing ties a thread to a core, and all see the same devices. What is left
    behind counts no longer.

    >>> with threads(2) as engine:
    ...     [engine.call(pow, 2, k).result() for k in range(4)]
    [1, 2, 4, 8]
    """
    has = counted(resources)
    workers = slots(n, has, usable())
    return Workplace(Packed(Threads(workers), pieces(workers, None, has), at_once=bool(resources)))


@final
class Threads:
    """Daemon threads that take jobs from one queue."""

    kills = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        # Whoever takes a job out of here ends its future.
        self._jobs: dict[Future[Payload], Job] = {}
        self._running: set[Job] = set()
        self._lock = threading.Lock()
        self._threads = 0
        self._abandoned = 0
        self._average = SHORT
        self._alarm = Alarm(self._check)

    def run(self, task: Task, future: Future[Payload]) -> None:
        """Queues a task; a thread is started where there are fewer than tasks."""
        job = Job(task, future)
        with self._lock:
            self._jobs[future] = job
            if self._threads < min(self.workers, len(self._jobs)):
                self._add_thread()
        self._queue.put(job)

    def room(self) -> int:
        """One task for each thread; more while tasks are shorter than the turns of whoever submits them."""
        return self.workers * max(1, min(DEEPEST, int(SHORT / self._average))) - len(self._jobs)

    def cancel(self, future: Future[Payload]) -> bool:
        """Takes a waiting task out; a running one is flagged, and left behind after its grace."""
        with self._lock:
            job = self._jobs.get(future)
            if job is None:
                return False
            job.cancelling = True
            if job.began < inf:
                job.flag(time.monotonic())
                self._alarm.by(job.alarm())
                return True
            del self._jobs[future]
        drop(future)
        return True

    def pending(self) -> list[Future[Payload]]:
        """All that was taken and has not ended."""
        return list(self._jobs)

    def retire(self) -> None:
        """The threads end after the last task."""
        for _ in range(self.workers):
            self._queue.put(None)

    def stop(self) -> None:
        """Cancels what waits; what runs is flagged, and left behind after its grace (at most the usual one)."""
        for future in self.pending():
            self.cancel(future)
        latest = time.monotonic() + GRACE
        for job in list(self._running):
            job.stop_at = min(job.stop_at, latest)
            self._alarm.by(job.stop_at)
        wait([job.future for job in list(self._running)])
        self.retire()
        self._alarm.stop()

    def describe(self) -> str:
        """One line for people."""
        left = f"; {self._abandoned} left behind, still running" if self._abandoned else ""
        return f"{self!r}: threads cannot be killed{left}"

    def __repr__(self) -> str:
        return f"threads({self.workers})"

    def _add_thread(self) -> None:
        self._threads += 1
        threading.Thread(target=self._work, name="cohobate-thread", daemon=True).start()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if self._begin(job) and not self._perform(job):
                break
        shelf().leave()

    def _begin(self, job: Job) -> bool:
        """Whether the job is still wanted."""
        with self._lock:
            if job.future not in self._jobs:
                return False
            if job.future.cancelled():
                del self._jobs[job.future]
                drop(job.future)
                return False
            job.began = time.monotonic()
            self._running.add(job)
        self._alarm.by(job.alarm())
        return True

    def _perform(self, job: Job) -> bool:
        """Runs the job; False where this thread was left behind meanwhile."""
        task = job.task
        outcome = perform(task.fn, task.args, task.kwargs, lambda: job.flagged)
        seconds = min(time.monotonic() - job.began, 1.0)
        with self._lock:
            self._average = 0.9 * self._average + 0.1 * max(1e-6, seconds)
            self._running.discard(job)
            wanted = self._jobs.pop(job.future, None) is not None
            self._abandoned -= not wanted
        if wanted:
            settle(job.future, outcome)
        return wanted

    def _check(self, now: float) -> float:
        """Flags what is past its deadline, leaves behind what is past its grace; returns when to look again."""
        for job in list(self._running):
            if now < job.alarm():
                continue
            if job.flagged:
                self._leave(job)
            else:
                job.flag(job.alarm())
        return min((job.alarm() for job in list(self._running)), default=inf)

    def _leave(self, job: Job) -> None:
        with self._lock:
            self._running.discard(job)
            if self._jobs.pop(job.future, None) is None:
                return
            self._abandoned += 1
            self._threads -= 1
            if len(self._jobs) > self._threads:
                self._add_thread()
        job.give_up("a thread cannot be killed, so it is left behind, still running")
