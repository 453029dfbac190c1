"""The ends of seats: how a system comes out that failed, and futures as who holds them finds them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from cohobate.core.capture import Raised, Returned, describe
from cohobate.core.errors import DeadlineExceeded, SystemFailed
from cohobate.dynamics.inflight.seat import Seat
from cohobate.worker.settling import drop, settle


def end(future: Future[Any], outcome: Returned | Raised | None) -> None:
    """Ends a future, by ``None`` as cancelled; called once for each."""
    if outcome is None:
        drop(future)
    else:
        settle(future, outcome)


def failed(seat: Seat, steps: int, why: str, cause: BaseException | None = None) -> Raised:
    """Returns the end of a system that failed, or whose time was over."""
    kind = DeadlineExceeded if seat.late else SystemFailed
    what = "ran longer than" if seat.late else "failed"
    error = kind(f"{seat.who} {what} {why}" if seat.late else f"{seat.who} {what} after {steps} steps: {why}")
    error.__cause__ = cause
    return raised(error)


def raised(error: Exception) -> Raised:
    """Returns an error of ours as the end of a call."""
    return Raised(error, describe(error), "")
