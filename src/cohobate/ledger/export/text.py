"""The table as CSV or JSON lines.

CSV: numbers by their shortest exact form, nothing for ``None``, lists, arrays and mappings as JSON.
Text that a spreadsheet would take for a formula (it starts with ``=``, ``+``, ``-``, ``@``, a tab or
a carriage return) gets an apostrophe in front, as spreadsheets write it themselves; numbers never do.
JSON lines: one object for each trial, text as it is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any, Final

from cohobate.core.payload import Payload
from cohobate.ledger.export.plain import plain

Table = Sequence[Mapping[str, Any]]
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


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
