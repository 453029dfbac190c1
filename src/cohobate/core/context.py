"""What a running simulator may ask about its own attempt: should it stop, where may it write, what may it share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar, final

from cohobate.core.errors import UserError

T = TypeVar("T")


def _never() -> bool:
    return False


def _nowhere() -> Path:
    raise UserError("attempt_dir() works only inside a simulator that a campaign with run=... is running")


_cancelled: ContextVar[Callable[[], bool]] = ContextVar("cancelled", default=_never)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt may write, and where what evaluations share is kept."""

    directory: Callable[[], Path] = _nowhere
    shared: Path | None = None


ELSEWHERE: Final = Place()
"""Where code is that no evaluation has called."""
_place: ContextVar[Place] = ContextVar("place", default=ELSEWHERE)


def cancelled() -> bool:
    """Whether the running evaluation was asked to stop (a cancel, or its deadline has passed).

    False outside an evaluation. Cheap enough to call in an inner loop.
    """
    return _cancelled.get()()


def attempt_dir() -> Path:
    """The directory of this attempt, made on first use; it stays in the run folder.

    Raises ``UserError`` outside a campaign that has a run folder.
    """
    return _place.get().directory()


def shared_folder() -> Path | None:
    """Where what evaluations share is kept, made by whoever first writes there; ``None`` outside an evaluation."""
    return _place.get().shared


def inside() -> bool:
    """Whether this is called from within an evaluation, or a call that an engine makes."""
    return _cancelled.get() is not _never or _place.get() is not ELSEWHERE


def cancellable(flag: Callable[[], bool]) -> AbstractContextManager[None]:
    """Lets code inside see ``flag`` through ``cancelled()``; engines wrap each call in it."""
    return _Within(_cancelled, flag)


def working_in(directory: Callable[[], Path] = _nowhere, *, shared: Path | None = None) -> AbstractContextManager[None]:
    """Lets code inside see ``directory()`` through ``attempt_dir()``, and ``shared`` through ``shared_folder()``."""
    return _Within(_place, Place(directory, shared))


@final
class _Within(Generic[T]):
    """A block in which a context variable has a value; a third of the cost of ``contextlib.contextmanager``."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)
