"""Writes the trials to a file, in the format that its name asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.pool import Pool
from cohobate.host.filesystem import write_atomic
from cohobate.ledger.export.extxyz import to_extxyz
from cohobate.ledger.export.parquet import to_parquet
from cohobate.ledger.export.sdf import to_sdf
from cohobate.ledger.export.text import to_csv, to_jsonl
from cohobate.ledger.export.whole import Stored
from cohobate.ledger.views import Follow, follow

Written = tuple[bytes, int]
"""The content of a file, and how many trials are in it."""
Write = Callable[[Follow, Stored], Written]


def export(ledger: Stored, path: str | Path, *, pool: Pool | None = None) -> int:
    """Writes the trials to a file of one of ``FORMATS`` and returns how many are in it.

    ``.csv``, ``.jsonl`` and ``.parquet`` hold the table of all trials, ``.extxyz`` those with a
    geometry, ``.sdf`` those with a SMILES or a geometry; with a ``pool``, its labels too. The file
    appears only once it is complete.
    Raises ``UserError`` for another suffix, a path that cannot be written and a campaign with nothing
    for that format; ``MissingExtra`` without the library that it needs.
    """
    path = Path(path)
    write = FORMATS.get(path.suffix.lower())
    if write is None:
        hint = did_you_mean(path.suffix, FORMATS)
        *others, last = FORMATS
        raise UserError(f"export {path}: expected a file ending in {', '.join(others)} or {last}{hint}")
    views = follow(ledger)
    views.rows.pool = pool
    content, trials = write(views, ledger)
    try:
        write_atomic(path, content)
    except OSError as error:
        raise UserError(f"export {path}: cannot be written: {error.strerror}") from error
    return trials


def _csv(views: Follow, _: Stored) -> Written:
    return _encoded(to_csv(rows := views.table(), views.rows.naming().columns)), len(rows)


def _jsonl(views: Follow, _: Stored) -> Written:
    return _encoded(to_jsonl(rows := views.table(), views.rows.naming().columns)), len(rows)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


FORMATS: Final[Mapping[str, Write]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": to_parquet,
    ".extxyz": to_extxyz,
    ".sdf": to_sdf,
}
