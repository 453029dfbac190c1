"""Is this a run folder, and is what lies in it whole? Asked before anything is written."""

from __future__ import annotations

import os
import sqlite3
import uuid
from pathlib import Path
from typing import Final

from cohobate.core.errors import Damaged, Foreign
from cohobate.host.filesystem import fsync_dir
from cohobate.host.locks import NAME as LOCK
from cohobate.ledger import database, sidecar
from cohobate.ledger.sidecar import Claim
from cohobate.ledger.source import EVENT, read_row

TAIL: Final = 1_000
"""Events at the end whose check sums are looked at when a ledger is opened."""
LOGS: Final = (database.NAME + "-wal", database.NAME + "-journal")
OWN: Final = frozenset({LOCK, sidecar.NAME, database.NAME, database.NAME + "-shm", *LOGS})
_MAGIC: Final = b"SQLite format 3\x00"


def is_new(folder: Path) -> bool:
    """Whether ``folder`` is missing, empty, or was left before its first event.

    Raises ``Foreign`` where it holds something else, and ``Damaged`` where a part of a ledger is missing.
    """
    if not folder.exists():
        return True
    if not folder.is_dir():
        raise Foreign(f"{folder} is a file, not a run folder; name another run folder")
    names = {path.name for path in folder.iterdir()}
    if database.NAME in names:
        sidecar.read(folder)
        return False
    events = sidecar.read(folder).events if sidecar.NAME in names else 0
    if events or _filled(folder, *LOGS):
        raise Damaged(f"{folder / database.NAME} is missing ({events} events were recorded): restore it from a copy")
    _refuse_others(folder, names)
    return True


def create(folder: Path) -> None:
    """Makes an empty ledger: first the count, so that no crash leaves a database without one."""
    store = uuid.uuid4().bytes
    draft = folder / f".{database.NAME}.tmp"
    for leftover in (draft, draft.with_name(draft.name + "-journal")):
        leftover.unlink(missing_ok=True)
    sidecar.create(folder, store)
    database.create(draft, store)
    draft.replace(folder / database.NAME)
    fsync_dir(folder)


def check_file(path: Path) -> None:
    """Raises ``Damaged`` or ``Foreign`` for what can be told from the first 100 bytes and the size.

    To be called only while no connection of this process is open: closing the file would drop its locks.
    """
    check_files(path)
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        raise Damaged(f"{path} is empty: restore the run folder from a copy")
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise Damaged(f"{path} is not an SQLite file (or was cut short): restore the run folder from a copy")
    application = int.from_bytes(header[68:72], "big")
    if application != database.APPLICATION:
        raise Foreign(f"{path} is not a cohobate ledger (application_id {application:#x}); name another run folder")
    _check_size(path, header)


def check_files(path: Path) -> None:
    """Raises ``Damaged`` where something else lies in the place of a file; SQLite would wait for a pipe for ever."""
    for name in (database.NAME, database.NAME + "-shm", *LOGS):
        beside = path.with_name(name)
        if os.path.lexists(beside) and not beside.is_file():
            raise Damaged(f"{beside} is no file: restore the run folder from a copy")


def _check_size(path: Path, header: bytes) -> None:
    page = int.from_bytes(header[16:18], "big") or 65_536
    expected = int.from_bytes(header[28:32], "big") * (65_536 if page == 1 else page)
    if path.stat().st_size < expected and not _filled(path.parent, *LOGS):
        raise Damaged(f"{path} was cut short ({path.stat().st_size:,} of {expected:,} bytes): restore it from a copy")


def check_identity(connection: sqlite3.Connection, path: Path, claim: Claim) -> int:
    """Returns how many events there are; raises ``Foreign`` or ``Damaged`` where it is not the ledger of ``claim``."""
    database.identify(connection, path)
    if connection.execute("SELECT value FROM meta WHERE name = 'store'").fetchone() != (claim.store.hex(),):
        raise Damaged(f"{path} and {sidecar.NAME} beside it are of different ledgers: restore both from one copy")
    found, last = database.ends(connection)
    if found < claim.events:
        raise Damaged(
            f"{path} is a stale or torn copy: it has {found} events, and {claim.events} were recorded; copy the whole "
            f"folder while nothing runs, or use a snapshot"
        )
    if found != last:
        raise Damaged(
            f"{path} is damaged or a torn copy ({found} events expected, {last} found): restore it from a copy"
        )
    return found


def check_tail(connection: sqlite3.Connection, path: Path, count: int) -> None:
    """Raises ``Damaged`` where the last events are not as they were written."""
    tail = connection.execute(f"SELECT {EVENT} FROM event WHERE seq > ?", (count - TAIL,)).fetchall()
    for row in tail:
        read_row(row, path, None)
    if len(tail) != min(TAIL, count):
        raise Damaged(f"{path} is damaged (events are missing near the end): restore the run folder from a copy")


def _filled(folder: Path, *names: str) -> bool:
    """Whether one of these files has content."""
    return any((folder / name).is_file() and (folder / name).stat().st_size for name in names)


def _refuse_others(folder: Path, names: set[str]) -> None:
    others = sorted(name for name in names if name not in OWN and not name.startswith("."))
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise Foreign(
            f"{folder} is not a run folder: it holds {', '.join(others[:3])}{more}, and no {database.NAME}; "
            f"name another run folder"
        )
