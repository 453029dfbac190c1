"""A page of memory that a driver shares with a worker, to talk while the worker is busy.

The worker writes which task it is running, since when; so a death is blamed on that one task. The
driver writes which task should stop, and which tasks it takes back before they start. Each word is
8 bytes, aligned, written by one side only, and so never seen half-written. No lock, no message: it
works also while the worker is stuck in native code.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
from typing import Final, final

RUNNING: Final = 0  # the number of the running task; 0: none. Written by the worker, like
SINCE: Final = 1  # when it was, or at the latest will be started (ns, monotonic).
FLAGGED: Final = 2  # the number of the task that should stop. Written by the driver, like
SKIP_AFTER: Final = 3  # tasks numbered above this
SKIP_TO: Final = 4  # and up to this are not to be started.
KEPT: Final = 5  # how many instances are kept for later tasks. Written by the worker.

VISIBLE: Final = 0.002
"""Seconds after which a written word is certainly seen by the other side; the hardware takes well below 1 µs."""


@final
class Page:
    """Both sides' view of the page."""

    __slots__ = ("_words",)

    def __init__(self, descriptor: int) -> None:
        self._words = memoryview(mmap.mmap(descriptor, mmap.PAGESIZE)).cast("Q")

    def begin(self, number: int) -> bool:
        """Worker: says that it starts task ``number``; False where the driver has taken that back."""
        words = self._words
        words[SINCE] = time.monotonic_ns()
        words[RUNNING] = number
        return not words[SKIP_AFTER] < number <= words[SKIP_TO]

    def put_off(self, seconds: float) -> None:
        """Worker: says that the running task is still being loaded, and counts as started so many seconds from now."""
        self._words[SINCE] = time.monotonic_ns() + int(seconds * 1e9)

    def keep(self, instances: int) -> None:
        """Worker: says how much it keeps that is to be closed before it ends."""
        self._words[KEPT] = instances

    def finish(self) -> None:
        """Worker: says that it runs nothing."""
        self._words[RUNNING] = 0

    def flagged(self, number: int) -> bool:
        """Worker: whether task ``number`` should stop."""
        return self._words[FLAGGED] == number

    def running(self) -> int:
        """Driver: the number of the running task, 0 for none."""
        return self._words[RUNNING]

    def kept(self) -> int:
        """Driver: how much there is to be closed before the worker ends."""
        return self._words[KEPT]

    def since(self) -> float:
        """Driver: when the running task was started (s, monotonic); in the future while it is being loaded."""
        return self._words[SINCE] / 1e9

    def flag(self, number: int) -> None:
        """Driver: asks task ``number`` to stop."""
        self._words[FLAGGED] = number

    def take_back(self, last: int) -> None:
        """Driver: no task up to number ``last`` is to be started any more.

        The worker says what it starts and then looks here; so ``VISIBLE`` seconds later each task
        above ``running()`` is certain never to start.
        """
        # This order: in between, the old range is only made smaller, by tasks that have passed.
        self._words[SKIP_AFTER] = self._words[RUNNING]
        self._words[SKIP_TO] = last


def shared_file() -> int:
    """Returns the descriptor of a nameless file of one page."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("cohobate")
    else:
        from tempfile import TemporaryFile  # workers start sooner without it

        with TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, mmap.PAGESIZE)
    return descriptor
