"""A thread that looks after deadlines, and sleeps until the next one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf
from typing import final

LONGEST = 3600.0
"""Seconds of sleep at most: waiting for ``inf`` is more than a lock can take."""


@final
class Alarm:
    """Calls ``check(now)``, which returns the next time (s, monotonic) it wants to be called; started when needed."""

    def __init__(self, check: Callable[[float], float]) -> None:
        self._check = check
        self._changed = threading.Condition()
        self._next = inf
        self._thread: threading.Thread | None = None
        self._stopped = False

    def by(self, when: float) -> None:
        """Sees to it that ``check`` is called no later than ``when``."""
        if when >= self._next:
            return
        with self._changed:
            self._next = min(self._next, when)
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._watch, name="cohobate-alarm", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        """Ends the thread; later calls of ``by`` do nothing."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _watch(self) -> None:
        while self._sleep():
            self.by(self._check(time.monotonic()))

    def _sleep(self) -> bool:
        with self._changed:
            while not self._stopped and (left := self._next - time.monotonic()) > 0:
                self._changed.wait(min(left, LONGEST))
            self._next = inf
            return not self._stopped
