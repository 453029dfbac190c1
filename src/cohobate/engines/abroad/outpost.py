"""What we are inside somebody else's worker: there a ticket is redeemed, in a process of its own where asked."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache, partial
from math import inf
from typing import Final, final

import cohobate.engines.abroad.line as line
import cohobate.worker.wire as wire
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import Unsendable, WorkerLost
from cohobate.core.payload import Payload
from cohobate.core.task import Task
from cohobate.engines.abroad.larder import Larder
from cohobate.engines.abroad.nursery import Nursery
from cohobate.engines.abroad.ticket import BARREN, LOST, Address, Report, Ticket
from cohobate.engines.abroad.ward import LONG
from cohobate.engines.berth import Berth
from cohobate.engines.job import Job
from cohobate.engines.shipping import Cargo, Parcel
from cohobate.worker.calls import perform, unpack
from cohobate.worker.reporting import report
from cohobate.worker.wire import Message, receive

Loaded = tuple[Callable[..., Payload], tuple[Payload, ...], dict[str, Payload]]
"""A function and its arguments."""
CONNECTING: Final = 20.0
"""Seconds in which the driver must be reached."""
ORPHANED: Final = 1.0
"""Seconds after the end of the line in which the death of a driver that is our parent shows."""


def redeem(fields: tuple[Payload, ...], *given: Payload) -> Report:
    """Does what a ticket asks, here and now, and returns what became of it. Never raises for what the task does.

    ``given`` are reports of other tickets, or values, which the carrier has brought along.
    """
    ticket = Ticket(*fields)
    if any(isinstance(value, Report) and value.kind != wire.VALUE for value in given):
        return Report(BARREN)
    try:
        return _outposts(os.getpid()).of(ticket.hub).redeem(ticket, given)
    except OSError as error:
        host, port = ticket.hub[:2]
        where = f"{socket.gethostname()} cannot reach the driver at {host}:{port}"
        text = f"was not started: {where}: {error}; give the engine an address that workers reach"
        return Report(LOST, text.encode())


def redeem_all(tickets: Sequence[tuple[Payload, ...]]) -> list[Report]:
    """Redeems tickets one after the other; after ``LONG`` (s) it leaves the rest, which may go elsewhere."""
    reports: list[Report] = []
    stop = time.monotonic() + LONG
    for fields in tickets:
        reports.append(redeem(fields))
        if time.monotonic() > stop:
            break
    return reports


@cache
def _outposts(pid: int) -> Outposts:
    """One for each process: what a fork inherited belongs to its parent."""
    return Outposts()


@final
class Outposts:
    """What this process is to each of the drivers it works for."""

    def __init__(self) -> None:
        self._known: dict[Address, Outpost] = {}
        self._lock = threading.Lock()

    def of(self, hub: Address) -> Outpost:
        """Returns the outpost of a driver, with a line that stands; raises ``OSError`` where there is none."""
        with self._lock:
            self._known = {each: outpost for each, outpost in self._known.items() if not outpost.over}
            if hub not in self._known:
                self._known[hub] = Outpost(hub)
            return self._known[hub]


@final
class Outpost:
    """The line to a driver, what was fetched over it, and the processes that tasks run in.

    When the line ends, so does everything here: nobody works for a driver that is gone.
    """

    def __init__(self, hub: Address) -> None:
        self._hub = hub
        self._socket = _connect(hub)
        self._sending = threading.Lock()
        self._larder = Larder(partial(self._note, line.WANTED))
        self._nursery = Nursery(threads=1)
        self._jobs: dict[int, Job] = {}
        self._refused: set[int] = set()
        self._welcome = threading.Event()
        self.over = False
        self._parent = os.getppid()
        threading.Thread(target=self._listen, name="cohobate-outpost", daemon=True).start()
        if not self._welcome.wait(CONNECTING) or self.over:
            raise ConnectionRefusedError("it hung up")

    def redeem(self, ticket: Ticket, given: Sequence[Payload]) -> Report:
        """See ``redeem`` above."""
        task = Task(redeem, deadline=ticket.deadline, grace=ticket.grace)
        berth = Berth(ticket.threads, (), ticket.devices)
        job = self._jobs[ticket.number] = Job(task, Future(), number=ticket.number, berth=berth)
        began = time.monotonic()
        try:
            if self.over or job.cancelling or ticket.number in self._refused:
                return Report(wire.SKIPPED)
            parcels = tuple(map(_parcel, ticket.given, given))
            made = self._supervised(ticket, job, parcels) if ticket.supervised else self._bare(ticket, job, parcels)
            return made._replace(seconds=time.monotonic() - max(began, job.began if job.began < inf else began))
        finally:
            self._jobs.pop(ticket.number, None)
            self._refused.discard(ticket.number)

    def _supervised(self, ticket: Ticket, job: Job, parcels: tuple[Parcel, ...]) -> Report:
        """The call in a process of its own, which can be killed."""
        try:
            number, digest, inline = ticket.function
            function = Parcel(number, digest, inline or self._larder.get(number, digest))
            parcels += tuple(Parcel(n, d, self._larder.get(n, d)) for n, d in ticket.apart)
        except WorkerLost as error:
            return Report(LOST, str(error).encode())
        return self._nursery.run(
            job, function, Cargo(ticket.data, parcels), partial(self._note, line.STARTED, job.number)
        )

    def _bare(self, ticket: Ticket, job: Job, parcels: tuple[Parcel, ...]) -> Report:
        """The call in this very thread."""
        if ticket.deadline is not None:
            self._note(line.STARTED, job.number)
        due = inf if ticket.deadline is None else time.monotonic() + ticket.deadline
        loaded = capture(self._load, ticket, parcels)
        match loaded:
            case Returned((fn, args, kwargs)):
                outcome = perform(fn, args, kwargs, lambda: job.cancelling or time.monotonic() >= due)
            case Raised(_, message, trace):
                text = f"a worker cannot load what it was sent: {message}"
                outcome = Raised(Unsendable(text), text, trace)
        good, data = report(outcome)
        return Report(wire.VALUE if good else wire.RAISED, data)

    def _load(self, ticket: Ticket, parcels: tuple[Parcel, ...]) -> Loaded:
        fn = self._larder.function(*ticket.function)
        if ticket.apart or parcels:
            apart = {number: self._larder.get(number, digest) for number, digest in ticket.apart}
            return fn, *unpack(ticket.data, apart | {parcel.number: parcel.data for parcel in parcels})
        args, kwargs = pickle.loads(ticket.data)
        return fn, args, kwargs

    # The line.

    def _note(self, kind: int, number: int) -> None:
        with self._sending:
            self._socket.sendall(line.NOTE.pack(kind, number))

    def _listen(self) -> None:
        capture(self._heed_all)  # a line that breaks has ended, too
        self.over = True
        self._larder.close()
        for job in list(self._jobs.values()):
            job.cancelling = True
        self._nursery.close()
        self._socket.close()
        self._welcome.set()
        _end_without(self._hub.driver, self._parent)

    def _heed_all(self) -> None:
        for message in receive(self._socket.fileno()):
            self._heed(message)

    def _heed(self, message: Message) -> None:
        match message.kind:
            case wire.SETTINGS:
                known = set(sys.path)
                path = line.unsealed(self._hub.key, bytes(message.payload))
                sys.path.extend(entry for entry in path if entry not in known)
                self._welcome.set()
            case wire.PARCEL:
                self._larder.put(message.number, bytes(message.payload))
            case line.UNKNOWN:
                self._larder.put(message.number, None)
            case line.STOP:
                self._stop(message.number)

    def _stop(self, number: int) -> None:
        self._refused.add(number)
        job = self._jobs.get(number)
        if job is not None:
            self._note(line.STARTED, number)  # it is here: whoever asked may wait for its end
            job.cancelling = True
            self._nursery.nudge(job)


def _parcel(number: int, value: Payload) -> Parcel:
    """Returns a value that was brought along as what a process is sent."""
    if isinstance(value, Report):
        return Parcel(number, b"", value.payload)
    good, data = report(Returned(value))
    if not good:
        raise TypeError("a value that the task is given cannot be sent to its process")
    return Parcel(number, b"", data)


def _end_without(driver: int, parent: int) -> None:
    """Ends a worker process whose pool belonged to a driver that has died: nobody else would."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    owner = parent_process()
    if owner is not None and owner.pid == driver:
        # Not every kind of pool has something to wait at, and in a fork our siblings may keep it open.
        known = [] if owner.sentinel is None else [owner.sentinel]
        if wait(known, ORPHANED) or os.getppid() != parent:
            os._exit(1)


def _connect(hub: Address) -> socket.socket:
    """Returns the line to a driver, on which the right answer was given."""
    connected = socket.create_connection((hub.host, hub.port), CONNECTING)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.sendall(line.proof(hub.key, connected.recv(line.PROOF, socket.MSG_WAITALL)))
    connected.settimeout(None)
    return connected
