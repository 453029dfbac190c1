"""What a finished future of an engine means for its attempt."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future

from cohobate.core.capture import describe
from cohobate.core.errors import DeadlineExceeded, DependencyFailed, WorkerLost
from cohobate.core.outcome import Cancelled, Failure, Outcome
from cohobate.core.trial import Evaluated


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
    return Failure("raised", describe(error), attempt=attempt)
