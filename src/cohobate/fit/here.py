"""Terms that are called one after the other, by whoever asks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import BadOutput, Rejected
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.parts import Judge, Made, Part
from cohobate.fit.judging import Judging


def called_here(parts: Sequence[Part], judge: Judge) -> Outcome:
    """Calls parts until the outcome is decided, those of one key once."""
    known: dict[str, Any] = {}
    for part in parts:
        made, error = _made(part, known)
        outcome = judge.take(part.name, made, error) if isinstance(judge, Judging) else judge.take(part.name, made)
        if outcome is not None:
            return outcome
    raise AssertionError("the last term decides")


def _made(part: Part, known: dict[str, Any]) -> tuple[Made, BaseException | None]:
    if part.key in known:
        return Made(Value({"value": known[part.key]}), reused=True), None
    clock = time.perf_counter()
    ended = capture(part.fn, *part.args)
    made = Made(outcome_of(ended), time.perf_counter() - clock)
    if isinstance(ended, Raised):
        if not isinstance(ended.error, Exception):  # Ctrl-C is no failure of a term
            raise ended.error
        return made, ended.error
    if part.key:
        known[part.key] = ended.value
    return made, None


def outcome_of(ended: Returned | Raised) -> Outcome:
    """Returns how a call of a quantity ended."""
    match ended:
        case Returned(quantities):
            return Value({"value": quantities})
        case Raised(Rejected() as error):
            return Failure("rejected", str(error))
        case Raised(BadOutput() as error):
            return Failure("bad_output", str(error))
        case Raised(_, message, traceback):
            return Failure("raised", message, traceback)
