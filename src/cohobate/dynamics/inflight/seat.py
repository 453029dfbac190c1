"""The place of one system in a running batch: whose it is, and how far it may go."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from math import inf
from typing import Any, Final, final

import torch

from cohobate.core.task import Task
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field

SEAT: Final = "flight.seat"
MADE: Final = "flight.steps"
MOST: Final = "flight.most"
FIELDS: Final = {
    SEAT: Field("system", (), torch.int64, fill=-1),
    MADE: Field("system", (), torch.int64),
    MOST: Field("system", (), torch.int64, fill=-1),
}
"""They follow a system: its seat, the steps it has made in all stages, and how many it gets (-1: no such limit)."""


@final
@dataclass(frozen=True, slots=True)
class Guest:
    """What a task may return in place of a system: the system, and the most steps that it makes in all stages."""

    system: Any
    n_steps: int | None = None
    name: str = ""


@final
@dataclass(slots=True, eq=False)
class Seat:
    """A task, its future, and the system it returned: ``state`` while that waits, a row of the batch when it runs.

    ``number`` is its own in its engine, ``id`` is what random numbers follow from; ``own`` names the fields that it
    brought along, ``most`` is how many steps it gets. ``due`` is when (s, monotonic) it is to be over; ``passed``
    counts who went ahead of it, ``flown`` says that it has been in the batch.
    """

    number: int
    id: int
    task: Task
    future: Future[Any]
    name: str = ""
    state: Batch | None = None
    atoms: int = 0
    edges: float = 0.0
    own: tuple[str, ...] = ()
    most: int | None = None
    began: float = inf
    due: float = inf
    boarded: float = 0.0
    spent: float = 0.0
    passed: int = 0
    unwanted: bool = False
    flown: bool = False
    late: bool = False

    @property
    def who(self) -> str:
        """What to call the system in a message."""
        return f"system {self.name!r}" if self.name else f"system {self.task.key or self.id}"

    @property
    def latest(self) -> float:
        """When (s, monotonic) nobody waits for it any longer: its time and its grace are over."""
        deadline = self.task.deadline
        return inf if deadline is None else min(self.due, self.began + deadline) + self.task.grace

    def overdue(self, now: float) -> bool:
        """Whether its time is over; while its function runs, counted from the start of that."""
        deadline = self.task.deadline
        return now >= self.due or (deadline is not None and now - self.began >= deadline)

    def board(self, now: float) -> None:
        """Has what is left of its time run from now on; waiting for a place costs none."""
        deadline, self.began, self.flown = self.task.deadline, inf, True
        self.boarded = now
        self.due = inf if deadline is None else now + max(0.0, deadline - self.spent)

    def step_out(self, now: float) -> None:
        """Has it wait again."""
        self.spent += now - self.boarded
        self.due = inf
