"""Whether what a generator proposes is admissible: said of the first row that is not."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from math import isfinite

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.needs import wrong_needs
from cohobate.core.payload import Payload
from cohobate.core.protocols import Chosen, Row, inputs_of
from cohobate.core.trial import Note
from cohobate.ledger.record import wrong_note

Check = Callable[[Payload], str | None]
Has = Mapping[str, float]


def wrong_rows(check: Check, rows: Sequence[Row], has: Has) -> str | None:
    """Returns what is wrong with the first row that ``check`` or the ledger does not take, or ``None``.

    ``has`` are the resources there are.
    """
    for i, row in enumerate(rows):
        wrong = _wrong_row(check, inputs_of(row))
        if wrong or (type(row) is Chosen and (wrong := _wrong_choice(row, has))):
            return f"row {i}: {wrong}"
    return None


def _wrong_choice(row: Chosen, has: Has) -> str | None:
    if row.note is not None and not isinstance(row.note, Note):
        return f"expected a Note beside the inputs, got {reprlib.repr(row.note)}"
    return (row.note and wrong_note(row.note)) or wrong_terms(row.priority, row.needs, has)


def wrong_terms(priority: Payload, needs: Payload, has: Has) -> str | None:
    """Returns what is wrong with how a trial is to be run where there is ``has``, or ``None``."""
    if isinstance(priority, bool) or not isinstance(priority, int | float) or not isfinite(priority):
        return f"expected a finite number as priority, got {priority!r:.60}"
    return wrong_needs(needs, has)


def _wrong_row(check: Check, row: Payload) -> str | None:
    match capture(check, row):
        case Raised(_, message):
            return f"expected a mapping of variables, got {reprlib.repr(row)} ({message})"
        case Returned(wrong):
            return None if wrong is None else str(wrong)
