"""The thread that feeds worker processes, listens to them, and ends those that must not go on."""

from __future__ import annotations

import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from math import ceil, inf
from subprocess import TimeoutExpired
from typing import Final, final

import cohobate.worker.wire as wire
from cohobate.core.errors import Unsendable, WorkerLost
from cohobate.engines.backlog import Backlog
from cohobate.engines.bell import Bell
from cohobate.engines.berth import ANYWHERE, Berth, in_the_way, lacking
from cohobate.engines.crew import Worker, part_from
from cohobate.engines.job import Job
from cohobate.engines.shipping import Shipper, outcome_of
from cohobate.engines.verdict import judge
from cohobate.host.cores import usable
from cohobate.host.groups import PATIENCE, end
from cohobate.host.guardian import dismiss, guard
from cohobate.worker.settling import settle
from cohobate.worker.wire import Message

SHORT: Final = 0.005
"""Tasks shorter than this (s) on average are sent ahead of time, several to a worker."""
DEEPEST: Final = 64
STALE: Final = 0.02
"""Seconds of silence after which the tasks ahead at a worker are taken back for idle colleagues."""
PULSE: Final = 0.5
"""Seconds between looks at whether workers live: a forked child may hold a dead one's pipes open."""
TERM: Final = 0.2
"""Seconds between SIGTERM and SIGKILL."""
STARTS: Final = 3


@final
class Foreman:
    """Who does which task. Other threads use ``backlog`` and ``bell``, and call ``order`` and ``depth``; no more."""

    def __init__(self, workers: int) -> None:
        self.backlog = Backlog()
        self.bell = Bell()
        self._orders: deque[Callable[[], None]] = deque()
        self._workers = workers
        self._crew: list[Worker] = []
        self._leaving: dict[Worker, threading.Thread] = {}
        self._numbers = count(1)
        self._average = SHORT
        self._failed_starts = 0
        self._why_not = ""
        self._retiring = self._closing = False

    def order(self, what: Callable[[], None]) -> None:
        """Has ``what`` done in the foreman's thread."""
        self._orders.append(what)
        self.bell.ring()

    def depth(self) -> int:
        """How many tasks a worker is given: one, or as many as it does in ``SHORT``."""
        return min(DEEPEST, max(1, int(SHORT / self._average)))

    def serve(self) -> None:
        """The thread: until closed, or retired and done."""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.bell.open(), selectors.EVENT_READ, self.bell.silence)
        self._shipper = Shipper()
        try:
            while self._obey():
                self._hire()
                self._deal()
                self._rest()
                self._look_after(time.monotonic())
        finally:
            self._shut()

    # Orders.

    def retire(self) -> None:
        """Ends the thread when nothing is left to do."""
        self._retiring = True

    def close(self) -> None:
        """Ends the thread now."""
        self._closing = True

    def cancel(self, job: Job) -> None:
        """Takes back a job that is ``cancelling``; should it turn out to run already, it is flagged then."""
        holder = next((worker for worker in (*self._crew, *self._leaving) if job.number in worker.jobs), None)
        if holder is None:
            self.backlog.drop(job)
        elif holder in self._crew:
            holder.recall()

    # One round.

    def _obey(self) -> bool:
        """Does what was ordered; False where that, or the lack of work, is the end."""
        self.bell.rung = False
        while self._orders:
            self._orders.popleft()()
        return not (self._closing or (self._retiring and not self.backlog))

    def _hire(self) -> None:
        while self._failed_starts < STARTS and (berth := self._wanted()) is not None:
            self._take_on(berth)
        if self._failed_starts >= STARTS and (self.backlog.bound or not self._crew):
            # Nothing starts: all that wait are told so, rather than that it is tried for ever.
            self._failed_starts = 0
            self.backlog.fail_waiting(WorkerLost(f"{STARTS} workers in a row did not start; the last {self._why_not}"))

    def _wanted(self) -> Berth | None:
        """Where a further worker is to be now; ``None`` where none is, or none can be yet."""
        if not self.backlog.bound:
            return ANYWHERE if len(self._crew) < min(self._workers, len(self.backlog)) else None
        wanted, idle = self.backlog.berths(), [worker for worker in self._crew if not worker.jobs]
        berth = lacking(wanted, [worker.berth for worker in idle])
        if berth is not None and self._make_room(berth, wanted, [worker for worker in idle if worker.ready]):
            return berth
        return None

    def _make_room(self, berth: Berth, wanted: Sequence[Berth], idle: Sequence[Worker]) -> bool:
        """Ends idle workers that are in the way of one at ``berth``; whether nothing is in its way any more."""
        while True:
            full = len(self._crew) >= self._workers
            blocking = in_the_way(berth, wanted, [worker.berth for worker in idle], full=full)
            if blocking is None:
                return not full and all(berth.beside(worker.berth) for worker in self._leaving)
            gone = next(worker for worker in idle if worker.berth == blocking)
            self._lose(gone)
            idle = [worker for worker in idle if worker is not gone]

    def _take_on(self, berth: Berth) -> None:
        try:
            worker = Worker(usable() // self._workers, berth)
        except OSError as error:
            self._failed_starts += 1
            self._why_not = f"could not be started: {error}"
            return
        guard(worker.group)
        self._crew.append(worker)
        self._selector.register(worker.back, selectors.EVENT_READ, partial(self._hear, worker))
        self._selector.register(worker.output, selectors.EVENT_READ, partial(self._overhear, worker))
        self._send(worker)

    def _deal(self) -> None:
        if not self.backlog.waiting:
            return
        ready = sorted((worker for worker in self._crew if worker.ready), key=lambda worker: len(worker.jobs))
        share = self._share(ready)
        for worker in ready:
            if worker.recall_at == inf and not worker.silent(STALE) and self._fill(worker, share):
                self._send(worker)

    def _share(self, ready: Sequence[Worker]) -> int:
        """How many jobs each worker is to have: as deep as is useful, but not all to one while others are idle."""
        known = self.backlog.waiting + sum(len(worker.jobs) for worker in ready)
        return min(self.depth(), ceil(known / max(1, len(ready))))

    def _rest(self) -> None:
        self.bell.asleep = True
        timeout = 0.0 if self.bell.rung else self._until_next()
        happened = self._selector.select(timeout)
        self.bell.asleep = False
        for key, _ in happened:
            key.data()

    def _look_after(self, now: float) -> None:
        for worker in [worker for worker in self._crew if worker.alarm_at <= now]:
            self._check(worker, now)
        for worker in self._hoarders():
            if worker.silent(STALE):
                worker.recall()
        for worker in list(self._crew):
            if now >= worker.pulse_at:
                worker.pulse_at = now + PULSE
                if worker.process.poll() is not None:
                    self._lose(worker)

    def _until_next(self) -> float | None:
        """How long (s) nothing needs to be done unless something is heard; ``None``: for ever."""
        times = [min(worker.alarm_at, worker.pulse_at) for worker in self._crew if worker.jobs or not worker.ready]
        times += [worker.heard + STALE for worker in self._hoarders()]
        return max(0.0, min(times) - time.monotonic()) if times else None

    # Giving.

    def _fill(self, worker: Worker, share: int) -> bool:
        """Gives jobs to a worker until it has ``share``; whether there was any."""
        before = len(worker.jobs)
        while len(worker.jobs) < share and (job := self.backlog.next(worker.berth)) is not None:
            try:
                function, cargo = self._shipper.function(job.task.fn), self._shipper.arguments(job.task)
            except Unsendable as error:
                self.backlog.fail(job, error)
                continue
            job.number = next(self._numbers)
            worker.give(job, function, cargo)
        return len(worker.jobs) > before

    def _send(self, worker: Worker) -> None:
        """Sends what the pipe takes, and comes back when it takes more."""
        if worker not in self._crew:
            return
        waiting = worker.to in self._selector.get_map()
        sent = worker.flush()
        if sent and waiting:
            self._selector.unregister(worker.to)
        elif not sent and not waiting:
            self._selector.register(worker.to, selectors.EVENT_WRITE, partial(self._send, worker))

    # Hearing.

    def _hear(self, worker: Worker) -> None:
        for message in worker.listen():
            if message is None:
                self._lose(worker)
            else:
                self._heed(worker, message)

    def _overhear(self, worker: Worker) -> None:
        if worker in self._crew and not worker.overhear():
            self._selector.unregister(worker.output)

    def _heed(self, worker: Worker, message: Message) -> None:
        match message.kind:
            case wire.VALUE | wire.RAISED:
                self._finish(worker, message)
            case wire.SKIPPED:
                if job := worker.jobs.pop(message.number, None):
                    self.backlog.put_back(job)
            case wire.READY:
                worker.ready = True
                self._failed_starts = 0

    def _finish(self, worker: Worker, message: Message) -> None:
        seconds = min(message.extra / 1e9, 1.0)
        self._average = max(1e-6, 0.9 * self._average + 0.1 * seconds)
        job = worker.jobs.pop(message.number, None)
        if job is not None and self.backlog.claim(job):
            settle(job.future, outcome_of(message.kind == wire.VALUE, message.payload))

    # Stopping.

    def _hoarders(self) -> Iterator[Worker]:
        """Workers with tasks ahead while colleagues are idle."""
        if not self.backlog.waiting and any(worker.ready and not worker.jobs for worker in self._crew):
            yield from [worker for worker in self._crew if len(worker.jobs) > 1 and worker.recall_at == inf]

    def _check(self, worker: Worker, now: float) -> None:
        running = worker.page.running()
        if worker.recall_at <= now:
            self._take_back(worker, running)
        job = worker.jobs.get(running)
        if job is not None and worker in self._crew:
            self._press(worker, job, now)
        worker.set_alarm(now)

    def _take_back(self, worker: Worker, running: int) -> None:
        worker.recall_at = inf
        # What it finished meanwhile has been said: it is heard before anything is taken for not started.
        self._hear(worker)
        for number in [number for number in reversed(worker.jobs) if number > running]:
            self.backlog.put_back(worker.jobs.pop(number))

    def _press(self, worker: Worker, job: Job, now: float) -> None:
        """Asks a running job to stop when its time has come, and kills its worker when its grace is over."""
        job.began = worker.page.since()
        if job.flagged and now >= job.stop_at:
            worker.condemned = job
            self._lose(worker)
        elif not job.flagged and (job.cancelling or now >= job.alarm()):
            job.flag(now if job.cancelling else job.alarm())
            worker.page.flag(job.number)

    # Losing.

    def _lose(self, worker: Worker) -> None:
        """A worker that is dead, or is to be: it leaves, and all below it is ended in a thread of its own."""
        if worker not in self._crew:
            return
        self._crew.remove(worker)
        for descriptor in (worker.to, worker.back, worker.output):
            with suppress(KeyError):
                self._selector.unregister(descriptor)
        thread = threading.Thread(target=self._bring_down, args=(worker,), name="cohobate-undertaker", daemon=True)
        self._leaving[worker] = thread
        thread.start()

    def _bring_down(self, worker: Worker) -> None:
        end([worker.group], grace=TERM)
        self.order(partial(self._bury, worker))

    def _bury(self, worker: Worker) -> None:
        """Hears the last of a dead worker, and closes its books."""
        with suppress(TimeoutExpired):
            worker.process.wait(PATIENCE)
        for message in worker.listen():
            if message is not None:
                self._heed(worker, message)
        while worker.overhear():
            pass
        self._leaving.pop(worker, None)
        judge(worker, self.backlog, closing=self._closing)
        if not worker.ready:
            self._failed_starts += 1
            self._why_not = worker.last_words()
        worker.close()
        dismiss(worker.group)

    def _shut(self) -> None:
        """Ends all workers and all futures."""
        self._closing = True
        part_from(self._crew)
        end([worker.group for worker in self._crew], grace=TERM)
        for worker in list(self._crew):  # what one of them says last may cost it its place
            self._bury(worker)
        for thread in list(self._leaving.values()):
            thread.join()
        self._obey()
        self.backlog.drop_all()
        self._selector.close()
        self.bell.close()
