"""What terms make of a candidate: values beside targets, residuals, and each term's share of the loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from cohobate.core.capture import Returned, capture
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.record import Candidate
from cohobate.fit.term import Term
from cohobate.propose.scaling import Numbers

VALUE: Final = "value"
"""What a quantity is called that has no name."""


@final
@dataclass(frozen=True, slots=True)
class Compared:
    """A quantity of a term: its targets and values, one for one."""

    label: str
    target: Numbers
    value: Numbers
    residuals: Numbers
    unit: str = ""


@final
@dataclass(frozen=True, slots=True)
class TermRow:
    """A term in the table of a result; ``residual`` is the root mean square of (value - target) / sigma.

    ``target`` and ``value`` are numbers where the term has one, else how many there are. NaN is what is not known.
    """

    name: str
    target: float | str
    value: float | str
    residual: float
    loss: float
    share: float
    seconds: float
    reused: bool = False
    unit: str = ""
    count: int = 1


def rows(objective: CombinedObjective, candidate: Candidate) -> list[TermRow]:
    """Returns a row for each term, the largest share of the loss first."""
    told = candidate.terms
    total = sum(float(one["loss"]) for one in told.values()) or np.nan
    found = [_row(leaf.term, told[leaf.term.name], total) for leaf in objective.leaves if leaf.term.name in told]
    return sorted(found, key=lambda row: -row.share if row.share == row.share else 0.0)


def _row(term: Term, told: Mapping[str, Any], total: float) -> TermRow:
    quantities = told.get("quantities", {})
    pairs, residuals = list(compared(term, quantities)), _residuals(term, quantities)
    loss = float(told["loss"])
    return TermRow(
        term.name,
        _few(np.concatenate([one.target for one in pairs])) if pairs else "",
        _few(np.concatenate([one.value for one in pairs])) if pairs else _alone(told),
        float(residuals[0]) if len(residuals) == 1 else _rms(residuals),
        loss,
        loss / total,
        float(told.get("seconds", np.nan)),
        bool(told.get("reused", False)),
        term.unit,
        len(residuals),
    )


def compared(term: Term, quantities: Mapping[str, Any]) -> Iterator[Compared]:
    """Returns the quantities of a term beside their targets; none where it has no target."""
    if term.target is None:
        return
    residuals = _residuals(term, quantities)
    at = 0
    for name, wanted in _wanted(term, quantities):
        target = np.asarray(wanted, dtype=float).ravel()
        value = np.asarray(quantities.get(name, np.nan), dtype=float).ravel()
        left = residuals[at : at + len(target)]
        at += len(target)
        if len(value) == len(target) == len(left):
            label = term.name if len(quantities) == 1 else f"{term.name}: {name}"
            yield Compared(label, target, value, left, term.unit)


def _residuals(term: Term, quantities: Mapping[str, Any]) -> Numbers:
    """Returns the residuals of a term; none where it has none, or its data have changed since."""
    found = capture(term.residuals, quantities)
    return found.value if isinstance(found, Returned) else np.empty(0)


def _wanted(term: Term, quantities: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    if isinstance(term.target, Mapping):
        return list(term.target.items())
    name = term.read if term.read is not None else next(iter(quantities), VALUE)
    return [(name, term.target)]


def _few(numbers: Numbers) -> float | str:
    return float(numbers[0]) if len(numbers) == 1 else f"{len(numbers)} numbers"


def _alone(told: Mapping[str, Any]) -> float | str:
    if "failed" in told:
        return "failed"
    quantities = told["quantities"]
    numbers = [value for value in quantities.values() if isinstance(value, int | float)]
    return float(numbers[0]) if len(numbers) == 1 == len(quantities) else f"{len(quantities)} quantities"


def _rms(residuals: Numbers) -> float:
    return float(np.sqrt(np.mean(residuals**2))) if len(residuals) else float("nan")
