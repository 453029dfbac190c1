"""An engine whose workers belong to somebody else: tasks are carried there, and remain ours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from functools import partial
from itertools import count
from math import inf
from typing import Final, Literal, final
from weakref import WeakKeyDictionary

import cohobate.engines.abroad.ticket as ticket
import cohobate.worker.wire as wire
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import EngineClosed, EngineError, WorkerLost
from cohobate.core.payload import Payload
from cohobate.core.task import GRACE, Task
from cohobate.engines.abroad.bundles import Bundles
from cohobate.engines.abroad.carrier import Carrier, Inner
from cohobate.engines.abroad.ticket import GIVEN, Report
from cohobate.engines.abroad.ways import Abroad, Here, Way
from cohobate.engines.berth import berth_of
from cohobate.engines.job import Job
from cohobate.engines.packed import Packed
from cohobate.engines.packing import Grant
from cohobate.engines.resources import Resources, counted, pieces, slots, split
from cohobate.engines.shipping import outcome_of
from cohobate.engines.sites import LOOPBACK
from cohobate.engines.workplace import Workplace
from cohobate.worker.alarm import Alarm
from cohobate.worker.calls import Slot, name_of
from cohobate.worker.dependents import Kinds, filled
from cohobate.worker.settling import drop, fail, settle

Supervise = Literal["always", "deadline", "never"]
"""Which calls are made in a process of their own, which can be killed: all, those with a deadline, none."""
Given = tuple[tuple[int, Inner], ...]
"""Futures of a carrier, each with the number under which its value is handed over."""
ANSWERING: Final = 0.5
"""Seconds in which an outpost that has a task says so when that is to stop."""
KILLING: Final = 1.5
"""Seconds that an outpost gets beyond the grace to kill what did not stop, and to say so."""
PARTING: Final = 1.0
"""Seconds in which the result of a task may still come after its outpost has gone."""
LONGEST: Final = 400
"""Characters of what others say of their end."""
DEEPEST: Final = 63
"""Tasks sent ahead to each worker, at most."""
MEANS: Final = {
    "always": "each call has a process of its own there; what does not stop is killed",
    "deadline": "a call with a deadline has a process of its own, and is killed; what runs without one cannot be",
    "never": "what runs cannot be killed",
}


def carried(
    carrier: Carrier, supervise: Supervise, *, resources: Resources | None = None, workers: int | None = None
) -> Workplace:
    """Returns the engine of a carrier; with ``resources``, no more of them is ever in use there than there is.

    Where its workers are on this machine and each call has a process of its own, that sees its devices.
    """
    backend = Carried(carrier, supervise)
    if not resources:
        return Workplace(backend)
    shows = supervise == "always" and carrier.host == LOOPBACK
    devices, has = split(resources) if shows else (None, counted(resources))
    place = partial(backend.place, devices=devices is not None)
    cores = slots(workers, has, carrier.workers)
    return Workplace(Packed(backend, pieces(cores, devices, has), run=place, also=carrier.refuse))


@final
class Carried:
    """Tasks on their way to somebody else's workers, and back."""

    def __init__(self, carrier: Carrier, supervise: Supervise) -> None:
        self.carrier = carrier
        self._bundles = Bundles(carrier, self._depth)
        self._supervise = supervise
        # Whoever takes a job out of here ends its future.
        self._jobs: dict[Future[Payload], Job] = {}
        self._numbers = count(1)
        self._numbered: dict[int, Job] = {}
        self._inner: dict[Job, Inner] = {}
        self._holds: dict[Job, Callable[[], None]] = {}
        self._passed: WeakKeyDictionary[Future[Payload], tuple[int, Inner]] = WeakKeyDictionary()
        self._leaving: dict[Job, float] = {}
        self._alarm = Alarm(self._check)
        self._opening = threading.Lock()
        self._way: Way | None = None
        self._average = 2 * carrier.latency

    @property
    def workers(self) -> int:
        """As many as there are there."""
        return self.carrier.workers

    @property
    def kills(self) -> bool:
        """Whether running work can be killed."""
        return self._supervise == "always"

    def run(self, task: Task, future: Future[Payload]) -> None:
        """Hands a task on."""
        job = self._jobs[future] = Job(task, future, number=next(self._numbers))
        self._start(job)

    def place(self, task: Task, future: Future[Payload], grant: Grant, *, devices: bool) -> None:
        """Hands a task on with what it was given; ``devices`` says whether a process of ours can be shown them."""
        berth = berth_of(task.needs, grant, devices=devices)
        job = self._jobs[future] = Job(task, future, number=next(self._numbers), berth=berth)
        self._start(job)

    @property
    def kinds(self) -> Kinds:
        """Ours, and those of the carrier."""
        return (Future, *self.carrier.kinds)

    def follow(
        self, task: Task, future: Future[Payload], parents: set[Future[Payload]], hold: Callable[[], None]
    ) -> bool:
        """Hands a task on together with the carrier's own futures of its parents."""
        known = {parent: self._native(parent) for parent in parents} if self.carrier.kinds else {}
        if not known or None in known.values():
            return False
        given = {parent: native for parent, native in known.items() if native is not None}
        job = Job(filled(task, lambda parent: Slot(given[parent][0]), self.kinds), future, number=next(self._numbers))
        self._jobs[future], self._holds[job] = job, hold
        self._start(job, tuple(given.values()))
        for parent in parents:
            if type(parent) is Future:  # the others may be far away, and end only with their task
                parent.add_done_callback(partial(self._parent_ended, job))
        return True

    def room(self) -> int:
        """One task for each of its workers; more where they are so short that sending them takes longer."""
        return self.workers * self._depth() - len(self._jobs)

    def cancel(self, future: Future[Payload]) -> bool:
        """Takes a task back; one that runs is asked to stop, and killed where it can be."""
        job = self._jobs.get(future)
        if job is None:
            return False
        job.cancelling = True
        inner = self._inner.get(job)
        if inner is None or not self._bundles.recall(inner):
            self._opened().stop(job, supervised=self._supervised(job))
            self._leave_in(ANSWERING if job.began == inf else self._patience(job), job)
        return True

    def pending(self) -> list[Future[Payload]]:
        """All that was taken and has not ended."""
        return list(self._jobs)

    def retire(self) -> None:
        """After the last task, ends what was opened for it."""
        if self._jobs:
            threading.Thread(target=self._finish, name="cohobate-retiring", daemon=True).start()
        else:
            self._close()

    def stop(self) -> None:
        """Takes back what waits; what runs is killed where it can be, else asked to stop."""
        for job in list(self._jobs.values()):
            job.cancelling = True
        for job in list(self._jobs.values()):
            self.cancel(job.future)
            self._leave_in(min(self._patience(job), GRACE + KILLING), job)
        if self._way is not None:
            self._way.close()
        wait(self.pending())
        self._close()

    def describe(self) -> str:
        """One line for people."""
        return f"{self!r}: {MEANS[self._supervise]}"

    def __repr__(self) -> str:
        return repr(self.carrier)

    # Sending.

    def _start(self, job: Job, given: Given = ()) -> None:
        match capture(self._send, job, given):
            case Raised(EngineError() as error):
                self._fail(job, error)
            case Raised(_, message, _):
                self._fail(job, EngineClosed(f"{self!r} takes no more tasks: {_line(message)}"))

    def _send(self, job: Job, given: Given) -> None:
        numbers, natives = tuple(number for number, _ in given), tuple(native for _, native in given)
        call, args = self._opened().pack(job, supervised=self._supervised(job), given=numbers)
        self._numbered[job.number] = job
        inner = self._inner[job] = self._bundles.submit(job.number, call, *args, *natives, needs=job.task.needs)
        if isinstance(inner, self.carrier.kinds):
            self._passed[job.future] = GIVEN + job.number, inner
        inner.add_done_callback(partial(self._done, job))

    def _native(self, parent: Future[Payload]) -> tuple[int, Inner] | None:
        """Returns a future of the carrier, and the number under which its value is handed over."""
        if isinstance(parent, self.carrier.kinds):
            return (GIVEN + next(self._numbers), parent) if self.carrier.knows(parent) else None
        return self._passed.get(parent)

    def _parent_ended(self, job: Job, parent: Future[Payload]) -> None:
        hold = self._holds.get(job)
        if hold is not None and (parent.cancelled() or parent.exception() is not None) and self._claim(job):
            self._opened().stop(job, supervised=self._supervised(job))
            _pass_back(job, hold)

    def _opened(self) -> Way:
        if self._way is None:
            with self._opening:
                if self._way is None:
                    shared = self.carrier.shared
                    self._way = Here(self._begun) if shared else Abroad(self.carrier.host, self._begun, self._gone)
        return self._way

    def _supervised(self, job: Job) -> bool:
        return self._supervise == "always" or (self._supervise == "deadline" and job.task.deadline is not None)

    def _depth(self) -> int:
        return 1 + min(DEEPEST, int(self.carrier.latency / self._average))

    # Hearing, in the threads of carrier and hub.

    def _begun(self, number: int) -> bool:
        """A task that takes longer has started, or one that is to stop was found; whether it is not over."""
        job = self._numbered.get(number)
        if job is not None and job.began == inf:
            job.began = time.monotonic()
            self._limit(job)
            self._bundles.part(number)
        return job is not None

    def _limit(self, job: Job) -> None:
        if job.cancelling:
            self._leave_in(self._patience(job), job)
        elif job.task.deadline is not None:
            self._leave_in(job.task.deadline + self._patience(job), job)

    def _gone(self, number: int) -> None:
        """The outpost that ran a task went away; its result may be on its way."""
        job = self._numbered.get(number)
        if job is not None:
            # Some carriers would have it run once more.
            self._opened().stop(job, supervised=self._supervised(job))
            timer = threading.Timer(PARTING, self._fail, (job, WorkerLost(_lost(job, "went away"))))
            timer.daemon = True
            timer.start()

    def _done(self, job: Job, inner: Inner) -> None:
        self._inner.pop(job, None)
        hold, ended = self._holds.get(job), capture(inner.result)
        if isinstance(ended, Raised):
            # Whoever carried it knows no more of it; it may run all the same.
            self._opened().stop(job, supervised=self._supervised(job))
        self._forget(job)
        if self._jobs.pop(job.future, None) is None:
            return
        match ended:
            case Returned(Report(kind=ticket.BARREN)) | Raised() if hold is not None:
                _pass_back(job, hold)
            case Returned(Report() as report):
                self._measure(report.seconds)
                _conclude(job, report)
            case Returned((Returned() | Raised()) as outcome):
                self._measure(time.monotonic() - job.began)
                settle(job.future, outcome)
            case Raised(error, message, _):
                self._miss(job, error, message)

    def _miss(self, job: Job, error: BaseException, message: str) -> None:
        """Ends a task that did not come back; what ran is blamed, and what had not begun is not where that is known."""
        if isinstance(error, EngineClosed):
            fail(job.future, error)
        elif isinstance(error, CancelledError):
            drop(job.future)
        elif self.carrier.broken(error) and job.began == inf and self._supervised(job):
            fail(job.future, EngineClosed(f"{self!r} is broken: {_line(message)}"))
        else:
            fail(job.future, WorkerLost(_lost(job, f"was lost: {_line(message)}")))

    def _measure(self, seconds: float) -> None:
        self._average = 0.9 * self._average + 0.1 * max(1e-6, min(seconds, 1.0))

    # Ending.

    def _patience(self, job: Job) -> float:
        """How long (s) after it was asked to stop a task is waited for."""
        return job.task.grace + (KILLING if self._supervised(job) else 0.0)

    def _leave_in(self, seconds: float, job: Job) -> None:
        """Waits no longer than this for a task."""
        if job.future in self._jobs:
            when = self._leaving[job] = time.monotonic() + seconds
            self._alarm.by(when)

    def _check(self, now: float) -> float:
        """Leaves behind what does not answer; returns when to look again."""
        for job in [job for job, when in list(self._leaving.items()) if when <= now]:
            self._leave(job)
        return min(list(self._leaving.values()), default=inf)

    def _leave(self, job: Job) -> None:
        if self._claim(job):
            supervised = self._supervised(job)
            job.give_up("its worker does not answer" if supervised else "it cannot be killed there, so it still runs")

    def _fail(self, job: Job, error: EngineError) -> None:
        if self._claim(job):
            fail(job.future, error)

    def _claim(self, job: Job) -> bool:
        """Whether the caller is to end the future of a task that nobody waits for any longer."""
        self._forget(job)
        inner = self._inner.pop(job, None)
        claimed = self._jobs.pop(job.future, None) is not None
        if claimed and inner is not None:
            self._bundles.forget(inner)
        return claimed

    def _forget(self, job: Job) -> None:
        self._numbered.pop(job.number, None)
        self._leaving.pop(job, None)
        self._holds.pop(job, None)
        self._opened().over(job)

    def _finish(self) -> None:
        wait(self.pending())
        self._close()

    def _close(self) -> None:
        self._alarm.stop()
        if self._way is not None:
            self._way.close()
        self.carrier.close()


def _conclude(job: Job, report: Report) -> None:
    match report.kind:
        case wire.VALUE | wire.RAISED:
            settle(job.future, outcome_of(report.kind == wire.VALUE, report.payload))
        case ticket.EXPIRED:
            job.give_up("its worker was killed")
        case wire.SKIPPED | ticket.LOST if job.cancelling:
            drop(job.future)
        case _:
            fail(
                job.future, WorkerLost(_lost(job, report.payload.decode(errors="replace") or "stopped working for us"))
            )


def _pass_back(job: Job, hold: Callable[[], None]) -> None:
    """A task of which a parent gave no value is held until that can be said in full."""
    if job.cancelling:
        drop(job.future)
    else:
        hold()


def _lost(job: Job, how: str) -> str:
    return f"the worker that ran {name_of(job.task.fn)} {how}"


def _line(message: str) -> str:
    """Returns a message in one line: what others say of their end may have many."""
    return " ".join(message.split())[:LONGEST]
