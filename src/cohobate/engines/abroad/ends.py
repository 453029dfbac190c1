"""How the future of a task ends that was carried to somebody else's worker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError

import cohobate.engines.abroad.ticket as ticket
import cohobate.worker.wire as wire
from cohobate.core.capture import Raised
from cohobate.core.errors import EngineClosed, WorkerLost
from cohobate.engines.abroad.ticket import Report
from cohobate.engines.job import Job
from cohobate.engines.settling import drop, fail, settle
from cohobate.engines.shipping import outcome_of
from cohobate.worker.calls import name_of


def conclude(job: Job, report: Report) -> None:
    """Ends a future as the report says."""
    match report.kind:
        case wire.VALUE | wire.RAISED:
            settle(job.future, outcome_of(report.kind == wire.VALUE, report.payload))
        case ticket.EXPIRED:
            job.give_up("its worker was killed")
        case wire.SKIPPED if job.cancelling:
            drop(job.future)
        case _:
            fail(job.future, WorkerLost(lost(job, report.payload.decode(errors="replace") or "stopped working for us")))


def concede(job: Job, nothing: Raised, hold: Callable[[], None] | None, *, cancelled: bool) -> None:
    """Ends the future of a task of which the carrier brought nothing back, or has it held."""
    match nothing:
        case Raised(EngineClosed() as error):
            fail(job.future, error)
        case _ if hold is not None:
            pass_back(job, hold)
        case Raised(error) if cancelled or isinstance(error, CancelledError):
            drop(job.future)
        case Raised(_, message):
            fail(job.future, WorkerLost(lost(job, f"was lost: {message}")))


def pass_back(job: Job, hold: Callable[[], None]) -> None:
    """A task of which a parent gave no value is held until that can be said in full."""
    if job.cancelling:
        drop(job.future)
    else:
        hold()


def lost(job: Job, how: str) -> str:
    """Returns what became of the worker of a task."""
    return f"the worker that ran {name_of(job.task.fn)} {how}"
