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
    came: list[str] = []
    last = -inf
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal last
        name, now = signal.Signals(number).name, time.monotonic()
        if came and came[-1] == name and now - last < ECHO:
            return
        last = now
        came.append(name)
        if len(came) > LAST:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        post(Halt(came[0], grace if len(came) == 1 else 0.0))

    handlers = {number: signal.signal(number, stop) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield came
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def is_interactive() -> bool:
    """Whether a person is typing: leaving the interpreter would be rude."""
    return "ps1" in vars(sys) or "IPython" in sys.modules
