"""A worker process looked after by the very thread that waits for what it does."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from subprocess import TimeoutExpired
from typing import Final, final

import cohobate.worker.wire as wire
from cohobate.engines.abroad.ticket import EXPIRED, LOST, Report
from cohobate.engines.bell import Bell
from cohobate.engines.berth import Berth
from cohobate.engines.crew import Worker, part_from
from cohobate.engines.job import Job
from cohobate.engines.shipping import Cargo, Parcel
from cohobate.host.groups import PATIENCE, end
from cohobate.host.guardian import dismiss, guard

PULSE: Final = 0.5
"""Seconds between looks at whether the process lives: a forked child may hold a dead one's pipes open."""
LONG: Final = 0.02
"""Seconds after which a call is reported as running: most are over before, and cost nothing."""
TERM: Final = 0.2
"""Seconds between SIGTERM and SIGKILL."""


@final
class Ward:
    """One worker process and one call at a time, with deadline, cancel and kill, and no thread of its own."""

    def __init__(self, threads: int, berth: Berth) -> None:
        self._worker = Worker(threads, berth)
        guard(self._worker.group)
        self._bell = Bell()
        self._poll = select.poll()
        for descriptor in (self._worker.back, self._worker.output, self._bell.open()):
            self._poll.register(descriptor, select.POLLIN)
        self._alive = True

    def run(self, job: Job, function: Parcel, cargo: Cargo, late: Callable[[], object]) -> Report:
        """Makes the call and returns what became of it; ``late()`` is told once where it takes ``LONG``."""
        worker = self._worker
        worker.give(job, function, cargo)
        sent, notice = worker.flush(), time.monotonic() + LONG
        if not sent:
            self._poll.register(worker.to, select.POLLOUT)
        while (report := self._listen(job) or self._press(job)) is None:
            if time.monotonic() >= notice:
                late()
                notice = inf
            self._rest(job, notice)
            if not sent and (sent := worker.flush()):
                self._poll.unregister(worker.to)
        worker.jobs.clear()
        return report

    @property
    def berth(self) -> Berth:
        """What the process is bound to."""
        return self._worker.berth

    @property
    def fit(self) -> bool:
        """Whether another call can be made here."""
        return self._alive and self._worker.process.poll() is None

    def nudge(self) -> None:
        """Has the waiting thread look at its job again; from any thread."""
        self._bell.ring()

    def end(self) -> None:
        """Lets the process close what it keeps, where it is idle; then kills it and all below it."""
        if self._alive:
            part_from([self._worker])
        self._bury(grace=0)

    def _rest(self, job: Job, notice: float) -> None:
        now = time.monotonic()
        due = min(job.alarm(), notice, now + PULSE)
        if job.began > now and job.task.deadline is not None:
            due = min(due, now + job.task.deadline)
        self._bell.asleep = True
        timeout = 0.0 if self._bell.rung else max(0.0, due - now)
        for descriptor, _ in self._poll.poll(1000 * timeout):
            if descriptor == self._worker.output and not self._worker.overhear():
                self._poll.unregister(descriptor)
        self._bell.asleep = self._bell.rung = False
        self._bell.silence()

    def _listen(self, job: Job) -> Report | None:
        for message in self._worker.listen():
            if message is None:
                return self._lose(job)
            if message.kind in (wire.VALUE, wire.RAISED) and message.number == job.number:
                return Report(message.kind, bytes(message.payload))
        return None

    def _press(self, job: Job) -> Report | None:
        """Asks the call to stop when its time has come; kills it when its grace is over."""
        now = time.monotonic()
        self._look(job)
        if self._is_lost(job, now):
            return self._lose(job)
        if not job.flagged and (job.cancelling or now >= job.alarm()):
            job.flag(now if job.cancelling else job.alarm())
            self._worker.page.flag(job.number)
        return None

    def _is_lost(self, job: Job, now: float) -> bool:
        """Whether the grace is over, the call was cancelled before it began, or the process has died."""
        too_late = job.stop_at <= now if job.flagged else job.cancelling and job.began == inf
        return too_late or self._worker.process.poll() is not None

    def _look(self, job: Job) -> None:
        page = self._worker.page
        if page.running() == job.number:
            job.began = page.since()  # later than now while it is being loaded

    def _lose(self, job: Job) -> Report:
        """Ends the process, unless it is dead already; a value that it has sent before counts."""
        worker = self._worker
        self._look(job)
        dead = worker.process.poll() is not None
        for message in self._bury(grace=TERM):
            if message.kind in (wire.VALUE, wire.RAISED) and message.number == job.number:
                return Report(message.kind, bytes(message.payload))
        if job.cancelling:
            return Report(wire.SKIPPED)
        if job.flagged and not dead:
            return Report(EXPIRED)
        return Report(LOST, worker.last_words().encode())

    def _bury(self, *, grace: float) -> list[wire.Message]:
        """Ends the process and returns the last that it said."""
        if not self._alive:
            return []
        self._alive = False
        worker = self._worker
        end([worker.group], grace=grace)
        with suppress(TimeoutExpired):
            worker.process.wait(PATIENCE)
        said = [message for message in worker.listen() if message is not None]
        while worker.overhear():
            pass
        worker.close()
        self._bell.close()
        dismiss(worker.group)
        return said
