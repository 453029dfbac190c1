"""Where recorded events are read from: a list, or the database of a run folder."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, final

from cohobate.core.blob import Blobs
from cohobate.core.errors import Damaged
from cohobate.core.events import EVENTS, Event, Proposed
from cohobate.ledger.blobs import FolderBlobs, MemoryBlobs, fetch
from cohobate.ledger.database import Spoiled, connect_reader, explain, number, recorded
from cohobate.ledger.record import Row, decode
from cohobate.ledger.standing import COLUMNS, Standing, Standings, is_sound
from cohobate.ledger.tally import Tally
from cohobate.ledger.untag import Get

PAGE: Final = 2_000
"""Rows read in one transaction, so that a reader never holds up the writer for long."""
EVENT: Final = "seq, kind, trial, attempt, at, body, crc"
NAMES: Final = {event: kind for kind, event in EVENTS.items()}


class Source(Protocol):
    """What was recorded, numbered from 1 in the order it happened."""

    @property
    def blobs(self) -> Blobs: ...

    def count(self) -> int:
        """Returns how many events there are."""
        ...

    def events(
        self, since: int = 0, kinds: Sequence[type[Event]] = (), *, fetched: bool = True
    ) -> Iterator[tuple[int, Event]]:
        """Returns the events after number ``since`` up to the last one now, with their numbers.

        Of some kinds only where these are given. Unless ``fetched``, large contents may be left where
        they are, with ``Kept`` in their place.
        """
        ...

    def at(self, numbers: Iterable[int]) -> Iterator[Event]:
        """Returns the events of these numbers, in this order."""
        ...

    def declared(self) -> int | None:
        """Returns the number of the last ``Declared``."""
        ...

    def live(self) -> dict[int, Standing]:
        """Returns the trials that are not both final and told, by id."""
        ...

    def tally(self) -> Tally:
        """Returns the counts of everything recorded."""
        ...

    def asks(self, generator: str) -> int:
        """Returns how many answers of a generator proposed something."""
        ...


@final
class MemorySource:
    """Events in a list."""

    __slots__ = ("blobs", "recorded")

    def __init__(self) -> None:
        self.recorded: list[Event] = []
        self.blobs: Blobs = MemoryBlobs()

    def count(self) -> int:
        return len(self.recorded)

    def events(
        self, since: int = 0, kinds: Sequence[type[Event]] = (), *, fetched: bool = True
    ) -> Iterator[tuple[int, Event]]:
        for at in range(since, len(self.recorded)):
            event = self.recorded[at]
            if not kinds or type(event) in kinds:
                yield at + 1, event

    def at(self, numbers: Iterable[int]) -> Iterator[Event]:
        return (self.recorded[number - 1] for number in numbers)

    def declared(self) -> int | None:
        return max((seq for seq, _ in self.events(0, (EVENTS["declared"],))), default=None)

    def live(self) -> dict[int, Standing]:
        standings = Standings()
        for seq, event in self.events():
            standings.fold(seq, event)
        return standings.live

    def tally(self) -> Tally:
        tally = Tally()
        for _, event in self.events():
            tally.fold(event)
        return tally

    def asks(self, generator: str) -> int:
        proposed = (event for _, event in self.events(0, (EVENTS["proposed"],)) if isinstance(event, Proposed))
        return max((event.ask for event in proposed if event.generator == generator), default=0)


@final
class DatabaseSource:
    """The durable events of a run folder, each reading through a connection of its own."""

    __slots__ = ("_get", "blobs", "path")

    def __init__(self, path: Path, blobs: FolderBlobs) -> None:
        self.path = path
        self.blobs: Blobs = blobs
        self._get: Get = fetch(blobs)

    def count(self) -> int:
        with self.reading() as connection:
            return recorded(connection)

    def events(
        self, since: int = 0, kinds: Sequence[type[Event]] = (), *, fetched: bool = True
    ) -> Iterator[tuple[int, Event]]:
        get = self._get if fetched else None
        names = [NAMES[kind] for kind in kinds]
        wanted = f"AND kind IN ({','.join('?' * len(names))})" if names else ""
        query = f"SELECT {EVENT} FROM event WHERE seq > ? AND seq <= ? {wanted} ORDER BY seq LIMIT {PAGE}"
        with self.reading() as connection:
            end = recorded(connection)
            while rows := connection.execute(query, (since, end, *names)).fetchall():
                self._check(rows, since, end, names)
                for row in rows:
                    yield row[0], read_row(row, self.path, get)
                since = rows[-1][0]
            self._check((), since, end, names)

    def at(self, numbers: Iterable[int]) -> Iterator[Event]:
        query = f"SELECT {EVENT} FROM event WHERE seq = ?"
        with self.reading() as connection:
            for number in numbers:
                row = connection.execute(query, (number,)).fetchone()
                if row is None:
                    raise self._missing(number, recorded(connection))
                yield read_row(row, self.path, self._get)

    def declared(self) -> int | None:
        with self.reading() as connection:
            return number(connection, "declared")

    def live(self) -> dict[int, Standing]:
        with self.reading() as connection:
            return load_live(connection)

    def tally(self) -> Tally:
        with self.reading() as connection:
            return load_tally(connection)

    def asks(self, generator: str) -> int:
        with self.reading() as connection:
            query = "SELECT coalesce(max(ask), 0) FROM trial WHERE generator = ?"
            ((asks,),) = connection.execute(query, (generator,)).fetchall()
            return int(asks)

    def _check(self, rows: Sequence[Row], since: int, end: int, kinds: Sequence[str]) -> None:
        """Raises ``Damaged`` where rows of all kinds do not follow ``since`` one by one, or are too few."""
        expected = since + len(rows)
        if kinds or (rows[-1][0] == expected if rows else since >= end):
            return
        found = [row[0] for row in rows]
        raise self._missing(next((n for n, at in enumerate(found, since + 1) if n != at), expected + 1), end)

    def _missing(self, number: int, end: int) -> Damaged:
        return Damaged(f"{self.path} is damaged: event {number} of {end} is missing; restore the folder from a copy")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lends a read-only connection; what SQLite raises meanwhile becomes a ``LedgerError``."""
        try:
            connection = connect_reader(self.path)
        except Spoiled as error:
            raise explain(error, self.path) from error
        try:
            yield connection
        except Spoiled as error:
            raise explain(error, self.path) from error
        finally:
            connection.close()


def read_row(row: Row, path: Path, get: Get | None) -> Event:
    """Returns the event of a row of the table; raises ``Damaged`` saying which it is."""
    try:
        return decode(row, get)
    except Damaged as error:
        raise Damaged(f"{path} is damaged at event {row[0]} ({error}): restore the folder from a copy") from error


def load_live(connection: sqlite3.Connection) -> dict[int, Standing]:
    """Returns the trials that are not both final and told."""
    query = f"SELECT {', '.join(COLUMNS)} FROM trial WHERE finished IS NULL OR told IS NULL ORDER BY id"
    live = {row[0]: Standing(*row) for row in connection.execute(query)}
    for standing in live.values():
        if not is_sound(standing):
            raise Damaged(f"what is kept of trial {standing.id} is unreadable; restore the folder from a copy")
    return live


def load_tally(connection: sqlite3.Connection) -> Tally:
    """Returns the counts kept with the events."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'tally'").fetchone()
    try:
        return Tally() if row is None else Tally.restore(json.loads(row[0]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Damaged(
            f"the counts kept in the ledger are unreadable ({error}); restore the folder from a copy"
        ) from error
