"""Is every bit of a run folder as it was written? Reads all of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from cohobate.core.capture import Returned, capture
from cohobate.core.errors import CohobateError, Damaged
from cohobate.core.events import Event
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
    lines: list[str] = []
    folder = Path(folder)
    path = folder / database.NAME
    try:
        reader = open_reader(folder)
        for part in (_pages(path), _events(reader, path), _blobs(folder)):
            lines.extend(part)
    except (CohobateError, *database.Spoiled) as error:
        lines.append(str(database.explain(error, path)))
    return lines


def _pages(path: Path) -> Iterator[str]:
    with closing(database.connect_reader(path)) as connection:
        for (line,) in connection.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield f"{path}: {line}"


def _events(reader: Reader, path: Path) -> Iterator[str]:
    """Folds the events that one read transaction sees, and compares with the derived tables."""
    with closing(database.connect_reader(path)) as connection:
        connection.execute("BEGIN")
        count = database.recorded(connection)
        found = {row[0]: row for row in connection.execute(f"SELECT {', '.join(COLUMNS)} FROM trial")}
        kept = connection.execute("SELECT value FROM meta WHERE name = 'tally'").fetchone()
    expected, tally = _folded(itertools.takewhile(lambda numbered: numbered[0] <= count, reader.read()), count)
    for trial in sorted(id for id in expected.keys() | found.keys() if expected.get(id) != found.get(id)):
        yield f"{path}: trial {trial} stands at {found.get(trial)}, its events say {expected.get(trial)}"
    if kept is not None and json.dumps(tally.snapshot()) != _completed(kept[0]):
        yield f"{path}: the counts kept differ from those of the events"


def _completed(kept: str) -> str:
    """Returns kept counts with those that an earlier version did not have; what is none as it is."""
    match capture(lambda: Tally.restore(json.loads(kept)).snapshot()):
        case Returned(snapshot):
            return json.dumps(snapshot)
    return kept


def _folded(events: Iterable[tuple[int, Event]], count: int) -> tuple[dict[int, tuple[object, ...]], Tally]:
    """Returns the rows that the trials should have, and the counts; raises ``Damaged`` where an event is missing."""
    standings, tally = Standings(), Tally()
    rows: dict[int, tuple[object, ...]] = {}
    last = 0
    for seq, event in events:
        if seq != last + 1:
            break
        last = seq
        try:
            standings.fold(seq, event)
            tally.fold(event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Damaged(f"event {seq} contradicts what was recorded before it: {error}") from error
        rows.update((standing.id, values(standing)) for standing in standings.take())
    if last != count:
        raise Damaged(f"event {last + 1} of {count} is missing: restore the run folder from a copy")
    return rows, tally


def _blobs(folder: Path) -> Iterator[str]:
    blobs = FolderBlobs(folder / "blobs")
    for path in sorted(blobs.folder.glob("??/*")):
        try:
            if not path.name.endswith(".tmp"):
                blobs.get(path.name)
        except Damaged as error:
            yield str(error)
