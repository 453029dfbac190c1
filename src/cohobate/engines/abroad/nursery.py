"""The worker processes that one process keeps for its calls: as many as calls are made at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf
from typing import final

import cohobate.worker.wire as wire
from cohobate.engines.abroad.ticket import LOST, Report
from cohobate.engines.abroad.ward import Ward
from cohobate.engines.berth import Berth
from cohobate.engines.job import Job
from cohobate.engines.shipping import Cargo, Parcel


@final
class Nursery:
    """Hands a ward to each call, and takes it back for the next one."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._idle: list[Ward] = []
        self._busy: dict[Job, Ward] = {}
        self._lock = threading.Lock()
        self._closed = False

    def run(self, job: Job, function: Parcel, cargo: Cargo, late: Callable[[], object]) -> Report:
        """Makes a call in a process of its own and waits for it, in this thread."""
        try:
            report = self._run(job, function, cargo, late)
            if report.kind == LOST and job.began == inf:
                # Killed before it came to this call, which is not to blame: once more.
                report = self._run(job, function, cargo, late)
        except OSError as error:
            return Report(LOST, f"could not be started: {error}".encode())
        return report

    def nudge(self, job: Job) -> None:
        """Has the thread that waits for a call look at its job again."""
        if ward := self._busy.get(job):
            ward.nudge()

    def close(self) -> None:
        """Kills all that runs, and starts nothing any more."""
        with self._lock:
            self._closed = True
            idle, busy = self._idle, dict(self._busy)
            self._idle = []
        for ward in idle:
            ward.end()
        for job, ward in busy.items():
            job.cancelling = True
            job.flag(0.0)
            job.stop_at = 0.0
            ward.nudge()

    def _run(self, job: Job, function: Parcel, cargo: Cargo, late: Callable[[], object]) -> Report:
        ward = self._take(job)
        if ward is None:
            return Report(wire.SKIPPED)
        try:
            return ward.run(job, function, cargo, late)
        finally:
            self._give_back(job, ward)

    def _take(self, job: Job) -> Ward | None:
        with self._lock:
            if self._closed:
                return None
            ward = self._idle.pop(self._best(job.berth)) if self._idle else None
        if ward is not None and not (ward.fit and ward.berth == job.berth):
            ward.end()
            ward = None
        ward = ward or Ward(self._threads, job.berth)
        with self._lock:
            if not self._closed:
                self._busy[job] = ward
                return ward
        ward.end()
        return None

    def _best(self, berth: Berth) -> int:
        """Where the newest is that is bound to the same; else the oldest is to end, to make room for such a one."""
        found = (at for at in reversed(range(len(self._idle))) if self._idle[at].berth == berth)
        return next(found, 0)

    def _give_back(self, job: Job, ward: Ward) -> None:
        with self._lock:
            del self._busy[job]
            if ward.fit and not self._closed:
                self._idle.append(ward)
                return
        ward.end()
