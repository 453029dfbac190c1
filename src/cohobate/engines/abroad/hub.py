"""The driver's end of the lines to its outposts: who is there, what runs where, what is to stop."""

from __future__ import annotations

import os
import secrets
import selectors
import socket
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, final

import cohobate.worker.wire as wire
from cohobate.engines.abroad.line import PROOF, STARTED, STOP, UNKNOWN, WANTED, Line, sealed
from cohobate.engines.abroad.ticket import Address
from cohobate.engines.bell import Bell

PROVING: Final = 10.0
"""Seconds in which an outpost must have proved that it is ours."""
STRANGERS: Final = 128
"""Lines that have not proved it yet, at most: the oldest gives way, lest a crowd takes all our descriptors."""


@final
class Hub:
    """Listens to outposts in a thread of its own, until ``close``.

    ``started(number)`` is called there when a task that takes longer has begun, and says whether it is
    not over yet; ``gone(number)`` when an outpost went away with such a task.
    """

    def __init__(self, host: str, started: Callable[[int], bool], gone: Callable[[int], None]) -> None:
        self._started, self._gone = started, gone
        self._listener = socket.create_server((host, 0), backlog=1024)
        self._listener.setblocking(False)
        self.address = Address(host, self._listener.getsockname()[1], secrets.token_bytes(PROOF), os.getpid())
        self._parcels: dict[int, bytes] = {}
        self._unwanted: set[int] = set()
        self._lines: set[Line] = set()
        self._strangers: dict[Line, None] = {}  # those that have not proved it yet, the oldest first
        self._where: dict[int, Line] = {}
        self._orders: deque[Callable[[], None]] = deque()
        self._bell = Bell()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._admit)
        self._selector.register(self._bell.open(), selectors.EVENT_READ, self._bell.silence)
        self._closed = False
        self._path: list[str] = []
        os.register_at_fork(after_in_child=partial(_let_go, weakref.ref(self)))
        self._thread = threading.Thread(target=self._serve, name="cohobate-hub", daemon=True)
        self._thread.start()

    def stop(self, number: int) -> None:
        """Has a task stopped where it runs, and refused where it comes to later."""
        self._unwanted.add(number)
        self._order(partial(self._stop, number))

    def forget(self, number: int) -> None:
        """A task is over."""
        self._unwanted.discard(number)
        self._where.pop(number, None)

    def offer(self, number: int, data: bytes) -> None:
        """Keeps a parcel for outposts that ask for it."""
        self._parcels[number] = data

    def withdraw(self, number: int) -> None:
        """Nobody needs a parcel any more."""
        self._parcels.pop(number, None)

    def refresh(self) -> None:
        """Tells outposts where modules are, where that has changed: a notebook may append to ``sys.path``."""
        if self._path and self._path != _path():
            self._order(self._tell_all)

    def close(self) -> None:
        """Hangs up: what still runs for us is killed where it runs."""
        self._closed = True
        self._bell.ring()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def let_go(self) -> None:
        """Closes all sockets; first the one where others could still arrive."""
        self._listener.close()
        for line in self._lines:
            line.socket.close()

    # In the hub's thread.

    def _serve(self) -> None:
        while not self._closed:
            self._bell.rung = False
            while self._orders:
                self._orders.popleft()()
            self._bell.asleep = True
            happened = self._selector.select(0.0 if self._bell.rung or self._closed else self._patience())
            self._bell.asleep = False
            for key, _ in happened:
                key.data()
            self._turn_away()
        self.let_go()
        self._selector.close()
        self._bell.close()

    def _patience(self) -> float | None:
        return PROVING if self._strangers else None

    def _order(self, what: Callable[[], None]) -> None:
        self._orders.append(what)
        self._bell.ring()

    def _admit(self) -> None:
        with suppress(OSError):
            line = Line(self._listener.accept()[0])
            self._lines.add(line)
            self._strangers[line] = None
            self._selector.register(line.socket, selectors.EVENT_READ, partial(self._attend, line))

    def _turn_away(self) -> None:
        late = time.monotonic() - PROVING
        for line in list(self._strangers):
            if len(self._strangers) > STRANGERS or line.since < late:
                self._hang_up(line)

    def _attend(self, line: Line) -> None:
        if line not in self._lines:
            return
        self._flush(line)
        if not line.listen() or not (line.proved or self._prove(line)):
            self._hang_up(line)
        elif line.proved:
            for kind, number in line.notes():
                self._heed(line, kind, number)

    def _prove(self, line: Line) -> bool:
        stays = line.prove(self.address.key)
        if line.proved:
            del self._strangers[line]
            self._tell_settings(line)
            for number in list(self._unwanted):
                self._send(line, STOP, number)
        return stays

    def _heed(self, line: Line, kind: int, number: int) -> None:
        if kind == STARTED:
            self._where[number] = line
            if not self._started(number):
                self._where.pop(number, None)
        elif kind == WANTED:
            data = self._parcels.get(number)
            self._send(line, UNKNOWN if data is None else wire.PARCEL, number, data or b"")

    def _stop(self, number: int) -> None:
        where = self._where.get(number)
        for line in list(self._lines) if where is None else [where]:
            if line.proved:
                self._send(line, STOP, number)

    def _tell_all(self) -> None:
        for line in [line for line in self._lines if line.proved]:
            self._tell_settings(line)

    def _tell_settings(self, line: Line) -> None:
        self._path = _path()
        self._send(line, wire.SETTINGS, 0, sealed(self.address.key, self._path))

    def _send(self, line: Line, kind: int, number: int, payload: bytes = b"") -> None:
        line.outgoing.put(kind, number, payload)
        self._flush(line)

    def _flush(self, line: Line) -> None:
        """Sends what the line takes, and comes back when it takes more; its end is heard, not felt here."""
        if line not in self._lines:
            return
        with suppress(OSError):
            sent = line.outgoing.flush(line.socket.fileno())
            events = selectors.EVENT_READ if sent else selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.modify(line.socket, events, partial(self._attend, line))

    def _hang_up(self, line: Line) -> None:
        self._lines.discard(line)
        self._strangers.pop(line, None)
        self._selector.unregister(line.socket)
        line.socket.close()
        for number in [number for number, where in list(self._where.items()) if where is line]:
            self._gone(number)


def _let_go(hub: weakref.ref[Hub]) -> None:
    """In a fork: lest it keeps the lines open after our death."""
    inherited = hub()
    if inherited is not None:
        inherited.let_go()


def _path() -> list[str]:
    return [entry or os.getcwd() for entry in sys.path]
