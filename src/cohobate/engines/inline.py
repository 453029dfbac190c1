"""An engine without concurrency: tasks run one after the other, in the order they came."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar, final

from cohobate.core.payload import Payload
from cohobate.core.task import GRACE, Task
from cohobate.engines.settling import drop, settle
from cohobate.engines.workplace import Workplace
from cohobate.worker.calls import perform

T = TypeVar("T")


def inline() -> Inline:
    """Returns an engine that runs one task at a time: in one thread of its own, or of whoever adopts it.

    >>> with inline() as engine:
    ...     engine.call(pow, 2, 10).result()
    1024
    """
    return Inline()


@final
class Inline:
    """A ``Workplace`` whose tasks may also be run in the thread of the one who drives it, step by step."""

    def __init__(self) -> None:
        self._steps = Steps()
        self._place = Workplace(self._steps)

    def adopt(self) -> None:
        """From now on the caller runs the tasks, by ``step``."""
        self._steps.adopt()

    def step(self) -> bool:
        """Runs one queued task here; False where none was queued."""
        return self._steps.step()

    @property
    def workers(self) -> int:
        """One."""
        return self._place.workers

    @property
    def kills(self) -> bool:
        """No."""
        return self._place.kills

    def call(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See ``Workplace.call``."""
        return self._place.call(fn, *args, **kwargs)

    def task(self, fn: Callable[..., T]) -> Callable[..., Future[T]]:
        """See ``Workplace.task``."""
        return self._place.task(fn)

    def submit(self, task: Task) -> Future[Any]:
        """See ``Workplace.submit``."""
        return self._place.submit(task)

    def room(self) -> int:
        """One less what is queued or runs."""
        return self._steps.room()

    def cancel(self, future: Future[Any]) -> None:
        """See ``Workplace.cancel``; what runs is only flagged."""
        self._place.cancel(future)

    def close(self) -> None:
        """See ``Workplace.close``; what runs is flagged, and left behind after the usual grace."""
        self._place.close()

    def describe(self) -> str:
        """See ``Workplace.describe``."""
        return self._place.describe()

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._place.__exit__(kind, error, at)

    def __repr__(self) -> str:
        return repr(self._place)


@final
class Steps:
    """Runs tasks in the thread of whoever calls ``step``; by default that is one background thread."""

    workers = 1
    kills = False

    def __init__(self) -> None:
        self._queue: OrderedDict[Future[Payload], Task] = OrderedDict()
        self._running: dict[Future[Payload], Task] = {}
        self._flagged = False
        self._adopted = False
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def adopt(self) -> None:
        """From now on only the caller runs tasks."""
        self._adopted = True
        self._end_thread()

    def run(self, task: Task, future: Future[Payload]) -> None:
        """Queues a task."""
        self._queue[future] = task
        if not self._adopted:
            self._begin_thread()
            self._tokens.put(True)

    def step(self) -> bool:
        """Runs one task here."""
        try:
            future, task = self._queue.popitem(last=False)
        except KeyError:
            return False
        if future.cancelled():
            drop(future)
            return True
        self._flagged = False
        self._running[future] = task
        flag = self._asked if task.deadline is None else self._asked_or_after(time.monotonic() + task.deadline)
        outcome = perform(task.fn, task.args, task.kwargs, flag)
        if self._running.pop(future, None) is not None:
            settle(future, outcome)
        return True

    def room(self) -> int:
        """One at a time."""
        return 1 - len(self._queue) - len(self._running)

    def cancel(self, future: Future[Payload]) -> bool:
        """Takes a task out of the queue, or flags the running one."""
        if self._queue.pop(future, None) is not None:
            drop(future)
            return True
        self._flagged = future in self._running
        return self._flagged

    def pending(self) -> list[Future[Payload]]:
        """None once adopted: then nothing ends unless somebody steps."""
        return [] if self._adopted else [*self._running, *self._queue]

    def retire(self) -> None:
        """The thread ends after the last task."""
        self._tokens.put(False)

    def stop(self) -> None:
        """Cancels what waits, flags what runs, and leaves it behind after the usual grace."""
        for future in list(self._queue):
            self.cancel(future)
        self._flagged = True
        self._end_thread()
        for future in list(self._running):
            if self._running.pop(future, None) is not None:
                drop(future)

    def describe(self) -> str:
        """One line for people."""
        return "inline: one task at a time in the driver itself; what runs cannot be killed"

    def __repr__(self) -> str:
        return "inline()"

    def _asked(self) -> bool:
        return self._flagged

    def _asked_or_after(self, due: float) -> Callable[[], bool]:
        return lambda: self._flagged or time.monotonic() >= due

    def _begin_thread(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cohobate-inline", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while self._tokens.get() and not self._adopted:
            self.step()

    def _end_thread(self) -> None:
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._tokens.put(False)
            thread.join(GRACE)
