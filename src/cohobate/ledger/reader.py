"""Reads what is durable of a campaign, live or stopped, without ever writing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

from cohobate.core.blob import Blobs
from cohobate.core.errors import LedgerError
from cohobate.core.events import Event, Returned
from cohobate.core.trial import Result
from cohobate.ledger import database, opening, resume, sidecar
from cohobate.ledger.blobs import FolderBlobs
from cohobate.ledger.resume import Act, Hears, Step, Unfinished
from cohobate.ledger.source import DatabaseSource, Source
from cohobate.ledger.tally import Tally


@final
class Reader:
    """The reading side of a ledger; methods may be called from any thread."""

    __slots__ = ("folder", "source")

    def __init__(self, source: Source, folder: Path | None = None) -> None:
        self.source, self.folder = source, folder

    @property
    def blobs(self) -> Blobs:
        """Where large contents are kept."""
        return self.source.blobs

    @property
    def tally(self) -> Tally:
        """The counts of everything recorded, as a new object each time."""
        return self.source.tally()

    def count(self) -> int:
        """Returns how many events are recorded."""
        return self.source.count()

    def read(self, since: int = 0, *, fetched: bool = True) -> Iterator[tuple[int, Event]]:
        """Returns the events after number ``since`` (they count from 1), with their numbers.

        Unless ``fetched``, large contents may be left where they are, with ``Kept`` in their place.
        """
        return self.source.events(since, fetched=fetched)

    def declared(self) -> Mapping[str, Any] | None:
        """Returns what the campaign was last declared to be."""
        return resume.declared(self.source)

    def unfinished(self) -> list[Unfinished]:
        """Returns the trials without a final outcome, in the order they were proposed."""
        return resume.unfinished(self.source)

    def story(self, generator: str, *, hears: Hears | None = None) -> Iterator[Step]:
        """Returns what ``generator`` proposed and was told, in order, with the results."""
        return resume.story(self.source, generator, hears=hears)

    def script(self, generator: str, *, hears: Hears | None = None, run: int = 0) -> Iterator[Act]:
        """Returns what a body said and was answered, in order."""
        return resume.script(self.source, generator, hears=hears, run=run)

    def untold(self, generator: str, *, hears: Hears | None = None) -> list[Result]:
        """Returns the final results that ``generator`` was never told, in the order they became final."""
        return resume.untold(self.source, generator, hears=hears)

    def asks(self, generator: str) -> int:
        """Returns how many answers of a generator proposed something."""
        return self.source.asks(generator)

    def returned(self) -> list[Returned]:
        """Returns the ends of bodies, in order."""
        return [event for _, event in self.source.events(0, (Returned,)) if isinstance(event, Returned)]

    def close(self) -> None:
        """Does nothing: each reading opens and closes a connection of its own."""

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_reader(folder: str | Path) -> Reader:
    """Opens the ledger of a run folder for reading: only what is durable, of a live campaign or a stopped one.

    Raises ``LedgerError`` where there is none, ``Foreign`` or ``Damaged``.
    """
    folder = Path(folder)
    path = folder / database.NAME
    if not path.is_file():
        raise LedgerError(f"{folder} holds no {database.NAME}: name the folder of a run")
    opening.check_files(path)
    claim = sidecar.read(folder)
    source = DatabaseSource(path, FolderBlobs(folder / "blobs"))
    with source.reading() as connection:
        opening.check_identity(connection, path, claim)
    return Reader(source, folder)
