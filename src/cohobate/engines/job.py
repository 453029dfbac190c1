"""A task in an engine: its future, and when to ask it to stop."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from math import inf

from cohobate.core.errors import DeadlineExceeded
from cohobate.core.payload import Payload
from cohobate.core.task import Task
from cohobate.engines.berth import ANYWHERE, Berth
from cohobate.worker.calls import name_of
from cohobate.worker.settling import drop, fail


@dataclass(slots=True, eq=False)
class Job:
    """A task, its future, and how far it is; times are those of ``time.monotonic`` (s).

    ``began`` is infinite before the call starts, ``stop_at`` until it is asked to stop. ``number``
    names it to the worker it is at, ``moves`` counts workers that died before they came to it, and
    ``berth`` says what kind of worker it must have.
    """

    task: Task
    future: Future[Payload]
    began: float = inf
    flagged: bool = False
    cancelling: bool = False
    stop_at: float = inf
    number: int = 0
    moves: int = 0
    berth: Berth = ANYWHERE

    def alarm(self) -> float:
        """When something must be done about it next: be asked to stop, or be stopped."""
        if self.flagged:
            return self.stop_at
        return inf if self.task.deadline is None else self.began + self.task.deadline

    def flag(self, now: float) -> None:
        """Asks it to stop; what does not do so within its grace is stopped."""
        if not self.flagged:
            self.flagged = True
            self.stop_at = now + self.task.grace

    def give_up(self, fate: str) -> None:
        """Ends the future of a call that did not stop when asked; ``fate`` says what became of the call."""
        if self.cancelling:
            drop(self.future)
        else:
            deadline, grace = self.task.deadline, self.task.grace
            message = f"{name_of(self.task.fn)} ran longer than its deadline of {deadline:g} s + {grace:g} s of grace"
            fail(self.future, DeadlineExceeded(f"{message}: {fate}"))
