"""How a task reaches a worker: as it is in a thread of this process, as a ticket to any other."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any, Protocol, final

import cohobate.worker.wire as wire
from cohobate.core.capture import Raised, Returned
from cohobate.engines.abroad.hub import Hub
from cohobate.engines.abroad.nursery import Nursery
from cohobate.engines.abroad.outpost import redeem
from cohobate.engines.abroad.ticket import Report, Ticket
from cohobate.engines.job import Job
from cohobate.engines.shipping import Cargo, Parcel, Shipper
from cohobate.worker.calls import perform

INLINE = 2048
"""Bytes up to which a function travels with each task, rather than being fetched once."""


class Way(Protocol):
    """Packs tasks, and reaches them once they are on their way."""

    def pack(self, job: Job, *, supervised: bool, given: tuple[int, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Returns the call to be made there, which takes the ``given`` values too; raises ``Unsendable``."""
        ...

    def stop(self, job: Job, *, supervised: bool) -> None:
        """Asks a task to stop, or not to start."""
        ...

    def over(self, job: Job) -> None:
        """A task has ended, or is not waited for any longer."""
        ...

    def close(self) -> None:
        """Ends what still runs, where that can be done."""
        ...


@final
class Here:
    """Threads of this process; ``begun(number)`` is called in them."""

    def __init__(self, begun: Callable[[int], object]) -> None:
        self._begun = begun
        self._packing = threading.Lock()
        self._shipper: Shipper | None = None
        self._nursery = Nursery(threads=1)

    def pack(self, job: Job, *, supervised: bool, given: tuple[int, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Nothing is packed, but for a process of its own."""
        if not supervised:
            return self._bare, (job,)
        with self._packing:
            self._shipper = self._shipper or Shipper()
            return self._nursed, (job, self._shipper.function(job.task.fn), self._shipper.arguments(job.task))

    def stop(self, job: Job, *, supervised: bool) -> None:
        """The flag, or the thread that looks after the process."""
        if supervised:
            self._nursery.nudge(job)
        else:
            job.flag(time.monotonic())

    def over(self, job: Job) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """A thread cannot be ended; processes are."""
        self._nursery.close()

    def _bare(self, job: Job) -> Returned | Raised | Report:
        if job.cancelling:
            return Report(wire.SKIPPED)
        self._begun(job.number)
        due = inf if job.task.deadline is None else job.began + job.task.deadline
        return perform(job.task.fn, job.task.args, job.task.kwargs, lambda: job.flagged or time.monotonic() >= due)

    def _nursed(self, job: Job, function: Parcel, cargo: Cargo) -> Report:
        return self._nursery.run(job, function, cargo, lambda: self._begun(job.number))


@final
class Abroad:
    """Outposts in other processes, reached through a hub; ``begun`` and ``gone`` are told the numbers of tasks."""

    def __init__(self, host: str, begun: Callable[[int], bool], gone: Callable[[int], None]) -> None:
        self._packing = threading.Lock()
        self._shipper = Shipper()
        self._hub = Hub(host, begun, gone)
        self._apart: dict[Job, tuple[int, ...]] = {}
        self._users: Counter[int] = Counter()

    def pack(self, job: Job, *, supervised: bool, given: tuple[int, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Returns the redeeming of a ticket; what is heavy stays here, to be fetched once by each outpost."""
        with self._packing:
            self._hub.refresh()
            function, cargo = self._shipper.function(job.task.fn), self._shipper.arguments(job.task)
            inline = len(function.data) <= INLINE
            heavy = cargo.constants if inline else (function, *cargo.constants)
            if heavy:
                self._offer(job, heavy)
        ticket = Ticket(
            self._hub.address,
            job.number,
            (function.number, function.digest, function.data if inline else b""),
            cargo.data,
            tuple((parcel.number, parcel.digest) for parcel in cargo.constants),
            job.task.deadline,
            job.task.grace,
            supervised,
            given,
            job.berth.threads,
            job.berth.devices,
        )
        return redeem, (tuple(ticket),)

    def stop(self, job: Job, *, supervised: bool) -> None:
        """Tells the outpost that has it, or all."""
        self._hub.stop(job.number)

    def over(self, job: Job) -> None:
        """Lets go of what only this task needed."""
        self._hub.forget(job.number)
        if job in self._apart:
            with self._packing:
                for number in self._apart.pop(job):
                    self._users[number] -= 1
                    if not self._users[number]:
                        del self._users[number]
                        self._hub.withdraw(number)

    def close(self) -> None:
        """Ends the lines, and so all that runs at outposts."""
        self._hub.close()

    def _offer(self, job: Job, parcels: tuple[Parcel, ...]) -> None:
        self._apart[job] = tuple(parcel.number for parcel in parcels)
        for parcel in parcels:
            self._users[parcel.number] += 1
            self._hub.offer(parcel.number, parcel.data)
