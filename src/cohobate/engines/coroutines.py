"""Coroutine functions on an event loop: thousands of waiting calls in one thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from inspect import isawaitable
from typing import final

from cohobate.core.capture import Returned, capture, describe
from cohobate.core.context import cancellable
from cohobate.core.errors import TaskRaised
from cohobate.core.payload import Payload
from cohobate.core.task import GRACE, Task
from cohobate.engines.job import Job
from cohobate.engines.workplace import Workplace
from cohobate.worker.settling import drop, settle


def coroutines(loop: asyncio.AbstractEventLoop | None = None, ntasks: int = 100) -> Workplace:
    """Returns an engine that runs ``async def`` functions on ``loop``, at most ``ntasks`` at once.

    Without a loop it runs one of its own, in a thread. Deadline and cancel are a flag first, then,
    after the grace, the cancellation of the asyncio task. A plain function blocks the loop.

    >>> async def double(x):
    ...     return 2 * x
    >>> with coroutines() as engine:
    ...     engine.call(double, 21).result()
    42
    """
    return Workplace(Coroutines(loop, ntasks))


@final
class Coroutines:
    """Starts asyncio tasks; everything but the first lines of ``run`` and ``cancel`` happens on the loop."""

    kills = False

    def __init__(self, loop: asyncio.AbstractEventLoop | None, ntasks: int) -> None:
        self.workers = ntasks
        self._given = loop
        self._own: asyncio.AbstractEventLoop | None = None
        # Whoever takes a job out of here ends its future.
        self._jobs: dict[Future[Payload], Job] = {}
        self._queue: deque[Job] = deque()
        self._running: dict[Job, asyncio.Task[Payload]] = {}
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._retiring = False

    def run(self, task: Task, future: Future[Payload]) -> None:
        """Queues a task."""
        job = Job(task, future)
        self._jobs[future] = job
        self._queue.append(job)
        if self._given is None and self._thread is None:
            self._begin()
        self._soon(self._fill)

    def room(self) -> int:
        """``ntasks`` at once."""
        return self.workers - len(self._jobs)

    def cancel(self, future: Future[Payload]) -> bool:
        """Takes a waiting task out; a running one is flagged, and its asyncio task cancelled after the grace."""
        job = self._jobs.get(future)
        if job is not None:
            job.cancelling = True
            self._soon(self._flag, job)
        return job is not None

    def pending(self) -> list[Future[Payload]]:
        """All that was taken and has not ended."""
        return list(self._jobs)

    def retire(self) -> None:
        """A loop of our own ends after the last task."""
        self._retiring = True
        self._soon(self._fill)

    def stop(self) -> None:
        """Cancels everything, without grace; waits until it is gone, for ``GRACE`` at most."""
        for job in list(self._jobs.values()):
            job.cancelling = True
            self._soon(self._end, job)
        if threading.current_thread() is not self._thread and not _within(self._given):
            wait(self.pending(), GRACE)
        for future in self.pending():
            if self._jobs.pop(future, None):
                drop(future)
        self.retire()
        if self._thread not in (None, threading.current_thread()):
            self._thread.join(GRACE)

    def describe(self) -> str:
        """One line for people."""
        return f"{self!r}: at most {self.workers} coroutines at once; one that does not await cannot be stopped"

    def __repr__(self) -> str:
        return f"coroutines(ntasks={self.workers})"

    def _soon(self, what: Callable[..., None], *args: Job) -> None:
        """Has ``what`` done on the loop; not at all where that was closed, or never began."""
        loop = self._given or self._own
        with suppress(RuntimeError):
            if loop is not None:
                loop.call_soon_threadsafe(what, *args)

    def _begin(self) -> None:
        with self._starting:
            if self._thread is None:
                self._own = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._serve, args=(self._own,), name="cohobate-loop", daemon=True
                )
                self._thread.start()

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
        finally:
            loop.close()

    # On the loop.

    def _fill(self) -> None:
        while self._queue and len(self._running) < self.workers:
            self._start(self._queue.popleft())
        if self._retiring and self._own is not None and not self._jobs and not self._running:
            self._own.stop()

    def _start(self, job: Job) -> None:
        if job.cancelling or job.future.cancelled():
            self._end(job)
        if job.future not in self._jobs:
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(_call(job))
        job.began = time.monotonic()
        self._running[job] = task
        task.add_done_callback(partial(self._done, job))
        if job.task.deadline is not None:
            loop.call_later(job.task.deadline, self._flag, job)

    def _done(self, job: Job, task: asyncio.Task[Payload]) -> None:
        del self._running[job]
        outcome = Returned(None) if task.cancelled() else capture(task.result)
        if self._jobs.pop(job.future, None):
            if task.cancelled():
                drop(job.future)
            else:
                settle(job.future, outcome)
        self._fill()

    def _flag(self, job: Job) -> None:
        if job not in self._running:
            self._end(job)
        elif not job.flagged:
            job.flag(time.monotonic())
            asyncio.get_running_loop().call_later(job.task.grace, self._end, job)

    def _end(self, job: Job) -> None:
        if self._jobs.pop(job.future, None) is None:
            return
        task = self._running.get(job)
        if task is not None:
            task.cancel()
        job.give_up("it was cancelled on its loop")


async def _call(job: Job) -> Payload:
    with cancellable(lambda: job.flagged):
        try:
            value = job.task.fn(*job.task.args, **job.task.kwargs)
            return await value if isawaitable(value) else value
        except (KeyboardInterrupt, SystemExit) as error:
            # From a task these would end the loop itself.
            raise TaskRaised(f"the task raised {describe(error)}") from error


def _within(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether we are on that loop now."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
