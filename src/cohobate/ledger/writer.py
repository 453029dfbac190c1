"""The one writer of a run folder: a thread that makes durable whatever is waiting, as one transaction."""

from __future__ import annotations

import errno
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final, TypeVar, final

from cohobate.core.blob import Blobs
from cohobate.core.errors import CohobateError, LedgerError
from cohobate.core.events import Declared, Event
from cohobate.ledger.database import NAME, explain, recorded
from cohobate.ledger.record import Row, encode
from cohobate.ledger.sidecar import Sidecar
from cohobate.ledger.standing import Standing, Standings, values
from cohobate.ledger.tally import Tally

MOST: Final = 5_000
"""Events of one transaction at most."""
PATIENCE: Final = 10.0
"""Seconds for which a full disk is tried again."""
PAUSE: Final = 0.025
"""Seconds from one transaction to the next, where nobody waits for it: so that they are few, whatever the pace."""
ROWS: Final = 100
"""Rows of one statement: each statement is one hand-over of the interpreter lock and back."""
_RETRIED: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY)
T = TypeVar("T")


@final
class Store:
    """The read-write connection, the count beside it, and what is derived from the events."""

    def __init__(self, connection: sqlite3.Connection, sidecar: Sidecar, blobs: Blobs, *, synced: bool) -> None:
        self.connection, self.sidecar, self.blobs, self._synced = connection, sidecar, blobs, synced
        self.path = sidecar.path.with_name(NAME)
        self.standings = Standings()
        self.tally = Tally()
        self.count = 0

    def encode(self, events: Sequence[Event]) -> list[Row]:
        """Returns the rows of the next events; their large contents are blobs by then."""
        return encode(events, self.count, self.blobs.put)

    def fold(self, events: Sequence[Event]) -> dict[str, object]:
        """Takes the events in, and returns the facts to be kept beside them."""
        facts: dict[str, object] = {"events": self.count + len(events)}
        for seq, event in enumerate(events, self.count + 1):
            self.standings.fold(seq, event)
            self.tally.fold(event)
            if type(event) is Declared:
                facts["declared"] = seq
        return {**facts, "tally": json.dumps(self.tally.snapshot())}

    def commit(self, rows: Sequence[Row], trials: Sequence[Standing], facts: dict[str, object]) -> None:
        """Makes everything durable, or nothing; harmless when it was durable already."""
        connection = self.connection
        if recorded(connection) >= rows[-1][0]:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            _insert(connection, "INSERT INTO event", rows)
            _insert(connection, "INSERT OR REPLACE INTO trial", [values(trial) for trial in trials])
            connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.rollback()
            raise

    def passed(self, count: int) -> None:
        """Notes that ``count`` events are recorded, beside the database too where each commit is synced."""
        self.count = count
        if self._synced:
            self.sidecar.advance(count)

    def close(self) -> None:
        """Folds the log into the database, makes the count durable and lets go of both."""
        try:
            with suppress(sqlite3.Error):
                ((busy, _, _),) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                if not busy:
                    self.sidecar.advance(self.count)
            self.connection.close()
        finally:
            self.sidecar.close()


@final
class Writer:
    """Feeds a store from a queue. What it dies of is in ``error``; nothing later is written then."""

    def __init__(self, store: Store, *, patience: float = PATIENCE) -> None:
        self._store, self._patience = store, patience
        self._changed = threading.Condition()
        self._waiting: list[Event] = []
        self._closing = False
        self._idle = False
        self._wanted = 0
        self.appended = self.durable = store.count
        self.error: LedgerError | None = None
        self._thread = threading.Thread(target=self._run, name="cohobate-ledger", daemon=True)
        self._thread.start()

    def append(self, events: Sequence[Event]) -> None:
        """Queues events; raises what the writer died of, or ``LedgerError`` where it is closed."""
        with self._changed:
            if self.error is not None:
                raise self.error
            if self._closing:
                raise LedgerError("the ledger is closed: nothing can be appended to it any more")
            self._waiting.extend(events)
            self.appended += len(events)
            if self._idle:
                self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> None:
        """Waits until everything appended so far is durable; raises what the writer died of."""
        with self._changed:
            goal = self._wanted = self.appended
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.durable >= goal or self.error is not None, timeout)
            if self.durable >= goal:
                return
            raise self.error or LedgerError(f"{goal - self.durable} events are not durable after {timeout} s")

    def close(self) -> None:
        """Writes what is waiting, closes the store and ends the thread; harmless when called twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._drain()
        except (CohobateError, sqlite3.Error, OSError) as error:
            self._die(explain(error, self._store.path))
        except BaseException as error:
            self._die(LedgerError(f"the writer of the ledger failed: {type(error).__name__}: {error}"))
            raise

    def _drain(self) -> None:
        try:
            while waiting := self._next():
                for at in range(0, len(waiting), MOST):
                    self._write(waiting[at : at + MOST])
                self._rest()
        finally:
            self._store.close()

    def _next(self) -> list[Event]:
        """Returns what is waiting, once there is something; nothing when the ledger is being closed."""
        with self._changed:
            self._idle = True
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._idle = False
            batch, self._waiting = self._waiting, []
            return batch

    def _rest(self) -> None:
        """Lets events come together before the next transaction, unless somebody waits for it."""
        with self._changed:
            self._changed.wait_for(self._is_pressed, PAUSE)

    def _is_pressed(self) -> bool:
        return self._closing or self._wanted > self.durable or len(self._waiting) >= MOST

    def _write(self, batch: list[Event]) -> None:
        store = self._store
        rows = self._patiently(lambda: store.encode(batch))
        facts = store.fold(batch)
        trials = store.standings.take()
        self._patiently(lambda: store.commit(rows, trials, facts))
        store.passed(rows[-1][0])
        with self._changed:
            self.durable = store.count
            self._changed.notify_all()

    def _patiently(self, step: Callable[[], T]) -> T:
        """Returns ``step()``, tried again for a while where the disk is full or busy."""
        end, pause = time.monotonic() + self._patience, 0.02
        while True:
            try:
                return step()
            except (sqlite3.Error, OSError) as error:
                if not _passing(error) or time.monotonic() + pause > end:
                    raise
            with self._changed:
                self._changed.wait(pause)
            pause = min(2 * pause, 1.0)

    def _die(self, error: LedgerError) -> None:
        with self._changed:
            self.error = error
            self._changed.notify_all()


def _passing(error: sqlite3.Error | OSError) -> bool:
    """Whether an error may pass by itself: a full disk, a lock."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _RETRIED


def _insert(connection: sqlite3.Connection, into: str, rows: Sequence[tuple[object, ...]]) -> None:
    for at in range(0, len(rows), ROWS):
        some = rows[at : at + ROWS]
        row = f"({','.join('?' * len(some[0]))})"
        connection.execute(f"{into} VALUES {','.join([row] * len(some))}", tuple(chain.from_iterable(some)))
