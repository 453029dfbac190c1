"""The one place where user code is caught."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

LONGEST = 20_000
"""Characters kept of a message or a traceback."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The call came back with a value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """The call raised: what, and its traceback as text."""

    error: BaseException
    message: str
    traceback: str


def capture(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Returned | Raised:
    """Calls ``fn`` and returns what it returned or raised, ``SystemExit`` and the like included."""
    try:
        return Returned(fn(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 user code may raise anything, and all of it is data
        return Raised(error, describe(error), _trace(error))


async def acapture(fn: Callable[..., Awaitable[Any]], /, *args: Any, **kwargs: Any) -> Returned | Raised:
    """Awaits ``fn(...)`` and returns what it returned or raised; ``capture`` for coroutine functions."""
    try:
        return Returned(await fn(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 user code may raise anything, and all of it is data
        return Raised(error, describe(error), _trace(error))


def describe(error: BaseException) -> str:
    """Returns ``"TypeName: message"`` in one line, whatever ``str(error)`` does."""
    text = str(capture_text(error)).strip().replace("\x00", "\\0")
    name = type(error).__name__
    return clip(f"{name}: {text}" if text else name)


def capture_text(error: BaseException) -> str:
    """Returns ``str(error)``, or a note where that raises."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 str() of a user's exception is user code
        return "<its message cannot be read: str() raised>"


def clip(text: str) -> str:
    """Returns ``text``, its middle left out where it is longer than ``LONGEST`` characters."""
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]}\n... {len(text) - LONGEST} characters left out ...\n{text[-LONGEST // 2 :]}"


def _trace(error: BaseException) -> str:
    """Returns the traceback as text, without the frame of ``capture`` itself."""
    trace = error.__traceback__.tb_next if error.__traceback__ else None
    try:
        lines = traceback.format_exception(type(error), error, trace)
    except Exception:  # noqa: BLE001 formatting calls the user's __str__ and __repr__
        lines = [*traceback.format_tb(trace), describe(error)]
    return clip("".join(lines))
