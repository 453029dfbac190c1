"""The SQLite file of a ledger: its tables, its identity, and how it is connected to."""

from __future__ import annotations

import errno
import os
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from cohobate.core.errors import Damaged, DiskFull, Foreign, LedgerError
from cohobate.host.filesystem import free_bytes
from cohobate.ledger import sidecar

NAME: Final = "campaign.db"
APPLICATION: Final = 0x636F686F
"""``coho``: the application_id of our files."""
VERSION: Final = 1
"""The user_version: of the tables and of the bodies of events."""
BUSY: Final = 5.0
"""Seconds to wait for a lock of another process."""
Durability = Literal["full", "normal"]
Spoiled: Final = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; it quotes a damaged schema in messages that may then not be UTF-8."""

PARTS: Final = frozenset({"meta", "event", "one_final", "trial", "result"})
SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE event (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, trial INTEGER, attempt INTEGER, at REAL,
    body TEXT NOT NULL, crc INTEGER NOT NULL
);
CREATE UNIQUE INDEX one_final ON event (trial) WHERE kind = 'finished';
CREATE TABLE trial (
    id INTEGER PRIMARY KEY, generator TEXT NOT NULL, ask INTEGER NOT NULL, proposed INTEGER NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, failed TEXT, cancel INTEGER NOT NULL, finished INTEGER, told INTEGER
);
CREATE VIEW result AS
    SELECT trial.id, trial.generator, trial.ask, trial.state, trial.attempts, trial.cancel,
        (SELECT json_extract(item.value, '$[1]') FROM json_each(proposed.body, '$.trials') AS item
            WHERE json_extract(item.value, '$[0]') = trial.id) AS inputs,
        json_extract(final.body, '$.outcome.value') AS outputs,
        json_extract(final.body, '$.outcome.failure.message') AS message,
        json_extract(final.body, '$.seconds') AS seconds,
        final.at AS at
    FROM trial
        JOIN event AS proposed ON proposed.seq = trial.proposed
        LEFT JOIN event AS final ON final.seq = trial.finished;
"""


def create(path: Path, store: bytes) -> None:
    """Makes the database of a new store, in one durable transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(
            f"PRAGMA synchronous = FULL; BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION}; {SCHEMA}"
            f"INSERT INTO meta VALUES ('store', '{store.hex()}'), ('made by', '{made_by()}'), ('events', 0);"
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )
    finally:
        connection.close()


def made_by() -> str:
    """Returns the name and version of this package."""
    try:
        return f"cohobate {version('cohobate')}"
    except PackageNotFoundError:
        return "cohobate (not installed)"


def connect_writer(path: Path, *, synced: bool, shared: bool) -> sqlite3.Connection:
    """Returns the one read-write connection; it may be handed to another thread.

    ``synced``: a commit is durable when it returns. ``shared``: the file may be seen by other hosts,
    with which a write-ahead log, which lives in shared memory, cannot work.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA journal_mode = {'DELETE' if shared else 'WAL'}")
        connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: through the drive's cache
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Returns a read-only connection; the file is taken as unchanging only in a read-only folder without a log."""
    unchanging = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
    mode = "mode=ro&immutable=1" if unchanging else "mode=ro"
    return sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?{mode}",
        uri=True,
        isolation_level=None,
        timeout=BUSY,
        check_same_thread=False,
    )


def identify(connection: sqlite3.Connection, path: Path) -> None:
    """Raises ``Foreign`` unless this is the database of a ledger of a version that we know."""
    ((application,),) = connection.execute("PRAGMA application_id").fetchall()
    ((found,),) = connection.execute("PRAGMA user_version").fetchall()
    if application == found == 0 and path.with_name(sidecar.NAME).exists():
        raise Damaged(f"{path} is empty or was cut short: restore the run folder from a copy")
    if application != APPLICATION:
        raise Foreign(f"{path} is not a cohobate ledger (application_id {application:#x}); name another run folder")
    if found != VERSION:
        raise Foreign(
            f"{path} has format {found} ({_maker(connection)}), and {made_by()} reads format {VERSION}: "
            f"open it with the version that wrote it, or a newer one"
        )
    missing = PARTS - {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if missing:
        raise Damaged(f"{path} is damaged ({', '.join(sorted(missing))} is missing): restore it from a copy")


def recorded(connection: sqlite3.Connection) -> int:
    """Returns how many events are in the database."""
    found = number(connection, "events")
    if found is None:
        raise Damaged("the count of events in the ledger is missing: restore the run folder from a copy")
    return found


def number(connection: sqlite3.Connection, name: str) -> int | None:
    """Returns a number kept beside the events, ``None`` where there is none; raises ``Damaged`` for anything else."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if row is not None and type(row[0]) is not int:
        raise Damaged(f"{name!r} in the ledger is {row[0]!r:.60}, and no number: restore the run folder from a copy")
    return None if row is None else row[0]


def ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """Returns how many events there should be, and the number of the last one, of one moment."""
    query = "SELECT value, (SELECT coalesce(max(seq), 0) FROM event) FROM meta WHERE name = 'events'"
    row = connection.execute(query).fetchone()
    if row is None or type(row[0]) is not int:
        raise Damaged("the count of events in the ledger is unreadable: restore the run folder from a copy")
    return row[0], int(row[1])


def explain(error: Exception, path: Path) -> LedgerError:
    """Returns what an error of SQLite or of the system means for the ledger at ``path``."""
    match error:
        case LedgerError():
            return error
        case sqlite3.Error():
            return _explain_sqlite(error, path)
        case UnicodeDecodeError():
            return Damaged(f"{path} is damaged (its schema is unreadable): restore the run folder from a copy")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return _full(path)
        case OSError():
            return LedgerError(f"{path} cannot be opened or written: {error.strerror}")
    return LedgerError(f"{path}: {type(error).__name__}: {error}")


def _explain_sqlite(error: sqlite3.Error, path: Path) -> LedgerError:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return _full(path)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Damaged(f"{path} is damaged ({error}): restore the run folder from a copy or a snapshot")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            return LedgerError(f"{path} cannot be opened or written ({error}): check that the folder is writable")
        case sqlite3.SQLITE_BUSY:
            return LedgerError(f"{path} is locked by another program: close whatever else has it open")
    if str(error).startswith("Could not decode"):
        return Damaged(f"{path} is damaged ({error}): restore the run folder from a copy or a snapshot")
    return LedgerError(f"{path}: {type(error).__name__}: {error}")


def _full(path: Path) -> DiskFull:
    return DiskFull(
        f"{path} cannot grow, {free_bytes(path):,} bytes are free there: free some space (or raise the quota), "
        f"then run the same command again; everything recorded so far is safe"
    )


def _maker(connection: sqlite3.Connection) -> str:
    try:
        row = connection.execute("SELECT value FROM meta WHERE name = 'made by'").fetchone()
    except sqlite3.Error:
        row = None
    return f"written by {row[0]}" if row else "written by an unknown version"
