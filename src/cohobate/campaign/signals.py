"""What Ctrl-C and SIGTERM do to a running campaign: the first drains, the second kills, the third ends the process."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from types import FrameType
from typing import final

from cohobate.campaign.moves import Halt

GRACE = 10.0
"""Seconds that running evaluations get after the first signal."""
LAST = 2
"""Signals that are dealt with in good order."""
ECHO = 0.2
"""Seconds within which the same signal is taken for an echo: some senders tell the process and its group."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(SystemExit):
    """Leaves the program after a signal; what was recorded stays, and the same command continues."""


@contextmanager
def stopping_on_signals(post: Callable[[Halt], None], *, grace: float = GRACE) -> Iterator[list[str]]:
    """Turns signals into halts while inside; yields the names of those that came.

    From the third on a signal does what it does to any program: the loop itself may hang, in a
    simulator on the inline engine or in a generator's ``finalize``. Does nothing outside the main
    thread, where Python delivers no signals.
    """
    stop = Stopper(post, grace)
    if threading.current_thread() is not threading.main_thread():
        yield stop.came
        return
    handlers = {number: signal.signal(number, stop) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield stop.came
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@final
class Stopper:
    """The handler: notes which signals ``came``, and posts what each of them asks for."""

    def __init__(self, post: Callable[[Halt], None], grace: float) -> None:
        self.came: list[str] = []
        self._post, self._grace, self._last = post, grace, -inf

    def __call__(self, number: int, _: FrameType | None) -> None:
        name, now = signal.Signals(number).name, time.monotonic()
        if self.came and self.came[-1] == name and now - self._last < ECHO:
            return
        self._last = now
        self.came.append(name)
        if len(self.came) > LAST:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._post(Halt(self.came[0], self._grace if len(self.came) == 1 else 0.0))


def is_interactive() -> bool:
    """Whether a person is typing: leaving the interpreter would be rude."""
    return "ps1" in vars(sys) or "IPython" in sys.modules
