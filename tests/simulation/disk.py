"""A simulated disk under the real writer: transactions that a crash lets through or not, and files in memory."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from cohobate.core.blob import Blobs
from cohobate.core.errors import CohobateError
from cohobate.core.events import Declared, Event
from cohobate.ledger import writer as writing
from cohobate.ledger.blobs import MemoryBlobs
from cohobate.ledger.database import explain
from cohobate.ledger.ledger import Ledger
from cohobate.ledger.reader import Reader
from cohobate.ledger.standing import Standing, Standings, values
from cohobate.ledger.tally import Tally
from cohobate.ledger.writer import Writer

DATABASE = PurePosixPath("campaign.db")
TOLD = 9  # the column of a standing


class Disk:
    """What survives: events, where each trial stands, the counts and the files. ``turn`` lets the writer work."""

    blobs: Blobs = MemoryBlobs()

    def __init__(self, effect: Callable[..., None]) -> None:
        self.effect = effect
        self.stored: list[Event] = []
        self.trials: dict[int, tuple[Any, ...]] = {}
        self.counts = Tally()
        self.commits: list[int] = []
        self.files: dict[str, bytes] = {}
        self.full = self.stalled = False
        self.writer: Writer

    # the writer

    def open(self, observed: Callable[[Writer], Any]) -> Ledger:
        """Returns a ledger on this disk, its writer seen through ``observed``."""
        self.commits = [len(self.stored)]
        self.writer = Writer(Store(self), patience=0.0)
        return Ledger(Reader(self, Place(self)), observed(self.writer), self.counts.copy(), lambda: None)

    def turn(self) -> bool:
        """Lets the thread of the writer do what waits; returns whether there was something it could do."""
        writer = self.writer
        if not writer._waiting or writer.error or self.stalled:
            return False
        try:
            batch = writer._next()
            for at in range(0, len(batch), writing.MOST):
                writer._write(batch[at : at + writing.MOST])
        except (CohobateError, sqlite3.Error, OSError) as error:
            writer._die(explain(error, DATABASE))
        return True

    def lose(self, commits: int) -> None:
        """Takes the last few commits of this session away, as a power cut does where they are not synced."""
        self.stored = self.stored[: self.commits[-1 - min(commits, len(self.commits) - 1)]]
        standings, self.counts, self.trials = Standings(), Tally(), {}
        for seq, event in enumerate(self.stored, 1):
            standings.fold(seq, event)
            self.counts.fold(event)
        self.trials = {standing.id: values(standing) for standing in standings.take()}

    # reading: the protocol ``Source``

    def count(self) -> int:
        return len(self.stored)

    def events(
        self, since: int = 0, kinds: Sequence[type[Event]] = (), *, fetched: bool = True
    ) -> Iterator[tuple[int, Event]]:
        for seq, event in enumerate(self.stored[since:], since + 1):
            if not kinds or type(event) in kinds:
                yield seq, event

    def at(self, numbers: Iterable[int]) -> Iterator[Event]:
        return (self.stored[n - 1] for n in numbers)

    def declared(self) -> int | None:
        return max((seq for seq, _ in self.events(0, (Declared,))), default=None)

    def live(self) -> dict[int, Standing]:
        return {row[0]: Standing(*row) for row in self.trials.values() if row[TOLD] is None or row[TOLD - 1] is None}

    def tally(self) -> Tally:
        return self.counts.copy()

    # files

    def write(self, path: Place, data: bytes, *, sync: bool = False) -> None:
        """Stands for ``write_atomic``."""
        if self.full:
            raise OSError(errno.ENOSPC, "no space left on device")
        self.files[path.key] = data


class Store:
    """What the writer writes to: the next transaction is on the disk as a whole or not at all."""

    path = DATABASE

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.count = len(disk.stored)
        self.standings = Standings(disk.live())

    def encode(self, events: Sequence[Event]) -> list[tuple[int, Event]]:
        return list(enumerate(events, self.count + 1))

    def fold(self, events: Sequence[Event]) -> dict[str, object]:
        for seq, event in enumerate(events, self.count + 1):
            self.standings.fold(seq, event)
        return {}

    def commit(self, rows: Sequence[tuple[int, Event]], trials: Sequence[Standing], facts: dict[str, object]) -> None:
        disk = self.disk
        if disk.full:
            raise OSError(errno.ENOSPC, "no space left on device")
        disk.effect("commit", rows[0][0], rows[-1][0])
        assert rows[0][0] == len(disk.stored) + 1, "a transaction is missing"
        for _, event in rows:
            disk.stored.append(event)
            disk.counts.fold(event)
        disk.trials.update((trial.id, values(trial)) for trial in trials)
        disk.commits.append(len(disk.stored))
        disk.effect("committed", rows[0][0], rows[-1][0])

    def passed(self, count: int) -> None:
        self.count = count

    def close(self) -> None:
        """Nothing is open."""


class Place:
    """A folder or file of a run folder in memory, as far as the spool looks at it."""

    def __init__(self, disk: Disk, *parts: str) -> None:
        self.disk, self.parts, self.key, self.name = disk, parts, "/".join(parts), parts[-1] if parts else "run"

    def __truediv__(self, name: str) -> Place:
        return Place(self.disk, *self.parts, name)

    def __lt__(self, other: Place) -> bool:
        return self.key < other.key

    @property
    def parent(self) -> Place:
        return Place(self.disk, *self.parts[:-1])

    def glob(self, pattern: str) -> list[Place]:
        keys = (key for key in sorted(self.disk.files) if key.startswith(self.key + "/"))
        return [self / name for key in keys if fnmatch(name := key.removeprefix(self.key + "/"), pattern)]

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Folders are there."""

    def is_file(self) -> bool:
        return self.key in self.disk.files

    def read_bytes(self) -> bytes:
        return self.disk.files[self.key]

    def unlink(self, *, missing_ok: bool = False) -> None:
        self.disk.effect("removed", self.key)
        if self.disk.files.pop(self.key, None) is None and not missing_ok:
            raise FileNotFoundError(self.key)
