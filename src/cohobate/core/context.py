"""What a running simulator may ask about its own attempt: should it stop, and where may it write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from cohobate.core.errors import UserError


def _never() -> bool:
    return False


def _nowhere() -> Path:
    raise UserError("attempt_dir() works only inside a simulator that a campaign with run=... is running")


_cancelled: ContextVar[Callable[[], bool]] = ContextVar("cancelled", default=_never)
_directory: ContextVar[Callable[[], Path]] = ContextVar("directory", default=_nowhere)


def cancelled() -> bool:
    """Whether the running evaluation was asked to stop (a cancel, or its deadline has passed).

    False outside an evaluation. Cheap enough to call in an inner loop.
    """
    return _cancelled.get()()


def attempt_dir() -> Path:
    """The directory of this attempt, made on first use; it stays in the run folder.

    Raises ``UserError`` outside a campaign that has a run folder.
    """
    return _directory.get()()


@contextmanager
def cancellable(flag: Callable[[], bool]) -> Iterator[None]:
    """Lets code inside see ``flag`` through ``cancelled()``; engines wrap each call in it."""
    token = _cancelled.set(flag)
    try:
        yield
    finally:
        _cancelled.reset(token)


@contextmanager
def working_in(directory: Callable[[], Path]) -> Iterator[None]:
    """Lets code inside see ``directory()`` through ``attempt_dir()``."""
    token = _directory.set(directory)
    try:
        yield
    finally:
        _directory.reset(token)
