"""The table of all trials as data for the page, column by column, repeated text once."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cohobate.core.blob import Blob
from cohobate.core.payload import Payload, Plain
from cohobate.ledger.export import plain
from cohobate.ledger.rows import FLAGS
from cohobate.ledger.untag import Kept
from cohobate.ledger.views import Follow
from cohobate.view.formula import formula
from cohobate.view.report.markup import visible

LARGEST: Final = 3_500_000
"""Characters of all columns; of a campaign with more, the table holds the first trials."""
TIMES: Final = frozenset({"proposed", "started", "finished"})
UNSHOWN: Final = frozenset({"traceback"})
"""Columns that stand elsewhere on the page."""
LONGEST: Final = 240
"""Characters of a cell."""
DIGITS: Final = 8
"""Of a number: what is exact stands in exports."""


def data(views: Follow, units: Mapping[str, str]) -> Plain:
    """Returns the columns, the number of trials held and the number there are; ``units`` by column.

    A column that says nothing of any trial is left out.
    """
    naming = views.rows.naming()
    rows = views.table()
    kept = [name for name in naming.columns if name not in UNSHOWN and any(_says(name, row[name]) for row in rows)]
    if "generator" in kept and len({row["generator"] for row in rows}) == 1:
        kept.remove("generator")
    begin = math.floor(min(views.opened, default=0.0))
    held = _held(rows, kept)
    columns = [_column(name, [row[name] for row in rows[:held]], units.get(name, ""), begin) for name in kept]
    return {"begin": begin, "held": held, "trials": len(rows), "columns": columns}


def _held(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> int:
    """Returns how many rows fit, judged by a few of them."""
    if not rows:
        return 0
    few = rows[:: max(1, len(rows) // 200)]
    each = sum(len(json.dumps(_cell(row[name]))) + 1 for row in few for name in names) / len(few)
    return min(len(rows), int(LARGEST / max(each, 1.0)))


def _column(name: str, values: Sequence[Payload], unit: str, begin: float) -> Plain:
    if name in TIMES:
        return {"name": name, "kind": "time", "cells": [_since(value, begin) for value in values]}
    cells = [_cell(value) if _says(name, value) else None for value in values]
    said = {"name": visible(name), "unit": visible(unit)}
    return (
        {**said, "kind": "number", "cells": cells} if _are_numbers(cells) else {**said, "kind": "text", **_words(cells)}
    )


def _since(value: Payload, begin: float) -> float | None:
    return round(value - begin, 1) if isinstance(value, float | int) else None


def _are_numbers(cells: Sequence[Plain]) -> bool:
    return all(isinstance(cell, int | float) or cell in (None, "NaN") for cell in cells)


def _words(cells: Sequence[Plain]) -> Mapping[str, Plain]:
    """Returns cells as they are, or by their numbers among the different ones where those are few."""
    places: dict[Plain, int] = {}
    for cell in cells:
        places.setdefault(cell, len(places))
    if 2 * len(places) > len(cells):
        return {"cells": cells}
    return {"words": list(places), "cells": [places[cell] for cell in cells]}


def _cell(value: Payload) -> Plain:
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
        case int() if abs(value) < 2**53:
            return value
        case float():
            return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else f"{value}".replace("nan", "NaN")
        case str():
            return formula(value) or _cut(value) or None
    return _content(value)


def _content(value: Payload) -> Plain:
    """Returns what is neither a number nor text as text, contents by the first digits of their name."""
    spelled = plain(value)
    if isinstance(value, Blob | Kept):
        name, dot, suffix = spelled.partition(".")
        return _cut(f"{name[:8]}…{dot}{suffix}")
    return _cell(spelled) if isinstance(spelled, str | float) else _cut(json.dumps(spelled, allow_nan=False))


def _cut(value: str) -> str:
    return visible(value if len(value) <= LONGEST else value[: LONGEST - 1] + "…")


def _says(name: str, value: Payload) -> bool:
    return not (value is None or (value is False and name in FLAGS) or (isinstance(value, str) and not value))
