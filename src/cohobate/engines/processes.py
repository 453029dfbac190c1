"""Worker processes: parallel, and killed when they do not stop."""

from __future__ import annotations

import atexit
import threading
from concurrent.futures import Future
from functools import partial
from typing import Final, final

from cohobate.core.payload import Payload
from cohobate.core.task import Task
from cohobate.engines.berth import berth_of
from cohobate.engines.foreman import Foreman
from cohobate.engines.packed import Packed
from cohobate.engines.packing import Grant
from cohobate.engines.resources import Resources, core_numbers, pieces, slots, split
from cohobate.engines.workplace import Workplace
from cohobate.host.cores import usable
from cohobate.worker.settling import drop

CLOSING: Final = 10.0
"""Seconds that closing waits at most, should a user's callback or pickling block the engine's thread."""


def processes(n: int | None = None, *, resources: Resources | None = None) -> Workplace:
    """Returns an engine of ``n`` worker processes (default: the usable cores).

    Functions and arguments are sent by cloudpickle; the main module is never imported, so scripts
    need no ``__main__`` guard. A function is taken as it is when first submitted. Workers start
    with the first task, stay, and are replaced when they die; only the task they ran then fails.

    ``resources`` is what tasks may need beside the ``n`` cores, such as ``{"gpu": 2, "licence": 3}``.
    A task that needs cores has them to itself: its process is tied to them (on Linux), and is told by
    OMP_NUM_THREADS and the like to use as many threads. Where there are gpus, each task sees those it
    was given, by CUDA_VISIBLE_DEVICES, and none if it needs none. ``gpu`` may name the devices:
    ``{"gpu": ["0", "3"]}``; a number means the first that this process sees.

    >>> with processes(2) as engine:
    ...     engine.call(lambda x: x * x, 7).result()
    49
    """
    devices, has = split(resources)
    workers = slots(n, has, usable())
    backend = Processes(workers)
    place = partial(backend.place, devices=devices is not None)
    has_all = pieces(core_numbers(workers), devices, has)
    return Workplace(Packed(backend, has_all, run=place, at_once=bool(resources)))


@final
class Processes:
    """What other threads may touch: they leave tasks and orders for the foreman's thread."""

    kills = True

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._foreman = Foreman(workers)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def run(self, task: Task, future: Future[Payload]) -> None:
        """Queues a task."""
        self._foreman.backlog.add(task, future)
        self._foreman.bell.ring()
        if self._thread is None:
            self._begin()

    def place(self, task: Task, future: Future[Payload], grant: Grant, *, devices: bool) -> None:
        """Queues a task for a worker bound to what the task was given; ``devices`` says whether gpus are counted."""
        if self._stopped:
            drop(future)
            return
        self._foreman.backlog.add(task, future, berth_of(task.needs, grant, devices=devices))
        self._foreman.bell.ring()
        if self._thread is None:
            self._begin()

    def room(self) -> int:
        """One task for each worker; more while tasks are so short that sending them takes longer."""
        return self.workers * self._foreman.depth() - len(self._foreman.backlog)

    def cancel(self, future: Future[Payload]) -> bool:
        """Orders that a task is taken back, or stopped where it runs."""
        job = self._foreman.backlog.find(future)
        if job is not None:
            job.cancelling = True  # at once: from here on nobody gives it to a worker
            self._foreman.order(partial(self._foreman.cancel, job))
        return job is not None

    def pending(self) -> list[Future[Payload]]:
        """All that was taken and has not ended."""
        return self._foreman.backlog.futures()

    def retire(self) -> None:
        """The workers end after the last task."""
        self._foreman.order(self._foreman.retire)

    def stop(self) -> None:
        """Cancels what waits, kills what runs, and waits until it is gone."""
        self._stopped = True
        thread = self._thread
        self._foreman.order(self._foreman.close)
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSING)

    def describe(self) -> str:
        """One line for people."""
        return f"{self!r}: {self.workers} worker processes; what does not stop is killed"

    def __repr__(self) -> str:
        return f"processes({self.workers})"

    def _begin(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="cohobate-processes", daemon=True)
                atexit.register(self.stop)
                self._thread.start()

    def _serve(self) -> None:
        try:
            self._foreman.serve()
        finally:
            atexit.unregister(self.stop)
