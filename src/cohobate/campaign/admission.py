"""Whether what a generator proposes is admissible: said of the first row that is not."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.needs import wrong_needs
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.core.protocols import Chosen, Engine, Known, Packs, Row, inputs_of
from cohobate.core.trial import Note
from cohobate.ledger.codec import check
from cohobate.ledger.record import wrong_note
from cohobate.simulate.outputs import outputs_of

Refuse = Callable[[Mapping[str, float]], str | None]
"""Tells in one line why needs can never be met; ``None`` where they can."""


def nothing_counted(needs: Mapping[str, float]) -> str | None:
    """Refuses all needs: for engines that count no resources."""
    return wrong_needs(needs, {})


def refuse_of(engine: Engine) -> Refuse:
    """Returns what tells which needs an engine cannot meet."""
    return engine.refuse if isinstance(engine, Packs) else nothing_counted


def _wrong_bound(bound: Payload) -> str | None:
    number = isinstance(bound, int | float) and not isinstance(bound, bool) and not isnan(bound)
    return None if bound is None or number else f"expected a number as bound, got {bound!r:.60}"


@final
@dataclass(frozen=True, slots=True)
class Admission:
    """What a campaign takes: candidates of its ``problem`` whose needs its engine does not ``refuse``."""

    problem: Problem
    refuse: Refuse = nothing_counted

    def wrong_rows(self, rows: Sequence[Row]) -> str | None:
        """Returns what is wrong with the first row that is not admissible, or ``None``."""
        for i, row in enumerate(rows):
            wrong = self._wrong_inputs(inputs_of(row))
            if wrong or (isinstance(row, Chosen | Known) and (wrong := self._wrong_beside(row))):
                return f"row {i}: {wrong}"
        return None

    def wrong_terms(self, priority: Payload, needs: Payload) -> str | None:
        """Returns what is wrong with how a trial is to be run, or ``None``."""
        if isinstance(priority, bool) or not isinstance(priority, int | float) or not isfinite(priority):
            return f"expected a finite number as priority, got {priority!r:.60}"
        return self.refuse(needs)

    def _wrong_inputs(self, inputs: Payload) -> str | None:
        match capture(self.problem.check, inputs):
            case Raised(_, message):
                return f"expected a mapping of variables, got {reprlib.repr(inputs)} ({message})"
            case Returned(wrong):
                return None if wrong is None else str(wrong)

    def _wrong_beside(self, row: Chosen | Known) -> str | None:
        """Returns what is wrong with what comes beside the inputs."""
        if isinstance(row, Known):
            return self._wrong_outputs(row.outputs)
        if row.note is not None and not isinstance(row.note, Note):
            return f"expected a Note beside the inputs, got {reprlib.repr(row.note)}"
        wrong = (row.note and wrong_note(row.note)) or self.wrong_terms(row.priority, row.needs)
        return wrong or _wrong_bound(row.bound)

    def _wrong_outputs(self, outputs: Payload) -> str | None:
        match capture(outputs_of, outputs, self.problem.outputs):
            case Raised(_, message):
                return message
            case Returned(known):
                return check(known, name="outputs")
