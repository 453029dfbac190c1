"""The driver's end of a worker process."""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Final, final

import cohobate.worker.wire as wire
from cohobate.engines.berth import ANYWHERE, Berth
from cohobate.engines.job import Job
from cohobate.engines.shipping import KEPT, Cargo, Parcel
from cohobate.host.cores import pinned, thread_limits
from cohobate.host.groups import Group, start
from cohobate.worker.page import VISIBLE, Page, shared_file
from cohobate.worker.wire import CHUNK, Incoming, Message, Outgoing

SOURCES: Final = str(Path(__file__).resolve().parents[2])
PROGRAM: Final = [sys.executable, "-P", "-m", "cohobate.worker"]
TAIL: Final = 8192
"""Bytes kept of what a worker prints."""
MOST: Final = 1 << 30
"""Bytes of parcels that a worker keeps, beside those of its last task."""
PARTING: Final = 2.0
"""Seconds in which workers may close what they keep: programs, models."""


def part_from(workers: Collection[Worker]) -> None:
    """Lets workers close what they keep and end by themselves, within ``PARTING`` (s); any others stay as they are."""
    stop = time.monotonic() + PARTING
    for worker in [worker for worker in workers if worker.part()]:
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(max(0.0, stop - time.monotonic()))


@final
class Worker:
    """A worker process: what it was given, and the pipes to and from it. Used by one thread only.

    Its numerics have ``threads`` threads, unless its berth says how many cores were asked for.
    """

    __slots__ = (
        *("process", "group", "page", "to", "back", "output", "ready", "condemned", "jobs", "alarm_at", "heard"),
        *("berth", "recall_at", "pulse_at", "_outgoing", "_incoming", "_tail", "_known", "_kept", "_settings"),
    )

    def __init__(self, threads: int, berth: Berth = ANYWHERE) -> None:
        self.berth = berth
        theirs, (self.to, self.back, self.output) = _pipes()
        descriptor = shared_file()
        try:
            self.page = Page(descriptor)
            environment = thread_limits(threads) | berth.environment()
            with pinned(berth.cores):
                self.process, self.group = _spawn((*theirs, descriptor), environment)
        except BaseException:
            self.close()
            raise
        finally:
            for each in (*theirs, descriptor):
                os.close(each)
        self.ready = False
        self.condemned: Job | None = None
        self.jobs: dict[int, Job] = {}
        self.alarm_at = self.recall_at = inf
        self.heard = self.pulse_at = time.monotonic()
        self._outgoing, self._incoming = Outgoing(), Incoming()
        self._tail = b""
        self._known: OrderedDict[int, int] = OrderedDict()
        self._kept = 0
        self._settings: list[str] = []
        self._tell_settings()

    def give(self, job: Job, function: Parcel, cargo: Cargo) -> None:
        """Queues a job, and before it what is needed to run it."""
        for parcel in (*cargo.constants, function):
            if parcel.number not in self._known:
                self._learn(parcel)
            self._known.move_to_end(parcel.number)
        kind = wire.LADEN if cargo.constants else wire.TASK
        self._outgoing.put(kind, job.number, cargo.data, extra=function.number)
        self._forget(1 + len(cargo.constants))
        if not self.jobs:
            self.heard = time.monotonic()
        self.jobs[job.number] = job
        if job.task.deadline is not None:
            self.alarm_at = min(self.alarm_at, time.monotonic() + job.task.deadline)

    def flush(self) -> bool:
        """Sends what the pipe takes; True where nothing is left to send. A dead reader is found elsewhere."""
        try:
            return self._outgoing.flush(self.to)
        except OSError:
            return True

    def listen(self) -> Iterator[Message | None]:
        """Yields the messages that are there, and ``None`` at the end of the pipe."""
        with suppress(BlockingIOError):
            while chunk := os.read(self.back, CHUNK):
                self.heard = time.monotonic()
                yield from self._incoming.feed(chunk)
                if len(chunk) < CHUNK:
                    return  # the pipe is empty: asking again would only cost
            yield None

    def overhear(self) -> bool:
        """Takes in what the worker has printed, keeping the end of it; False where there is nothing (more)."""
        try:
            chunk = os.read(self.output, CHUNK)
        except BlockingIOError:
            return False
        self._tail = (self._tail + chunk)[-TAIL:]
        return bool(chunk)

    def silent(self, seconds: float) -> bool:
        """Whether it has jobs and said nothing for so long."""
        return bool(self.jobs) and time.monotonic() - self.heard > seconds

    def recall(self) -> None:
        """Takes back what it has not started; which tasks that are is certain at ``recall_at``."""
        self.page.take_back(max(self.jobs, default=0))
        self.recall_at = time.monotonic() + VISIBLE
        self.alarm_at = min(self.alarm_at, self.recall_at)

    def set_alarm(self, now: float) -> None:
        """Finds when to look after it next: at the alarm of what runs, or of what may have started just now."""
        deadlines = (job.task.deadline for job in self.jobs.values() if job.began > now)
        alarms = (job.alarm() for job in self.jobs.values())
        self.alarm_at = min(self.recall_at, *alarms, *(now + each for each in deadlines if each is not None), inf)

    def last_words(self) -> str:
        """Returns how the (dead) process ended, and the end of what it printed."""
        code = self.process.returncode
        if code >= 0:
            how = f"exited with code {code}"
        else:
            how = f"was killed by {signal.Signals(-code).name if -code in set(signal.Signals) else f'signal {-code}'}"
        if code == -signal.SIGKILL:
            how += " (out of memory?)"
        printed = self._tail.decode(errors="replace").strip()
        return f"{how}; the end of its output:\n{printed}" if printed else f"{how}; it printed nothing"

    def part(self) -> bool:
        """Lets an idle worker that keeps something close it and end by itself; whether there was such a thing."""
        if self.jobs or not self.page.kept():
            return False
        os.close(self.to)
        self.to = -1
        return True

    def close(self) -> None:
        """Closes our ends of the pipes."""
        for descriptor in (self.to, self.back, self.output):
            if descriptor >= 0:
                os.close(descriptor)

    def _learn(self, parcel: Parcel) -> None:
        self._tell_settings()
        self._known[parcel.number] = len(parcel.data)
        self._kept += len(parcel.data)
        self._outgoing.put(wire.PARCEL, parcel.number, parcel.data)

    def _forget(self, needed: int) -> None:
        """Has the worker drop what was not needed for longest; what the last task needs is the newest."""
        while len(self._known) > needed and (len(self._known) > KEPT or self._kept > MOST):
            number, size = self._known.popitem(last=False)
            self._kept -= size
            self._outgoing.put(wire.FORGET, number)

    def _tell_settings(self) -> None:
        """Says where modules are, again when that has changed: a notebook may append to ``sys.path``."""
        path = [entry or os.getcwd() for entry in sys.path]
        if path != self._settings:
            self._settings = path
            environment = {"PYTHONPATH": os.environ.get("PYTHONPATH")}
            self._outgoing.put(wire.SETTINGS, 0, pickle.dumps({"path": path, "environment": environment}))


def _pipes() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Returns the worker's ends (tasks, results, output), and ours, which never block."""
    tasks, to = os.pipe()
    back, results = os.pipe()
    output, printed = os.pipe()
    for descriptor in (to, back, output):
        os.set_blocking(descriptor, False)
    for descriptor in (to, back) if sys.platform == "linux" else ():
        with suppress(OSError):  # all of the user's pipes together may have only so much
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, CHUNK)
    return (tasks, results, printed), (to, back, output)


def _spawn(
    descriptors: tuple[int, int, int, int], environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], Group]:
    tasks, results, printed, page = descriptors
    # The worker puts PYTHONPATH back as it was: it is only to find this package.
    path = os.pathsep.join(filter(None, (SOURCES, os.environ.get("PYTHONPATH"))))
    return start(
        [*PROGRAM, str(tasks), str(results), str(page)],
        env={**os.environ, **environment, "PYTHONPATH": path},
        pass_fds=(tasks, results, page),
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=printed,
    )
