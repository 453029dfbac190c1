"""An engine without concurrency: tasks run one after the other, in the order they came."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar, final

from cohobate.core.capture import Raised, Returned
from cohobate.core.task import Task
from cohobate.engines.resources import Resources
from cohobate.engines.threads import threads
from cohobate.worker.calls import perform

T = TypeVar("T")


def inline(*, resources: Resources | None = None) -> Inline:
    """Returns an engine that runs one task at a time: in the thread of a campaign, else in one of its own.

    ``resources`` is what a task may need beside the one core; it has all of it.

    >>> with inline() as engine:
    ...     engine.call(pow, 2, 10).result()
    1024
    """
    return Inline(resources)


@final
class Inline:
    """An engine of one thread that also runs calls in the thread of whoever drives it."""

    def __init__(self, resources: Resources | None) -> None:
        self._place = threads(1, resources=resources)

    def perform(self, fn: Callable[..., Any], args: tuple[Any, ...], deadline: float | None) -> Returned | Raised:
        """Calls ``fn(*args)`` here and now; ``cancelled()`` is true within it after ``deadline`` seconds."""
        return perform(fn, args, {}, None if deadline is None else _after(deadline))

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
        return self._place.room()

    def has(self) -> Mapping[str, float]:
        """See ``Workplace.has``."""
        return self._place.has()

    def free(self) -> Mapping[str, float]:
        """See ``Workplace.free``."""
        return self._place.free()

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """See ``Workplace.refuse``."""
        return self._place.refuse(needs)

    def cancel(self, future: Future[Any]) -> None:
        """See ``Workplace.cancel``; what runs is flagged."""
        self._place.cancel(future)

    def close(self) -> None:
        """See ``Workplace.close``."""
        self._place.close()

    def describe(self) -> str:
        """One line for people."""
        return "inline: one task at a time in the driver itself; what runs cannot be killed"

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._place.__exit__(kind, error, at)

    def __repr__(self) -> str:
        return "inline()"


def _after(seconds: float) -> Callable[[], bool]:
    due = time.monotonic() + seconds
    return lambda: time.monotonic() >= due
