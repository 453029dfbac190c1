"""A whole copy of a run folder, taken while the campaign goes on."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from cohobate.core.errors import LedgerError
from cohobate.host.filesystem import fsync_dir, read_regular, write_atomic
from cohobate.ledger import database, sidecar
from cohobate.ledger.blobs import LARGEST
from cohobate.ledger.reader import open_reader

MANIFEST: Final = "manifest.json"


def snapshot(folder: str | Path, target: str | Path) -> Path:
    """Copies the ledger, blobs and manifest of ``folder`` to ``target``, which opens like any run folder.

    ``target`` must be missing or empty, and appears only once it is complete. Raises ``LedgerError``.
    """
    folder, target = Path(folder), Path(target)
    open_reader(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise LedgerError(f"{target} is not empty: a snapshot needs a new folder")
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        draft.mkdir(parents=True)
        _copy(folder, draft)
        draft.replace(target)
        fsync_dir(target.parent)
    except (OSError, *database.Spoiled) as error:
        raise database.explain(error, target) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _copy(folder: Path, draft: Path) -> None:
    """Copies the database before the blobs: a blob is durable before the row that names it."""
    path = draft / database.NAME
    with closing(database.connect_reader(folder / database.NAME)) as here, closing(sqlite3.connect(path)) as there:
        here.backup(there)
        store = bytes.fromhex(here.execute("SELECT value FROM meta WHERE name = 'store'").fetchone()[0])
        events = database.recorded(there)
    for leftover in ("-wal", "-shm"):
        path.with_name(path.name + leftover).unlink(missing_ok=True)
    sidecar.create(draft, store, events)
    for blob in _blobs(folder):
        copied = draft / blob.relative_to(folder)
        copied.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(copied, read_regular(blob, LARGEST), sync=True)
    if (folder / MANIFEST).is_file():
        write_atomic(draft / MANIFEST, read_regular(folder / MANIFEST, LARGEST), sync=True)


def _blobs(folder: Path) -> Iterator[Path]:
    return (path for path in sorted((folder / "blobs").glob("??/*")) if not path.name.endswith(".tmp"))
