"""The table as a file for other programs: CSV or JSON lines.

CSV: numbers by their shortest exact form, nothing for ``None``, lists, arrays and mappings as JSON.
Text that a spreadsheet would take for a formula (it starts with ``=``, ``+``, ``-``, ``@``, a tab or
a carriage return) gets an apostrophe in front, as spreadsheets write it themselves; numbers never do.

JSON lines: one object for each trial, text as it is; NaN and the infinities become the strings
``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, complex numbers ``[real, imag]``. In both, bytes are
base64, and a blob is its sha256 with its suffix, which is its name under ``blobs/``.
"""

from __future__ import annotations

import csv
import json
import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from cohobate.core.blob import Blob
from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload, Plain
from cohobate.host.filesystem import write_atomic
from cohobate.ledger.untag import Kept
from cohobate.ledger.views import Readable, follow

Table = Sequence[Mapping[str, Any]]
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def export(ledger: Readable, path: str | Path) -> int:
    """Writes the table to a ``.csv`` or ``.jsonl`` file and returns how many rows it has.

    The file appears only once it is complete. Raises ``UserError`` for another suffix or a path
    that cannot be written.
    """
    path = Path(path)
    write = FORMATS.get(path.suffix.lower())
    if write is None:
        hint = did_you_mean(path.suffix, FORMATS)
        raise UserError(f"export {path}: expected a file ending in {' or '.join(FORMATS)}{hint}")
    views = follow(ledger)
    rows = views.table()
    text = write(rows, views.rows.naming().columns)
    try:
        write_atomic(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UserError(f"export {path}: cannot be written: {error.strerror}") from error
    return len(rows)


def to_csv(rows: Table, columns: Iterable[str]) -> str:
    """Returns a table as CSV with a header."""
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    names = list(columns)
    writer.writerow([_guarded(name) for name in names])
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return out.getvalue()


def to_jsonl(rows: Table, columns: Iterable[str]) -> str:
    """Returns a table as JSON lines."""
    names = list(columns)
    return "".join(json.dumps({name: plain(row[name]) for name in names}, allow_nan=False) + "\n" for row in rows)


def plain(value: Payload) -> Plain:
    """Returns a cell as JSON data that any reader understands."""
    match value:
        case np.generic() | np.ndarray():
            return plain(value.tolist())
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case float() | complex():
            return _number(value)
        case None | bool() | str() | int():
            return value
    return _content(value)


def _number(value: float | complex) -> Plain:
    match value:
        case complex():
            return [_number(value.real), _number(value.imag)]
        case _ if math.isfinite(value):
            return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _content(value: Payload) -> str:
    match value:
        case bytes():
            return b64encode(value).decode()
        case Blob():
            return value.sha256 + value.suffix
        case Kept():
            return value.sha256 + (value.what if value.what.startswith(".") else "")
    return str(value)


def _cell(value: Payload) -> str:
    match value:
        case None:
            return ""
        case str():
            return _guarded(value)
        case float() | int():
            return repr(value)
    spelled = plain(value)
    return _guarded(spelled) if isinstance(spelled, str) else json.dumps(spelled, allow_nan=False)


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


FORMATS: Final[Mapping[str, Callable[[Table, Iterable[str]], str]]] = {".csv": to_csv, ".jsonl": to_jsonl}
