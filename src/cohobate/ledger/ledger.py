"""The record of one campaign, in memory or in a run folder: appended to in order, read back in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, final

from cohobate.core.blob import Blobs
from cohobate.core.errors import LedgerError
from cohobate.core.events import Event, Returned
from cohobate.core.trial import Result
from cohobate.host.filesystem import is_network, make_folder
from cohobate.host.locks import FolderLock
from cohobate.ledger import database, opening
from cohobate.ledger.blobs import FolderBlobs
from cohobate.ledger.database import Durability, explain
from cohobate.ledger.reader import Reader
from cohobate.ledger.resume import Act, Hears, Step, Unfinished
from cohobate.ledger.sidecar import Sidecar
from cohobate.ledger.source import DatabaseSource, MemorySource, load_live, load_tally
from cohobate.ledger.standing import Standings
from cohobate.ledger.tally import Tally
from cohobate.ledger.writer import PATIENCE, Store, Writer


class Sink(Protocol):
    """Where events are appended."""

    @property
    def appended(self) -> int: ...

    @property
    def durable(self) -> int: ...

    @property
    def error(self) -> LedgerError | None: ...

    def append(self, events: Sequence[Event]) -> None: ...

    def flush(self, timeout: float | None = None) -> None: ...

    def close(self) -> None: ...


@final
class MemorySink:
    """Appends to the list of a ``MemorySource``."""

    __slots__ = ("_recorded", "append")

    error = None

    def __init__(self, source: MemorySource) -> None:
        self._recorded = source.recorded
        self.append: Callable[[Sequence[Event]], None] = source.recorded.extend

    @property
    def appended(self) -> int:
        return len(self._recorded)

    @property
    def durable(self) -> int:
        return len(self._recorded)

    def flush(self, timeout: float | None = None) -> None:
        """Returns at once."""

    def close(self) -> None:
        """Does nothing: there is nothing to let go of."""


@final
class Ledger:
    """What happened in a campaign, numbered from 1 in the order it happened.

    ``tally`` holds the counts of everything recorded before this opening; whoever appends folds on
    for itself. The reading methods see what is durable.
    """

    __slots__ = ("_reader", "_release", "_sink", "append", "epoch", "tally")

    def __init__(self, reader: Reader, sink: Sink, tally: Tally, release: Callable[[], None]) -> None:
        self._reader, self._sink, self._release = reader, sink, release
        self.tally = tally
        self.epoch = tally.epoch + 1
        self.append: Callable[[Sequence[Event]], None] = sink.append
        """Appends events in order without waiting; raises what the writer died of."""

    @property
    def appended(self) -> int:
        """How many events were appended: the number of the last one."""
        return self._sink.appended

    @property
    def durable(self) -> int:
        """How many events are durable: the number of the last one."""
        return self._sink.durable

    @property
    def error(self) -> LedgerError | None:
        """What the writer died of; what was not durable then is lost with this process."""
        return self._sink.error

    @property
    def reader(self) -> Reader:
        """The reading side."""
        return self._reader

    @property
    def blobs(self) -> Blobs:
        """Where large contents are kept."""
        return self._reader.blobs

    @property
    def folder(self) -> Path | None:
        """The run folder; ``None`` in memory."""
        return self._reader.folder

    def flush(self, timeout: float | None = None) -> None:
        """Waits until everything appended is durable; raises what the writer died of, or ``LedgerError`` too late."""
        self._sink.flush(timeout)

    def read(self, since: int = 0, *, fetched: bool = True) -> Iterator[tuple[int, Event]]:
        """Returns the events after number ``since``, with their numbers; see ``Reader.read``."""
        return self._reader.read(since, fetched=fetched)

    def declared(self) -> Mapping[str, Any] | None:
        """Returns what the campaign was last declared to be."""
        return self._reader.declared()

    def unfinished(self) -> list[Unfinished]:
        """Returns the trials without a final outcome, in the order they were proposed."""
        return self._reader.unfinished()

    def story(self, generator: str, *, hears: Hears | None = None) -> Iterator[Step]:
        """Returns what ``generator`` proposed and was told, in order, with the results."""
        return self._reader.story(generator, hears=hears)

    def script(self, generator: str, *, hears: Hears | None = None, run: int = 0) -> Iterator[Act]:
        """Returns what a body said and was answered, in order."""
        return self._reader.script(generator, hears=hears, run=run)

    def untold(self, generator: str, *, hears: Hears | None = None) -> list[Result]:
        """Returns the final results that ``generator`` was never told, in the order they became final."""
        return self._reader.untold(generator, hears=hears)

    def asks(self, generator: str) -> int:
        """Returns how many answers of a generator proposed something."""
        return self._reader.asks(generator)

    def returned(self) -> list[Returned]:
        """Returns the ends of bodies, in order."""
        return self._reader.returned()

    def close(self) -> None:
        """Makes everything durable and lets go of the folder; raises what kept something from being recorded."""
        try:
            self._sink.close()
        finally:
            self._release()
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def memory_ledger() -> Ledger:
    """Returns a ledger without a folder: nothing is encoded, and it is gone with this process.

    >>> from cohobate.core.events import Exhausted
    >>> ledger = memory_ledger()
    >>> ledger.append([Exhausted("main")])
    >>> ledger.durable, list(ledger.read())
    (1, [(1, Exhausted(generator='main', reason=''))])
    """
    source = MemorySource()
    return Ledger(Reader(source), MemorySink(source), Tally(), lambda: None)


def open_ledger(folder: str | Path, *, durability: Durability = "full", patience: float = PATIENCE) -> Ledger:
    """Opens the ledger of a run folder for appending, or makes one where the folder is missing or empty.

    ``full``: every commit is synced, and survives a power cut. ``normal``: the last few commits may
    be lost by a power cut (never by a crash of this process); for evaluations below a millisecond.
    A full disk is tried again for ``patience`` seconds. Raises ``AlreadyOpen``, ``Damaged``,
    ``Foreign``, ``DiskFull`` or another ``LedgerError``; the folder is then as it was.
    """
    folder = Path(folder)
    try:
        opening.is_new(folder)
        make_folder(folder)
        lock = FolderLock.acquire(folder)
    except OSError as error:
        raise explain(error, folder) from error
    try:
        return _open(folder, lock, durability, patience)
    except (OSError, *database.Spoiled) as error:
        lock.release()
        raise explain(error, folder / database.NAME) from error
    except BaseException:
        lock.release()
        raise


def _open(folder: Path, lock: FolderLock, durability: Durability, patience: float) -> Ledger:
    path, blobs = folder / database.NAME, FolderBlobs(folder / "blobs")
    if opening.is_new(folder):
        opening.create(folder)
    opening.check_file(path)
    store = _store(folder, blobs, durability)
    tally = Tally.restore(store.tally.snapshot())
    writer = Writer(store, patience=patience)
    return Ledger(Reader(DatabaseSource(path, blobs), folder), writer, tally, lock.release)


def _store(folder: Path, blobs: FolderBlobs, durability: Durability) -> Store:
    """Returns the checked store of a folder, with where its trials stand and its counts loaded."""
    shared = is_network(folder)
    synced = shared or durability == "full"
    sidecar = Sidecar.open(folder)
    try:
        connection = database.connect_writer(folder / database.NAME, synced=synced, shared=shared)
    except BaseException:
        sidecar.close()
        raise
    store = Store(connection, sidecar, blobs, synced=synced)
    try:
        store.count = opening.check_identity(connection, store.path, sidecar.claim)
        opening.check_tail(connection, store.path, store.count)
        store.standings = Standings(load_live(connection))
        store.tally = load_tally(connection)
    except BaseException:
        connection.close()
        sidecar.close()
        raise
    return store
