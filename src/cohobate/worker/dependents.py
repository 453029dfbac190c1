"""Tasks whose arguments are futures: held until those are there."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, final

from cohobate.core.capture import Raised, Returned, capture, describe
from cohobate.core.errors import DependencyFailed, EngineError
from cohobate.core.payload import Payload
from cohobate.core.task import Task
from cohobate.worker.calls import CONTAINERS, name_of
from cohobate.worker.settling import drop, fail, settle

Kinds = tuple[type, ...]
"""What is taken for a future: those of the standard library, and those of the engine itself."""
PLAIN: Final = frozenset({int, float, str, bytes, bool, type(None)})
"""Types of values that are certainly none."""
FUTURES: Final[Kinds] = (Future,)


def parents_of(task: Task, kinds: Kinds = FUTURES) -> set[Future[Payload]]:
    """Returns the futures among the arguments: themselves, or anywhere in lists, tuples and dict values."""
    found: set[Future[Payload]] = set()
    seen: set[int] = set()
    rest: list[Payload] = [*task.args, *task.kwargs.values()]
    while rest:
        value = rest.pop()
        if type(value) in PLAIN:
            continue
        if isinstance(value, kinds):
            found.add(value)  # type: ignore[arg-type]  # or what behaves like one
        elif type(value) in CONTAINERS and id(value) not in seen:
            seen.add(id(value))
            rest.extend(value.values() if type(value) is dict else value)
    return found


def filled(task: Task, what: Callable[[Future[Payload]], Payload], kinds: Kinds = FUTURES) -> Task:
    """Returns the task with ``what(future)`` in the place of each of its futures."""

    def fill(value: Payload) -> Payload:
        if type(value) is dict:
            return {key: fill(item) for key, item in value.items()}
        if type(value) in CONTAINERS:
            return type(value)(map(fill, value))
        return what(value) if isinstance(value, kinds) else value  # type: ignore[arg-type]  # Any by duck typing

    args, kwargs = tuple(map(fill, task.args)), {name: fill(value) for name, value in task.kwargs.items()}
    return replace(task, args=args, kwargs=kwargs)


@dataclass(slots=True, eq=False)
class Waiting:
    """A task and how many of its futures are not there yet."""

    task: Task
    missing: int


@final
class Dependents:
    """Holds tasks until their futures are there, then hands them to ``run``."""

    def __init__(self, run: Callable[[Task, Future[Payload]], None], kinds: Kinds = FUTURES) -> None:
        self._run, self._kinds = run, kinds
        self._waiting: dict[Future[Payload], Waiting] = {}
        self._arrivals: deque[tuple[Future[Payload], Future[Payload]]] = deque()
        self._draining = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, task: Task, future: Future[Payload], parents: set[Future[Payload]]) -> None:
        """Holds a task; ``future`` fails at once when a parent fails or is cancelled."""
        self._waiting[future] = Waiting(task, len(parents))
        for parent in parents:
            parent.add_done_callback(partial(self._arrived, future))

    def cancel(self, future: Future[Payload]) -> bool:
        """Ends a held task as cancelled; False where it is not (any longer) held."""
        held = self._waiting.pop(future, None) is not None
        if held:
            drop(future)
        return held

    def pending(self) -> list[Future[Payload]]:
        """Returns the futures of all held tasks."""
        return list(self._waiting)

    def _arrived(self, future: Future[Payload], parent: Future[Payload]) -> None:
        # One failure may end a chain of thousands; the queue keeps that from being thousands of nested calls.
        self._arrivals.append((future, parent))
        while self._arrivals and self._draining.acquire(blocking=False):
            try:
                while self._arrivals:
                    self._take(*self._arrivals.popleft())
            finally:
                self._draining.release()

    def _take(self, future: Future[Payload], parent: Future[Payload]) -> None:
        held = self._waiting.get(future)
        if held is None:
            return
        held.missing -= 1
        reason = _reason(parent)
        if (reason is None and held.missing) or self._waiting.pop(future, None) is None:
            return
        if reason is not None:
            error = DependencyFailed(f"{name_of(held.task.fn)} was not run: {reason[0]}")
            error.__cause__ = reason[1]
            fail(future, error)
        else:
            self._release(held.task, future)

    def _release(self, task: Task, future: Future[Payload]) -> None:
        match capture(filled, task, lambda parent: parent.result(), self._kinds):
            case Raised() as outcome:
                settle(future, outcome)
            case Returned(ready):
                try:
                    self._run(ready, future)
                except EngineError as error:
                    fail(future, error)


def _reason(parent: Future[Payload]) -> tuple[str, BaseException | None] | None:
    if parent.cancelled():
        return "what it depends on was cancelled", None
    error = parent.exception()
    if isinstance(error, DependencyFailed):
        return str(error).partition(" was not run: ")[2], error.__cause__
    return None if error is None else (f"what it depends on failed with {describe(error)}", error)
