"""A simulated engine: what it is given ends, hangs, dies, comes late or twice, in virtual time.

What may be wrong with a candidate: it ``raises`` or returns ``nan`` each time, is ``rejected``, takes each worker
with it (``poison``) or only the first (``flaky``), raises the first time (``moody``), ``hangs`` until its deadline,
or its worker is given up for dead and delivers afterwards (``ghost``).
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohobate.campaign.moves import Ended
from cohobate.campaign.parts.making import Order
from cohobate.core.context import cancellable
from cohobate.core.errors import DeadlineExceeded, EngineClosed, Rejected, WorkerLost
from cohobate.core.task import Task
from cohobate.core.trial import Evaluated, Inputs
from simulation.chooser import number

if TYPE_CHECKING:
    from simulation.world import World


def truth(x: int) -> float:
    """The output of a candidate."""
    return (x * 7919 + 13) % 1000 / 1000


def troubled(x: int, parts: int) -> str:
    """The name of the part of a candidate with which something may be wrong."""
    return str(x % parts)


def order_of(task: Task) -> Order:
    """Returns what a task is to make: an attempt as a whole has no name."""
    (first, *rest) = task.args
    return first if isinstance(first, Order) else Order(first, rest[0], "", 0, (rest[1],))


@dataclass(eq=False, slots=True)
class Job:
    """A task at the engine; ``began`` is None while it waits for a worker."""

    task: Task
    future: Future[Evaluated]
    start: int = 0
    began: float | None = None
    seconds: float = 0.0
    lost: bool = False
    asked: bool = False

    @property
    def order(self) -> Order:
        """What is to be made: for which trial, in which attempt, of what."""
        return order_of(self.task)

    @property
    def trial(self) -> int:
        return self.order.trial

    @property
    def x(self) -> int:
        return number(self.order.args[-1])


class Engine:
    """Runs tasks by the clock of the world; tells it what it was asked to do."""

    def __init__(self, world: World) -> None:
        self.world, self.o, self.rng = world, world.o, world.rng
        self.kinds = self.o.kinds()
        self.starts = [0] * self.o.different
        self.orphans: list[Job] = []
        self.clock = 0.0
        self.open()

    def open(self) -> None:
        """A new driver: nothing of an earlier one runs, but what its workers still write may come."""
        self.jobs: dict[Future[Evaluated], Job] = {}
        self.waiting: list[Job] = []
        self.busy = 0
        self.closed = False
        for job in self.orphans:
            self.world.later(self.rng.expovariate(3.0), self._evaluate, job)
        self.orphans = []

    def abandon(self) -> None:
        """The driver is gone: a few of the results of its workers were or will be spooled all the same."""
        for job in self.jobs.values():
            if job.began is not None and self.kinds[job.x] in ("fine", "raises", "ghost", "moody"):
                if self.rng.random() < self.o.orphans:
                    self.orphans.append(job)
                elif self.rng.random() < 0.5:
                    self._evaluate(job)
        self.jobs = {}

    # the protocol

    def submit(self, task: Task) -> Future[Evaluated]:
        self.world.effect("submit", *task.args)
        if self.closed:
            raise EngineClosed("closed")
        job = Job(task, Future())
        self.world.watch.submitted(job.order)
        self.jobs[job.future] = job
        self.waiting.append(job)
        self._next()
        return job.future

    def room(self) -> int:
        room = self.o.workers - len(self.jobs)
        self.world.watch.room = room if self.rng.random() < 0.9 else room - 2  # others may have been quicker
        return self.world.watch.room

    def cancel(self, future: Future[Evaluated]) -> None:
        job = self.jobs.get(future)
        if self.world.dead or job is None:
            return
        self.world.effect("cancel", *job.order[:3])
        self.world.watch.wishes.discard(job.trial)
        job.asked = True
        if job.began is None:
            self._leave(job)
            future.cancel()
        elif (way := self.rng.choice(["killed", "lost", "flagged", "ignored"])) != "ignored":
            self.world.later(self.rng.uniform(0.0, job.task.grace), self._end, job, way)

    def close(self) -> None:
        """Somebody else closes it."""
        self.closed = True
        for future in list(self.jobs):
            self._leave(self.jobs[future])
            if self.rng.random() < 0.5:
                future.cancel()
            else:
                future.set_exception(EngineClosed("closed"))

    def runs(self, trial: int) -> bool:
        """Whether an attempt at a trial has not ended; of its parts, one that was not asked to stop."""
        return any(job.trial == trial and not (job.asked and job.order.name) for job in self.jobs.values())

    # what happens to a job

    def _next(self) -> None:
        """Starts what waits where a worker is free."""
        while self.waiting and self.busy < self.o.workers:
            self._begin(self.waiting.pop(0))

    def kind(self, job: Job) -> str:
        """What is wrong with what a job makes: with one of the parts of a candidate, and with that alone."""
        name = job.order.name
        return self.kinds[job.x] if not name or name == troubled(job.x, self.o.parts) else "fine"

    def _begin(self, job: Job) -> None:
        self.starts[job.x] += self.kind(job) == self.kinds[job.x]
        self.busy += 1
        job.start, job.began = self.starts[job.x], self.world.now
        job.seconds = min(self.rng.expovariate(1 / self.o.seconds), 8.0)
        deadline = job.task.deadline
        if deadline is not None and (self.kind(job) == "hangs" or job.seconds > deadline):
            way = self.rng.choice(["over", "over", "flagged"])
            self.world.later(deadline + self.rng.uniform(0.0, job.task.grace), self._end, job, way)
        else:
            self.world.later(job.seconds, self._end, job, self._way(job))

    def _way(self, job: Job) -> str:
        match self.kind(job):
            case "poison":
                return "lost"
            case "flaky":
                return "lost" if job.start == 1 else "returns"
            case "ghost":
                return "ghost" if job.start == 1 else "returns"
        return "returns"

    def _end(self, job: Job, way: str) -> None:
        future = job.future
        if self.jobs.get(future) is None:
            return
        if self.kind(job) == "poison":
            way = "lost"
        self._leave(job)
        job.seconds = self.world.now - (job.began or 0.0)
        match way:
            case "killed":
                future.cancel()
            case "over":
                future.set_exception(DeadlineExceeded("too long"))
            case "lost" | "ghost":
                job.lost = True
                future.set_exception(WorkerLost("SIGKILL"))
                if way == "ghost" and not self.o.parts:
                    self.world.later(self.rng.expovariate(1.0), self._haunt, job)
            case _:
                future.set_result(self._evaluate(job, flagged=way == "flagged"))
        self._next()

    def _leave(self, job: Job) -> None:
        del self.jobs[job.future]
        if job.began is None:
            self.waiting.remove(job)
        else:
            self.busy -= 1

    def _haunt(self, job: Job) -> None:
        """Delivers what a worker gave that was taken for dead."""
        trial, attempt = job.order[:2]
        self.world.inbox.items.append(Ended(trial, attempt, self._evaluate(job)))

    def _evaluate(self, job: Job, *, flagged: bool = False) -> Evaluated:
        """Calls the task as a worker does, its duration being what passes on the clock of ``evaluation``."""
        self.clock, self._job, self._flagged = job.began or 0.0, job, flagged
        with cancellable(lambda: flagged):
            report = job.task.fn(*job.task.args)
        self.world.tell("evaluated", *job.order[:3], report)
        if not job.lost and not self.o.parts:
            self.world.watch.evaluated(job.trial, job.task.args[2], report)
        return report

    def piece(self, inputs: Inputs) -> float:
        """A part of the simulator of the user."""
        return self.simulate(**inputs)

    def simulate(self, x: Any) -> float:
        """The simulator of the user."""
        job = self._job
        self.clock += job.seconds
        kind = self.kind(job)
        if kind == "raises" or (kind == "moody" and job.start == 1) or (self._flagged and self.rng.random() < 0.5):
            raise RuntimeError("boom")
        if kind == "rejected":
            raise Rejected("not admissible")
        return float("nan") if kind == "nan" else truth(number({"x": x}))

    # a clock of its own: the module ``time`` where evaluations are made

    def time(self) -> float:
        return self.clock

    perf_counter = monotonic = time
