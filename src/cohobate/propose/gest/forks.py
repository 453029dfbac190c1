"""Sees to it that what a generator forks ends when this process does."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from typing import Final, final

LOOK: Final = 0.5
"""Seconds between two looks at whether the parent still lives."""


@final
class Forks:
    """A block; a process that is forked within it ends soon after its parent is gone, ``kill -9`` included.

    libEnsemble's persistent generators wait in processes of their own, for ever if nobody ends them.
    """

    __slots__ = ("__weakref__", "_thread")

    def __init__(self) -> None:
        self._thread: int | None = None
        weak = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _follow(weak()))

    def __enter__(self) -> None:
        self._thread = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._thread = None

    def forked(self) -> bool:
        """Whether this process was forked by the thread that is in the block."""
        return self._thread == threading.get_ident()


def _follow(forks: Forks | None) -> None:
    if forks is not None and forks.forked():
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        threading.Event().wait(LOOK)
    os.kill(os.getpid(), signal.SIGKILL)
