"""Is every bit of a run folder as it was written? Reads all of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from cohobate.core.errors import CohobateError, Damaged
from cohobate.ledger import database
from cohobate.ledger.blobs import FolderBlobs
from cohobate.ledger.reader import Reader, open_reader
from cohobate.ledger.standing import COLUMNS, Standings, values
from cohobate.ledger.tally import Tally


def verify(folder: str | Path) -> list[str]:
    """Returns what is wrong with the ledger in ``folder``, a line each; nothing where it is whole.

    Reads every page, every event with its check sum, every blob, and folds the events again to
    compare with the derived tables. A live campaign may be looked at, too.
    """
    folder = Path(folder)
    try:
        reader = open_reader(folder)
        return [*_pages(folder / database.NAME), *_events(reader, folder / database.NAME), *_blobs(folder)]
    except CohobateError as error:
        return [str(error)]
    except sqlite3.Error as error:
        return [str(database.explain(error, folder / database.NAME))]


def _pages(path: Path) -> Iterator[str]:
    with closing(database.connect_reader(path)) as connection:
        for (line,) in connection.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield f"{path}: {line}"


def _events(reader: Reader, path: Path) -> Iterator[str]:
    """Folds in one read transaction what the derived tables should hold, and compares."""
    standings, tally = Standings(), Tally()
    expected: dict[int, tuple[object, ...]] = {}
    with closing(database.connect_reader(path)) as connection:
        connection.execute("BEGIN")
        count = database.recorded(connection)
        last = 0
        for seq, event in reader.read():
            if seq > count:
                break
            if seq != last + 1:
                yield f"{path}: events {last + 1} to {seq - 1} are missing"
            last = seq
            standings.fold(seq, event)
            tally.fold(event)
            expected.update((standing.id, values(standing)) for standing in standings.take())
        found = {row[0]: row for row in connection.execute(f"SELECT {', '.join(COLUMNS)} FROM trial")}
        kept = connection.execute("SELECT value FROM meta WHERE name = 'tally'").fetchone()
    if last != count:
        yield f"{path}: {count} events expected, {last} found"
    for trial in sorted(id for id in expected.keys() | found.keys() if expected.get(id) != found.get(id)):
        yield f"{path}: trial {trial} stands at {found.get(trial)}, its events say {expected.get(trial)}"
    if kept is not None and json.dumps(tally.snapshot()) != kept[0]:
        yield f"{path}: the counts kept differ from those of the events"


def _blobs(folder: Path) -> Iterator[str]:
    blobs = FolderBlobs(folder / "blobs")
    for path in sorted(blobs.folder.glob("??/*")):
        try:
            if not path.name.endswith(".tmp"):
                blobs.get(path.name)
        except Damaged as error:
            yield str(error)
