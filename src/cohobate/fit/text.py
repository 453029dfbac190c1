"""What a fit found as text for a terminal, and as a card for a notebook."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from cohobate.core.card import Card
from cohobate.fit.comparison import TermRow
from cohobate.fit.findings import Findings, ParameterRow
from cohobate.fit.texts import aligned, percent, with_error
from cohobate.view.text import duration, number, shown

WORST: Final = 20
"""Terms that are listed; the others are counted."""
CORRELATED: Final = 0.1
"""Correlations below this are not worth a line."""
MOST: Final = 12
"""Correlations that are listed."""
HEADS: Final = ("term", "target", "value", "residual", "of loss", "seconds")


def report(found: Findings) -> str:
    """Returns what was found on a page of text."""
    return "\n".join(_lines(found))


def _lines(found: Findings) -> Iterator[str]:
    yield from _head(found)
    yield "Parameters"
    yield from aligned([parameter(row) for row in found.parameters])
    yield from _unknown(found.parameters)
    yield from _correlations(found)
    yield "Terms, the largest share of the loss first"
    yield from terms(found.terms)
    if found.priors:
        yield "Priors, which count as data"
        yield from aligned([(shown(name, 40), number(loss)) for name, loss in found.priors.items()])
    if found.validation:
        yield f"Validation (not fitted to), loss {found.validation_loss:.6g}"
        yield from terms(found.validation)
    if found.notes:
        yield "Notes"
        yield from (f"  {shown(note, 400)}" for note in found.notes)


def _head(found: Findings) -> Iterator[str]:
    free = sum(row.kind == "free" for row in found.parameters)
    data = f"{_many(found.residuals, 'residual')} of {_many(len(found.terms), 'term')}"
    yield f"Fit of {_many(free, 'parameter')} to {data}"
    failed = f", {found.failed} failed" if found.failed else ""
    yield from aligned(
        [
            ("method", " " + shown(f"{found.method}: {found.message or found.stopped}", 120)),
            ("evaluations", f" {found.evaluations}{failed}, in {duration(found.seconds)}; {found.stopped}"),
            ("loss", f" {found.loss:.8g}"),
            ("reduced chi-square", f" {_reduced(found)}"),
            ("errors", f" {_errors(found)}"),
        ],
        left=True,
    )


def _errors(found: Findings) -> str:
    if not found.residuals:
        return "not defined: the loss is not made of residuals"
    if not found.source:
        return "not known yet: result.uncertainty() evaluates two candidates for each parameter"
    if found.absolute_sigma:
        return f"standard errors for the sigmas as given, Jacobian from {found.source}"
    return f"standard errors, scaled by the reduced chi-square; Jacobian from {found.source}"


def parameter(row: ParameterRow) -> tuple[str, str, str]:
    """Returns the cells of a parameter: its name, its value with error, what else is to say."""
    unit = f" {shown(row.unit, 12)}" if row.unit else ""
    if row.kind != "free":
        return shown(row.name, 40), f"{row.value:.8g}{unit}", row.kind
    relative = f"({percent(abs(row.error / row.value))})" if row.value and math.isfinite(row.error) else ""
    start = f"start {row.start:.6g}" if row.start is not None else ""
    near = f", {row.near}" if row.near else ""
    return shown(row.name, 40), f"{with_error(row.value, row.error)}{unit} {relative}".rstrip(), f"{start}{near}"


def _unknown(rows: Sequence[ParameterRow]) -> Iterator[str]:
    for row in rows:
        if row.kind == "free" and row.unknown:
            yield f"  {shown(row.name, 40)}: no error, {shown(row.unknown, 200)}"


def _correlations(found: Findings) -> Iterator[str]:
    pairs = [
        (found.names[i], found.names[j], found.correlations[i][j]) for i, j in combinations(range(len(found.names)), 2)
    ]
    told = sorted((one for one in pairs if abs(one[2]) >= CORRELATED), key=lambda one: -abs(one[2]))
    if told:
        yield "Correlations"
        yield from aligned([(f"{shown(a, 40)}, {shown(b, 40)}", f"{value:+.3f}") for a, b, value in told[:MOST]])
    if len(told) > MOST:
        yield f"  and {len(told) - MOST} smaller ones"


def terms(rows: Sequence[TermRow]) -> Iterator[str]:
    """Returns the lines of a table of terms."""
    yield from aligned([HEADS, *(cells(row) for row in rows[:WORST])])
    if len(rows) > WORST:
        rest = sum(row.share for row in rows[WORST:])
        yield f"  and {len(rows) - WORST} more with {percent(rest)} of the loss"


def cells(row: TermRow) -> tuple[str, ...]:
    """Returns the cells of a term."""
    unit = f" {shown(row.unit, 12)}" if row.unit else ""
    residual = "" if math.isnan(row.residual) else f"{row.residual:.4g}{' rms' if row.count > 1 else ''}"
    seconds = "reused" if row.reused else "" if math.isnan(row.seconds) else f"{row.seconds:.3g}"
    return shown(row.name, 40), number(row.target), f"{number(row.value)}{unit}", residual, percent(row.share), seconds


def card(found: Findings) -> str:
    """Returns what was found as a card of HTML."""
    facts = [
        ("method", f"{found.method}: {found.message or found.stopped}"),
        ("evaluations", f"{found.evaluations} ({found.failed} failed), {duration(found.seconds)}; {found.stopped}"),
        ("loss", f"{found.loss:.8g}"),
        ("reduced chi-square", _reduced(found)),
        *((row.name, f"{parameter(row)[1]} {parameter(row)[2]}") for row in found.parameters),
        ("validation", f"loss {found.validation_loss:.6g}" if found.validation else ""),
        ("notes", "; ".join(found.notes)),
    ]
    return Card("Result of a fit", facts, heads=HEADS, rows=[cells(row) for row in found.terms[:WORST]]).html()


def _reduced(found: Findings) -> str:
    if not found.residuals:
        return "not defined"
    value = "not defined" if math.isnan(found.reduced) else f"{found.reduced:.6g}"
    return f"{value} ({_many(found.freedom, 'degree')} of freedom)"


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"
