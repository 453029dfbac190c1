"""What a finished future of an engine means for its attempt, or for the call of a body."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future
from typing import Any

from cohobate.core.capture import Raised, Returned, describe
from cohobate.core.errors import BadOutput, DeadlineExceeded, DependencyFailed, NotStorable, Rejected, WorkerLost
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.trial import Evaluated
from cohobate.ledger.codec import dumps, loads


def report_of(future: Future[Evaluated], attempt: int, submitted: float) -> Evaluated:
    """Returns the report of a done future, made up from its exception where it has none."""
    try:
        error = future.exception()
    except CancelledError:
        return _made_up(Cancelled(), submitted)
    return future.result() if error is None else report_of_error(error, attempt, submitted)


def report_of_error(error: BaseException, attempt: int, submitted: float) -> Evaluated:
    """Returns the report of an attempt that could not make one itself."""
    return _made_up(_failure(error, attempt), submitted)


def _made_up(outcome: Outcome, submitted: float) -> Evaluated:
    return Evaluated(outcome, submitted, seconds=time.time() - submitted)


def _failure(error: BaseException, attempt: int) -> Failure:
    match error:
        case WorkerLost():
            return Failure("worker_lost", str(error), attempt=attempt)
        case DeadlineExceeded():
            return Failure("timeout", str(error), attempt=attempt)
        case DependencyFailed():
            return Failure("dependency", str(error), attempt=attempt)
        case BadOutput():
            return Failure("bad_output", str(error), attempt=attempt)
        case Rejected():
            return Failure("rejected", str(error), attempt=attempt)
    return Failure("raised", describe(error), attempt=attempt)


def recordable(ended: Returned | Raised) -> Outcome:
    """Returns how a call of a body ended as it is recorded, and just as a resumed body would find it."""
    match ended:
        case Raised(BadOutput() | Rejected() as error):
            return _failure(error, 1)
        case Raised(_, message, traceback):
            return Failure("raised", message, traceback)
        case Returned(value):
            try:
                return Value({"value": loads(dumps(value))})
            except NotStorable as error:
                return Failure("bad_output", str(error))


def outcome_of(future: Future[Any]) -> Outcome:
    """Returns the outcome of a call of a body that an engine made."""
    try:
        error = future.exception()
    except CancelledError:
        return Cancelled("on request")
    return recordable(Returned(future.result())) if error is None else _failure(error, 1)
