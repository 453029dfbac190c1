"""Whether what a generator proposes is admissible: said of the first row that is not."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from math import isfinite

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.payload import Payload
from cohobate.core.protocols import Chosen, Row, inputs_of
from cohobate.core.trial import Note
from cohobate.ledger.record import wrong_note

Check = Callable[[Payload], str | None]


def wrong_rows(check: Check, rows: Sequence[Row]) -> str | None:
    """Returns what is wrong with the first row that ``check`` or the ledger does not take, or ``None``."""
    for i, row in enumerate(rows):
        wrong = _wrong_row(check, inputs_of(row))
        if wrong or (type(row) is Chosen and (wrong := _wrong_choice(row))):
            return f"row {i}: {wrong}"
    return None


def wrong_terms(priority: Payload, needs: Payload) -> str | None:
    """Returns what is wrong with how a trial is to be run, or ``None``."""
    if isinstance(priority, bool) or not isinstance(priority, int | float) or not isfinite(priority):
        return f"expected a finite number as priority, got {priority!r:.60}"
    if not isinstance(needs, Mapping):
        return f"expected needs such as {{'cores': 2}}, got {needs!r:.60}"
    for name, amount in needs.items():
        fits = isinstance(amount, int | float) and not isinstance(amount, bool) and isfinite(amount) and amount >= 0
        if not (isinstance(name, str) and fits):
            return f"needs: expected a number of at least 0 for {name!r:.60}, got {amount!r:.60}"
    return None


def _wrong_choice(row: Chosen) -> str | None:
    if row.note is not None and not isinstance(row.note, Note):
        return f"expected a Note beside the inputs, got {reprlib.repr(row.note)}"
    return (row.note and wrong_note(row.note)) or wrong_terms(row.priority, row.needs)


def _wrong_row(check: Check, row: Payload) -> str | None:
    match capture(check, row):
        case Raised(_, message):
            return f"expected a mapping of variables, got {reprlib.repr(row)} ({message})"
        case Returned(wrong):
            return None if wrong is None else str(wrong)
