"""What a user holds of an engine, the same for all: plain calls, futures as arguments, a ``with`` block."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial, wraps
from types import TracebackType
from typing import Any, Protocol, TypeVar, final, runtime_checkable

from cohobate.core.errors import EngineClosed, UserError
from cohobate.core.needs import wrong_needs
from cohobate.core.payload import Payload
from cohobate.core.task import Task
from cohobate.worker.calls import name_of
from cohobate.worker.dependents import FUTURES, Dependents, Kinds, parents_of

T = TypeVar("T")


@runtime_checkable
class Follows(Protocol):
    """A backend that can pass futures on, so that their values need not come here first."""

    @property
    def kinds(self) -> Kinds:
        """What it takes for a future."""
        ...

    def follow(self, task: Task, future: Future[Any], parents: set[Future[Any]], hold: Callable[[], None]) -> bool:
        """Takes a task whose arguments hold futures; False where it knows only their values.

        Calls ``hold`` should it turn out that a parent gives no value: whoever holds it finds out why.
        """
        ...


@runtime_checkable
class Counts(Protocol):
    """A backend that counts what its tasks need."""

    def has(self) -> Mapping[str, float]:
        """All there is."""
        ...

    def free(self) -> Mapping[str, float]:
        """What is free beyond what waits."""
        ...

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """Why such needs can never be met here, in one line; ``None`` where they can."""
        ...


class Backend(Protocol):
    """The part of an engine that differs: how a task whose arguments are all there is run.

    A backend ends every future it was given, exactly once, and leaves it pending until then.
    """

    @property
    def workers(self) -> int:
        """How many tasks run at once, at most."""
        ...

    @property
    def kills(self) -> bool:
        """Whether running work can be killed."""
        ...

    def run(self, task: Task, future: Future[Any]) -> None:
        """Takes a task without blocking."""
        ...

    def room(self) -> int: ...

    def cancel(self, future: Future[Any]) -> bool:
        """Asks for a task to be stopped; False where it is not known (any longer)."""
        ...

    def pending(self) -> list[Future[Any]]:
        """The futures that will end without anybody's help."""
        ...

    def retire(self) -> None:
        """Nothing more will come: frees everything once what was taken is done; returns at once."""
        ...

    def stop(self) -> None:
        """Cancels what waits, stops what runs, and waits until it is gone; harmless when repeated."""
        ...

    def describe(self) -> str:
        """One line for people."""
        ...


@final
class Workplace:
    """An engine: runs tasks somewhere, and returns ordinary ``concurrent.futures`` futures at once.

    Leaving a ``with`` block waits for what was submitted; leaving it by an exception stops that.
    ``future.cancel()`` ends the future at once and then stops its task as ``cancel`` does.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._kinds = backend.kinds if isinstance(backend, Follows) else FUTURES
        self._counts = backend if isinstance(backend, Counts) else None
        self._dependents = dependents = Dependents(backend.run, self._kinds)
        self._process = os.getpid()
        self._closed = False

        def stop(future: Future[Any]) -> None:
            if future.cancelled() and not dependents.cancel(future):
                backend.cancel(future)

        self._stop_if_cancelled = stop
        # An engine that nobody holds any longer still does what it was asked to.
        self._finalizer = weakref.finalize(self, backend.retire)
        self._finalizer.atexit = False

    @property
    def workers(self) -> int:
        """How many tasks run at once, at most."""
        return self._backend.workers

    @property
    def kills(self) -> bool:
        """Whether running work can be killed."""
        return self._backend.kills

    def call(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Runs ``fn(*args, **kwargs)``; arguments may be futures, also in lists, tuples and dict values."""
        return self.submit(Task(fn, args, kwargs))

    def task(self, fn: Callable[..., T]) -> Callable[..., Future[T]]:
        """Returns ``fn`` as a function that runs here and returns a future; also as a decorator."""

        @wraps(fn)
        def submitted(*args: Payload, **kwargs: Payload) -> Future[T]:
            return self.call(fn, *args, **kwargs)

        return submitted

    def submit(self, task: Task) -> Future[Any]:
        """Takes a task without blocking.

        Raises ``EngineClosed`` after ``close``, ``UserError`` where what the task needs can never be had.
        """
        if self._closed or self._process != os.getpid():
            raise EngineClosed(f"{self!r} was closed, or belongs to another process: make a new one")
        if task.needs and (wrong := self.refuse(task.needs)):
            raise UserError(f"{self!r} cannot run {name_of(task.fn)}: {wrong}")
        future: Future[Any] = Future()
        future.add_done_callback(self._stop_if_cancelled)
        parents = parents_of(task, self._kinds)
        if not parents:
            self._backend.run(task, future)
        elif not self._follows(task, future, parents):
            self._dependents.add(task, future, parents)
        return future

    def _follows(self, task: Task, future: Future[Any], parents: set[Future[Any]]) -> bool:
        hold = partial(self._dependents.add, task, future, parents)
        return isinstance(self._backend, Follows) and self._backend.follow(task, future, parents, hold)

    def room(self) -> int:
        """How many more tasks are wanted now to keep everything busy; may be negative."""
        return self._backend.room()

    def has(self) -> Mapping[str, float]:
        """All the resources there are; ``cores`` is how many tasks of one core run at once. Empty: none are counted."""
        return self._counts.has() if self._counts else {}

    def free(self) -> Mapping[str, float]:
        """What of ``has()`` is free now beyond what waits here for it."""
        return self._counts.free() if self._counts else {}

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """Why such needs of a task can never be met here, in one line; ``None`` where they can."""
        return self._counts.refuse(needs) if self._counts else wrong_needs(needs, {})

    def cancel(self, future: Future[Any]) -> None:
        """Asks for a task to be stopped: never runs if it has not started, else flag, grace, kill."""
        if not self._dependents.cancel(future) and not self._backend.cancel(future):
            future.cancel()

    def close(self) -> None:
        """Cancels what waits, stops what runs, and waits until it is gone; harmless when repeated, or after a fork."""
        if self._process != os.getpid():
            return
        self._closed = True
        self._finalizer.detach()
        for future in self._dependents.pending():
            self._dependents.cancel(future)
        self._backend.stop()

    def describe(self) -> str:
        """One line for people: what runs where, and what cannot be killed."""
        return self._backend.describe()

    def __enter__(self) -> Workplace:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            while kind is None and (pending := [*self._dependents.pending(), *self._backend.pending()]):
                wait(pending)
        finally:
            self.close()

    def __repr__(self) -> str:
        return repr(self._backend)
