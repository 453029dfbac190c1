"""How a future comes to its end: a value, an error, or cancelled.

A future stays pending while its task runs, so that one whose task was killed on request can end as
cancelled. Whoever ends a future has claimed it before: no future is ended twice.
"""

from __future__ import annotations

import traceback
from concurrent.futures import Future, InvalidStateError
from typing import final

from cohobate.core.capture import Raised, Returned
from cohobate.core.errors import TaskRaised
from cohobate.core.payload import Payload


@final
class RemoteTraceback(Exception):
    """The cause of an exception that comes from another process: its traceback there, as ``text``."""

    def __init__(self, text: str) -> None:
        Exception.__init__(self, text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


def traceback_of(error: BaseException) -> str:
    """Returns the traceback of an error as text, wherever it was raised."""
    match error.__cause__:
        case RemoteTraceback(text=text):
            return text
    return "".join(traceback.format_exception(error))


def settle(future: Future[Payload], outcome: Returned | Raised) -> None:
    """Ends a future with what its call returned or raised."""
    match outcome:
        case Returned(value):
            try:
                future.set_result(value)
            except InvalidStateError:
                drop(future)  # cancelled by whoever holds it
        case Raised(error, message, trace):
            fail(future, error if isinstance(error, Exception) else _tame(message, trace))


def fail(future: Future[Payload], error: Exception) -> None:
    """Ends a future with an error."""
    if future.set_running_or_notify_cancel():
        future.set_exception(error)


def drop(future: Future[Payload]) -> None:
    """Ends a future as cancelled."""
    future.cancel()
    future.set_running_or_notify_cancel()


def _tame(message: str, trace: str) -> TaskRaised:
    """What would end the process of whoever asks for the result (``SystemExit`` and the like) becomes an error."""
    error = TaskRaised(f"the task raised {message}")
    error.__cause__ = RemoteTraceback(trace)
    return error
