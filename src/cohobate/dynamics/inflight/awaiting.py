"""Tasks whose arguments are futures: submitted when these are there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, final

from cohobate.core.capture import Raised, Returned, capture, describe
from cohobate.core.errors import DependencyFailed
from cohobate.core.task import Task
from cohobate.worker.calls import CONTAINERS, name_of

Ready = Callable[[Task | Raised], None]


def parents_of(value: Any) -> set[Future[Any]]:  # noqa: ANN401 an argument
    """Returns the futures in a value: itself, or anywhere in lists, tuples and dict values."""
    if isinstance(value, Future):
        return {value}
    if type(value) not in CONTAINERS:
        return set()
    return {one for item in (value.values() if type(value) is dict else value) for one in parents_of(item)}


def is_ready(task: Task) -> bool:
    """Whether no argument of a task is a future."""
    return not any(map(parents_of, task.args)) and not any(map(parents_of, task.kwargs.values()))


def when_there(task: Task, ready: Ready) -> None:
    """Calls ``ready`` with the task once its futures are values: at once where there are none, or with why not."""
    parents = parents_of([*task.args, task.kwargs and dict(task.kwargs)])
    if not parents:
        ready(task)
        return
    wait = _Wait(task, len(parents), ready)
    for parent in parents:
        parent.add_done_callback(wait.arrived)


@final
class _Wait:
    def __init__(self, task: Task, missing: int, ready: Ready) -> None:
        self._task, self._missing, self._ready = task, missing, ready
        self._lock = threading.Lock()

    def arrived(self, parent: Future[Any]) -> None:
        why, cause = _reason(parent)
        with self._lock:
            over = self._missing <= 0
            self._missing = 0 if why else self._missing - 1
        if over or self._missing:
            return
        if why:
            error = DependencyFailed(f"{name_of(self._task.fn)} was not run: {why}")
            error.__cause__ = cause
            self._ready(Raised(error, describe(error), ""))
            return
        match capture(filled, self._task):
            case Returned(task):
                self._ready(task)
            case Raised() as outcome:
                self._ready(outcome)


def filled(task: Task) -> Task:
    """Returns the task with values in the place of its futures."""
    args = tuple(_fill(value) for value in task.args)
    return replace(task, args=args, kwargs={name: _fill(value) for name, value in task.kwargs.items()})


def _fill(value: Any) -> Any:  # noqa: ANN401 an argument
    if isinstance(value, Future):
        return value.result()
    if type(value) is dict:
        return {key: _fill(item) for key, item in value.items()}
    return type(value)(map(_fill, value)) if type(value) in CONTAINERS else value


def _reason(parent: Future[Any]) -> tuple[str, BaseException | None]:
    if parent.cancelled():
        return "what it depends on was cancelled", None
    error = parent.exception()
    return ("", None) if error is None else (f"what it depends on failed with {describe(error)}", error)
