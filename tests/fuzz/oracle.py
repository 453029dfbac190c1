"""Judges a parser: it ends soon, needs little memory, and gives a result or an error that it documents."""

from __future__ import annotations

import faulthandler
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
DEADLINE = 3.0
"""Seconds of computing for one call."""
WAIT = 8.0
"""Seconds for one call on a machine that is busy with other things: longer is waiting for something."""
MEMORY = 1 << 30
"""Bytes by which the address space may grow during one call."""


class Hung(BaseException):
    """A call took too long; nothing that a parser does catches this."""


def ended(call: Callable[..., T], *arguments: Any, errors: type[Exception] | tuple[type[Exception], ...]) -> T | str:
    """Returns what ``call`` returns, or the message of one of the ``errors`` that it may raise.

    Every other exception is let through, and so is having taken too long or too much memory.
    """
    try:
        with bounded():
            return call(*arguments)
    except errors as error:
        return str(error)


@contextmanager
def bounded(memory: int = MEMORY) -> Iterator[None]:
    """Raises ``Hung`` when the block takes too long, and lets it ask for ``memory`` further bytes at most."""
    was = signal.signal(signal.SIGALRM, _hung)
    signal.signal(signal.SIGPROF, _hung)
    left, _ = signal.setitimer(signal.ITIMER_REAL, WAIT)
    signal.setitimer(signal.ITIMER_PROF, DEADLINE)
    faulthandler.dump_traceback_later(3 * WAIT, exit=True)  # where C code never comes back to us
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGALRM, was)
        signal.setitimer(signal.ITIMER_REAL, left)


def one_line(text: str) -> bool:
    """Whether a message is one line that a terminal can show."""
    return bool(text) and "\n" not in text


def _hung(*_: object) -> None:
    raise Hung(f"no end within {DEADLINE} s of computing, or {WAIT} s of waiting")
