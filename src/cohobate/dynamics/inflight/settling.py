"""How a seat comes to its end: a value, an error, or cancelled."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from cohobate.core.capture import Raised, Returned, describe
from cohobate.core.errors import DeadlineExceeded, SystemFailed, TaskRaised
from cohobate.dynamics.inflight.seat import Seat


def settle(future: Future[Any], outcome: Returned | Raised | None) -> None:
    """Ends a future, by ``None`` as cancelled; one that its owner has cancelled stays so. Called once for each."""
    if outcome is None:
        future.cancel()
        future.set_running_or_notify_cancel()
    elif future.set_running_or_notify_cancel():
        if isinstance(outcome, Returned):
            future.set_result(outcome.value)
        else:
            error = outcome.error  # what would end the process of whoever asks for the result becomes an error
            future.set_exception(error if isinstance(error, Exception) else TaskRaised(f"it raised {outcome.message}"))


def failed(seat: Seat, steps: int, why: str) -> Raised:
    """Returns the end of a system that failed, or whose time was over."""
    kind = DeadlineExceeded if seat.late else SystemFailed
    what = "ran longer than" if seat.late else "failed"
    return raised(kind(f"{seat.who} {what} {why}" if seat.late else f"{seat.who} {what} after {steps} steps: {why}"))


def raised(error: Exception) -> Raised:
    """Returns an error of ours as the end of a call."""
    return Raised(error, describe(error), "")
