"""How other threads wake one that waits for pipes."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import final


@final
class Bell:
    """A pipe that is written to only when somebody may be asleep beside it.

    The sleeper sets ``rung`` to False before it looks for work, and ``asleep`` to True before it looks
    at ``rung`` and lies down; so no ring is missed, and most cost nothing.
    """

    __slots__ = ("_ends", "_lock", "asleep", "rung")

    def __init__(self) -> None:
        self.rung = False
        self.asleep = False
        self._ends: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def ring(self) -> None:
        """Wakes the sleeper, or keeps it from lying down."""
        self.rung = True
        if self.asleep:
            self.asleep = False
            with self._lock, suppress(BlockingIOError):
                if self._ends is not None:
                    os.write(self._ends[1], b"\0")

    def open(self) -> int:
        """Returns the descriptor to sleep at."""
        self._ends = os.pipe()
        for end in self._ends:
            os.set_blocking(end, False)
        return self._ends[0]

    def silence(self) -> None:
        """Takes the rings out of the pipe."""
        with suppress(BlockingIOError):
            if self._ends is not None:
                os.read(self._ends[0], 4096)

    def close(self) -> None:
        """Closes the pipe; later rings are heard by nobody."""
        with self._lock:
            ends, self._ends = self._ends, None
        for end in ends or ():
            os.close(end)
