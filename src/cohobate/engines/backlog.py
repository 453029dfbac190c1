"""The jobs of an engine that have not ended, and those of them that wait for a worker."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import final

from cohobate.core.payload import Payload
from cohobate.core.task import Task
from cohobate.engines.berth import ANYWHERE, Berth
from cohobate.engines.job import Job
from cohobate.worker.settling import drop, fail


@final
class Backlog:
    """Any thread may ``add``, ``find``, count and ``claim``; one thread deals with those that wait.

    ``bound`` says whether any of them ever had to have a worker of a certain kind.
    """

    def __init__(self) -> None:
        self.bound = False
        self._jobs: dict[Future[Payload], Job] = {}
        self._waiting: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def waiting(self) -> int:
        """How many wait for a worker."""
        return len(self._waiting)

    def add(self, task: Task, future: Future[Payload], berth: Berth = ANYWHERE) -> None:
        """Takes a task."""
        job = Job(task, future, berth=berth)
        if berth is not ANYWHERE:
            self.bound = True
        self._jobs[future] = job
        self._waiting.append(job)

    def find(self, future: Future[Payload]) -> Job | None:
        """Returns the job of a future that has not ended."""
        return self._jobs.get(future)

    def futures(self) -> list[Future[Payload]]:
        """Returns those that have not ended."""
        return list(self._jobs)

    def claim(self, job: Job) -> bool:
        """Whether the caller, and nobody else, is to end the future of this job."""
        return self._jobs.pop(job.future, None) is not None

    def next(self, berth: Berth | None = None) -> Job | None:
        """Takes out the first one that waits, for such a worker where one is named, and is still wanted."""
        while (job := self._pop(berth)) is not None:
            if job.cancelling:
                self.drop(job)
            elif job.future in self._jobs:
                return job
        return None

    def berths(self) -> list[Berth]:
        """Returns which workers those that wait are to have."""
        return [job.berth for job in list(self._waiting)]

    def _pop(self, berth: Berth | None) -> Job | None:
        if berth is None or not self.bound:
            return self._waiting.popleft() if self._waiting else None
        job = next((job for job in list(self._waiting) if job.berth == berth), None)
        if job is not None:
            self._waiting.remove(job)
        return job

    def put_back(self, job: Job) -> None:
        """Takes back a job that was not started, to be the next one; ends it where it is not wanted any more."""
        job.number = 0
        if job.cancelling:
            self.drop(job)
        else:
            self._waiting.appendleft(job)

    def drop(self, job: Job) -> None:
        """Ends a job as cancelled."""
        if self.claim(job):
            drop(job.future)

    def fail(self, job: Job, error: Exception) -> None:
        """Ends a job with an error."""
        if self.claim(job):
            fail(job.future, error)

    def fail_waiting(self, error: Exception) -> None:
        """Ends all that wait with an error."""
        while (job := self.next()) is not None:
            self.fail(job, error)

    def drop_all(self) -> None:
        """Ends everything as cancelled."""
        for job in list(self._jobs.values()):
            self.drop(job)
