"""The program of a worker process: ``python -m cohobate.worker TASKS RESULTS PAGE`` (three descriptors).

It calls what it is sent, one task after the other, in its main thread, and never imports the main
module of its driver. It ends when the pipe of tasks does.
"""

from __future__ import annotations

import faulthandler
import io
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import final

import cohobate.worker.wire as wire
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import Unsendable
from cohobate.core.payload import Payload
from cohobate.worker.calls import perform, unpack
from cohobate.worker.kept import put_off, shelf
from cohobate.worker.page import Page
from cohobate.worker.reporting import report
from cohobate.worker.wire import Message, Outgoing, receive

LOADING = 60.0
"""Seconds that a function may take to load, its imports included, before its deadline counts."""


def main() -> None:
    """Serves until the driver is gone or has nothing more."""
    tasks, results, page = map(int, sys.argv[1:4])
    for descriptor in (tasks, results, page):
        os.set_inheritable(descriptor, False)
    settle_in()
    bench = Bench(results, Page(page))
    os.close(page)
    try:
        for message in receive(tasks):
            bench.take(message)
    except BrokenPipeError:
        os._exit(0)  # nobody wants to know any more


def settle_in() -> None:
    """Lets the last words be heard: a crash prints a traceback, a line is not kept back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.argv = [""]


def apply(settings: dict[str, Payload]) -> None:
    """Makes modules importable as they are in the driver."""
    sys.path[:] = settings["path"]
    for name, value in settings["environment"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@final
class Bench:
    """Where tasks are done: the functions at hand, and the way back to the driver."""

    def __init__(self, results: int, page: Page) -> None:
        self._results = results
        self._page = page
        self._process = os.getpid()
        self._outgoing = Outgoing()
        self._parcels: dict[int, bytearray] = {}
        self._functions: dict[int, Callable[..., Payload]] = {}
        put_off.set(page.put_off)

    def take(self, message: Message) -> None:
        """Does what a message asks."""
        match message.kind:
            case wire.TASK | wire.LADEN:
                self._work(message)
            case wire.PARCEL:
                self._parcels[message.number] = message.payload
            case wire.FORGET:
                self._parcels.pop(message.number, None)
                self._functions.pop(message.number, None)
            case wire.SETTINGS:
                apply(pickle.loads(message.payload))
                self._send(wire.READY)

    def _work(self, message: Message) -> None:
        number = message.number
        if not self._page.begin(number):
            self._send(wire.SKIPPED, number)
            return
        began = time.monotonic_ns()
        outcome = self._outcome(message)
        if os.getpid() != self._process:
            os._exit(0)  # the function forked and came back twice: the parent reports
        elapsed = time.monotonic_ns() - began
        self._page.keep(shelf().count())
        good, data = report(outcome)
        self._send(wire.VALUE if good else wire.RAISED, number, data, elapsed)
        self._page.finish()

    def _outcome(self, message: Message) -> Returned | Raised:
        loaded = capture(self._load, message)
        match loaded:
            case Returned((fn, args, kwargs)):
                return perform(fn, args, kwargs, partial(self._page.flagged, message.number))
            case Raised():
                error = Unsendable(f"a worker cannot load what it was sent: {loaded.message}")
                return Raised(error, str(error), loaded.traceback)
        return loaded

    def _load(self, message: Message) -> tuple[Callable[..., Payload], tuple[Payload, ...], dict[str, Payload]]:
        fn = self._functions.get(message.extra)
        if fn is None:
            self._page.put_off(LOADING)
            fn = self._functions[message.extra] = pickle.loads(self._parcels[message.extra])
            del self._parcels[message.extra]
            self._page.put_off(0)
        if message.kind == wire.LADEN:
            return fn, *unpack(message.payload, self._parcels)
        args, kwargs = pickle.loads(message.payload)
        return fn, args, kwargs

    def _send(self, kind: int, number: int = 0, payload: bytes = b"", extra: int = 0) -> None:
        self._outgoing.put(kind, number, payload, extra=extra)
        self._outgoing.flush(self._results)


if __name__ == "__main__":
    main()
