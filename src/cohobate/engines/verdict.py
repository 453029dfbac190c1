"""What becomes of the jobs of a worker that died: the one it ran is blamed, the others go on elsewhere."""

from __future__ import annotations

from typing import Final

from cohobate.core.errors import WorkerLost
from cohobate.engines.backlog import Backlog
from cohobate.engines.crew import Worker
from cohobate.engines.job import Job
from cohobate.worker.calls import name_of

MOVES: Final = 3
"""Deaths of workers that a job survives which they had not come to."""


def judge(worker: Worker, backlog: Backlog, *, closing: bool) -> None:
    """Ends or puts back each job of a dead worker whose last messages were heard."""
    running = worker.page.running()
    for number, job in reversed(worker.jobs.items()):
        if number == running and worker.condemned in (job, None):
            _blame(worker, job, backlog, closing=closing)
        else:
            _move(worker, job, backlog)


def _blame(worker: Worker, job: Job, backlog: Backlog, *, closing: bool) -> None:
    if job.cancelling or closing:
        backlog.drop(job)
    elif worker.condemned is None:
        backlog.fail(job, WorkerLost(f"the worker that ran {name_of(job.task.fn)} {worker.last_words()}"))
    elif backlog.claim(job):
        job.give_up("its worker was killed")


def _move(worker: Worker, job: Job, backlog: Backlog) -> None:
    job.moves += worker.condemned is None
    if job.moves <= MOVES:
        backlog.put_back(job)
    else:
        died = f"{job.moves} workers died before they came to {name_of(job.task.fn)}"
        backlog.fail(job, WorkerLost(f"{died}; the last {worker.last_words()}"))
