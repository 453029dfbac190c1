"""A backend whose tasks start once what they need is free, and hold it until they are really over."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import final

from cohobate.core.capture import Returned
from cohobate.core.errors import EngineError
from cohobate.core.needs import CORES, stated, wrong_needs
from cohobate.core.payload import Payload
from cohobate.core.task import Task
from cohobate.engines.packing import Grant, Id, Packing
from cohobate.engines.workplace import Backend, Follows
from cohobate.worker.dependents import FUTURES, Kinds
from cohobate.worker.settling import drop, fail, settle

Run = Callable[[Task, Future[Payload], Grant], None]
Refuse = Callable[[Mapping[str, float]], str | None]


@dataclass(slots=True, eq=False)
class Entry:
    """A task that is counted, and the future by which the backend knows it once it has started.

    The future of its owner may be cancelled at any time; the other one ends when the task is over.
    """

    task: Task
    future: Future[Payload]
    inner: Future[Payload] | None = None
    cancelling: bool = False


@final
class Packed:
    """Holds tasks until they fit, then hands them on with what they were given.

    ``at_once`` is False where nothing was declared: then tasks go straight through, uncounted, until
    the first that says what it needs. ``also`` says what else stands against needs.
    """

    def __init__(
        self,
        backend: Backend,
        has: Mapping[str, float | Sequence[Id]],
        *,
        run: Run | None = None,
        at_once: bool = True,
        also: Refuse | None = None,
    ) -> None:
        self._backend, self._also = backend, also
        self._run = run or _plainly(backend)
        self._packing = Packing(has)
        self._counting = at_once
        self._entries: dict[Future[Payload], Entry] = {}
        self._ready: deque[tuple[Entry, Grant]] = deque()
        self._lock = threading.Lock()
        self._launching = threading.Lock()
        self._retiring = self._stopped = False

    @property
    def workers(self) -> int:
        """How many tasks run at once, at most."""
        return self._backend.workers

    @property
    def kills(self) -> bool:
        """Whether running work can be killed."""
        return self._backend.kills

    @property
    def kinds(self) -> Kinds:
        """What the backend takes for a future."""
        return self._backend.kinds if isinstance(self._backend, Follows) else FUTURES

    def follow(
        self, task: Task, future: Future[Payload], parents: set[Future[Payload]], hold: Callable[[], None]
    ) -> bool:
        """Never: what waits for its arguments is not to hold anything meanwhile."""
        return False

    def run(self, task: Task, future: Future[Payload]) -> None:
        """Takes a task; one that was uncounted until somebody began to count is adopted."""
        if not self._counting and not task.needs:
            self._backend.run(task, future)
            if self._counting:
                self._adopt([future])
            return
        if not self._counting:
            self._adopt(self._backend.pending())
        entry = Entry(task, future)
        with self._lock:
            self._entries[future] = entry
            self._packing.ask(entry, task.needs)
        self._go_on()

    def room(self) -> int:
        """How many cores are free beyond what waits."""
        return self._packing.room() if self._counting else self._backend.room()

    def has(self) -> dict[str, float]:
        """All there is."""
        return self._packing.has()

    def free(self) -> dict[str, float]:
        """What is free beyond what waits."""
        if not self._counting:
            return {CORES: max(0, self.workers - len(self._backend.pending()))}
        with self._lock:
            return self._packing.free()

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """Why such needs can never be met here, in one line; ``None`` where they can."""
        return wrong_needs(needs, self.has()) or (self._also(needs) if self._also else None)

    def cancel(self, future: Future[Payload]) -> bool:
        """Takes a task out that waits; one that was handed on is the backend's to stop."""
        with self._lock:
            entry = self._entries.get(future)
            waits = entry is not None and self._packing.drop(entry)
            if waits:
                del self._entries[future]
        if entry is None:
            return self._backend.cancel(future)
        entry.cancelling = True
        if waits:
            drop(future)
            self._go_on()
        elif entry.inner is not None:
            self._backend.cancel(entry.inner)
        return True

    def pending(self) -> list[Future[Payload]]:
        """All that was taken and has not ended."""
        with self._lock:
            entries = dict(self._entries)
        inner = {entry.inner for entry in entries.values()}
        return [*entries, *(future for future in self._backend.pending() if future not in inner)]

    def retire(self) -> None:
        """The backend retires once nothing waits."""
        self._retiring = True
        self._retire_if_done()

    def stop(self) -> None:
        """Cancels what waits, and stops the backend."""
        with self._lock:
            self._stopped = True
            waiting = [entry for entry in self._entries.values() if self._packing.drop(entry)]
            for entry in waiting:
                del self._entries[entry.future]
        for entry in waiting:
            drop(entry.future)
        self._backend.stop()

    def describe(self) -> str:
        """One line for people."""
        shared = {name: much for name, much in self.has().items() if name != CORES}
        return self._backend.describe() + (f"; its tasks share {stated(shared)}" if shared else "")

    def __repr__(self) -> str:
        return repr(self._backend)

    def _adopt(self, futures: Sequence[Future[Payload]]) -> None:
        """Counts tasks that the backend has already, a core for each, as if they had come just now."""
        with self._lock:
            news = [future for future in futures if not self._packing.knows(future)]
            for future in news:
                self._packing.ask(future, {})
            self._start()
            self._counting = True
        for future in news:
            future.add_done_callback(self._left)

    def _left(self, future: Future[Payload]) -> None:
        with self._lock:
            if not self._packing.drop(future):
                self._packing.give_back(future)
        self._go_on()

    def _start(self) -> None:
        self._ready.extend((key, grant) for key, grant in self._packing.start() if isinstance(key, Entry))

    def _go_on(self) -> None:
        """Hands on what fits now. What ends at once in doing so leaves the next ones to this same loop."""
        with self._lock:
            self._start()
        while self._ready and self._launching.acquire(blocking=False):
            try:
                while self._ready:
                    self._launch(*self._ready.popleft())
            finally:
                self._launching.release()

    def _launch(self, entry: Entry, grant: Grant) -> None:
        inner = entry.inner = Future()
        inner.add_done_callback(partial(self._ended, entry))
        if entry.cancelling or self._stopped:
            drop(inner)
            return
        try:
            self._run(entry.task, inner, grant)
        except EngineError as error:
            fail(inner, error)
        if entry.cancelling:  # by somebody who may have found it nowhere
            self._backend.cancel(inner)

    def _ended(self, entry: Entry, inner: Future[Payload]) -> None:
        with self._lock:
            self._packing.give_back(entry)
            del self._entries[entry.future]
        _pass_on(inner, entry.future)
        self._go_on()
        self._retire_if_done()

    def _retire_if_done(self) -> None:
        if self._retiring and not self._entries:
            self._backend.retire()


def _plainly(backend: Backend) -> Run:
    return lambda task, future, _grant: backend.run(task, future)


def _pass_on(inner: Future[Payload], future: Future[Payload]) -> None:
    if inner.cancelled():
        drop(future)
    elif isinstance(error := inner.exception(), Exception):
        fail(future, error)
    else:
        settle(future, Returned(inner.result()))
