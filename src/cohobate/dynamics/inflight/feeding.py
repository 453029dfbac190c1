"""The thread that calls what was submitted, one task after the other, and lets the systems wait for room."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import DeadlineExceeded
from cohobate.core.task import Task
from cohobate.dynamics.inflight.line import Line
from cohobate.dynamics.inflight.seat import Seat
from cohobate.dynamics.inflight.settling import raised
from cohobate.worker.calls import name_of, perform

Build = Callable[[Seat, Any], None]
Watch = Callable[[float], None]
"""Has somebody look at deadlines no later than at a time (s, monotonic)."""
End = Callable[[Seat, "Returned | Raised | None"], None]
"""Ends a seat: by a value, by an error, or as cancelled."""


@final
class Feeding:
    """Calls functions in the order of their tasks, no more than ``ahead`` systems beyond those that run.

    ``changed`` guards the queue and the line, and is told of every change of them.
    """

    def __init__(
        self,
        build: Build,
        end: End,
        line: Line,
        changed: threading.Condition,
        *,
        ahead: Callable[[], int],
        watch: Watch,
    ) -> None:
        self._build, self._end, self._line, self._changed, self._ahead = build, end, line, changed, ahead
        self._watch = watch
        self._queue: deque[Seat] = deque()
        self._now: Seat | None = None
        self._thread: threading.Thread | None = None
        self._stopped, self._filling = False, True

    @property
    def idle(self) -> bool:
        """Whether there is nothing to call, with ``changed`` held."""
        return not self._queue and self._now is None

    def put(self, seat: Seat) -> None:
        """Takes a task."""
        with self._changed:
            self._queue.append(seat)
            if self._thread is None:
                self._start()
            elif len(self._queue) == 1:  # else it is known that there is something
                self._changed.notify_all()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._feed, name="cohobate-feeding", daemon=True)
        self._thread.start()

    def leave_behind(self, seat: Seat) -> bool:
        """Goes on without a function that does not come back, with ``changed`` held; whether it is that of a seat."""
        if self._now is not seat:
            return False
        self._now = None
        self._start()
        return True

    def remove(self, seat: Seat) -> bool:
        """Takes one out that has not been called, with ``changed`` held; whether it was there."""
        try:
            self._queue.remove(seat)
        except ValueError:
            return False
        return True

    def stop(self) -> list[Seat]:
        """Calls nothing more; returns what was not called."""
        with self._changed:
            self._stopped = True
            left, self._queue = list(self._queue), deque()
            self._changed.notify_all()
        return left

    def join(self, seconds: float) -> None:
        """Waits until what is called has come back, at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _feed(self) -> None:
        while (seat := self._next()) is not None:
            outcome = self._called(seat)
            with self._changed:
                if threading.current_thread() is not self._thread:
                    return  # it was left behind
                self._now = None
                if isinstance(outcome, Returned) and not seat.unwanted and not self._stopped:
                    self._line.put(seat)
                    self._changed.notify_all()
                    continue
                self._changed.notify_all()
            self._end(seat, None if isinstance(outcome, Returned) else outcome)

    def _next(self) -> Seat | None:
        with self._changed:
            while not self._stopped and not (self._queue and len(self._line) < self._enough()):
                self._filling = False
                self._changed.wait()
            self._filling = True
            if self._stopped:
                return None
            self._now = seat = self._queue.popleft()
            return seat

    def _enough(self) -> int:
        """Returns how many may wait; once there are so many, none is built until half of them have gone."""
        ahead = max(1, self._ahead())
        self._line.low = max(1, ahead // 2)
        return ahead if self._filling else self._line.low

    def _called(self, seat: Seat) -> Returned | Raised:
        task, seat.began = seat.task, time.monotonic()
        if task.deadline is not None:
            self._watch(seat.began + task.deadline + task.grace)
        outcome = perform(task.fn, task.args, task.kwargs, partial(_asked_to_stop, seat))
        seat.spent = time.monotonic() - seat.began
        if isinstance(outcome, Returned):
            outcome = capture(self._build, seat, outcome.value)
        if isinstance(outcome, Returned) and seat.overdue(time.monotonic()):
            outcome = raised(DeadlineExceeded(too_long(task)))
        seat.began = inf
        return outcome


def too_long(task: Task) -> str:
    """Returns what is said of a function that does not return in time."""
    return f"{name_of(task.fn)} took longer than its deadline of {task.deadline:g} s to return a system"


def _asked_to_stop(seat: Seat) -> bool:
    return seat.unwanted or seat.overdue(time.monotonic())
