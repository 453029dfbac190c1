"""The report of a fit as one HTML file: that of its campaign, with what the fit found before it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cohobate.fit.charts import charts
from cohobate.fit.comparison import TermRow
from cohobate.fit.findings import NAME, Findings, ParameterRow, read
from cohobate.fit.text import HEADS, cells, parameter
from cohobate.ledger.views import Follow
from cohobate.view.report.about import About
from cohobate.view.report.markup import Inside, Markup, tag
from cohobate.view.report.page import Part
from cohobate.view.report.page import write as write_page
from cohobate.view.report.sections import table
from cohobate.view.text import duration, number, shown

MOST = 200
"""Terms in a table."""


def write(views: Follow, found: Findings, path: Path) -> Path:
    """Writes the report of a fit to a file and returns its path."""
    about = About("Fit", state=f"{found.method}: {found.message or found.stopped}", written=time.time())
    write_page(views, about, path, sections(found))
    return path


def recorded(folder: Path) -> list[Part]:
    """Returns the sections of the fit that a run folder tells of; none where it tells of none."""
    found = read(folder / NAME)
    return [] if found is None else sections(found)


def sections(found: Findings) -> list[Part]:
    """Returns what a report of a campaign has more where it is a fit."""
    parts: list[Part] = [
        ("fit", "Parameters", list(_parameters(found))),
        ("terms", "Terms", list(_terms(found))),
        ("parity", "What the terms give", [tag("div", *charts(found), class_="plots")]),
    ]
    if found.validation:
        caption = f"Not fitted to; loss {number(found.validation_loss)}"
        parts.insert(2, ("validation", "Validation", [_table(found.validation, caption)]))
    return parts


def _parameters(found: Findings) -> Iterator[Inside]:
    freedom = f"{found.freedom} degrees of freedom"
    facts = [
        ("Loss", number(found.loss)),
        ("Reduced chi-square", f"{found.reduced:.6g} ({freedom})" if found.freedom > 0 else f"not defined ({freedom})"),
        ("Method", f"{found.method}: {found.message or found.stopped}"),
        ("Evaluations", f"{found.evaluations}, {found.failed} failed, {duration(found.seconds)}"),
        *((f"Prior of {name}", number(loss)) for name, loss in found.priors.items()),
    ]
    yield tag("dl", *(part for name, says in facts for part in _fact(name, says)), class_="facts")
    heads = ("parameter", "value and standard error", "start", "bounds", "to know")
    yield table(heads, [_row(row) for row in found.parameters], caption=_caption(found), numbers=True)
    if found.notes:
        yield tag("ul", *(tag("li", shown(note, 400)) for note in found.notes))


def _fact(name: str, says: str) -> tuple[Markup, Markup]:
    return tag("dt", shown(name, 80)), tag("dd", shown(says, 300))


def _caption(found: Findings) -> str:
    if not found.source:
        return "The standard errors were not asked for"
    scale = "for the sigmas as given" if found.absolute_sigma else "scaled by the reduced chi-square"
    return f"Standard errors {scale}; Jacobian from {found.source}"


def _row(row: ParameterRow) -> Sequence[str]:
    start = "" if row.start is None else number(row.start)
    bounds = "" if row.lo == -row.hi == float("-inf") else f"{row.lo:g} to {row.hi:g}"
    said = "; ".join(one for one in (row.kind if row.kind != "free" else "", row.near, row.unknown) if one)
    return row.name, parameter(row)[1], start, bounds, said


def _terms(found: Findings) -> Iterator[Inside]:
    rest = f"; the worst {MOST} of {len(found.terms)}" if len(found.terms) > MOST else ""
    yield _table(found.terms[:MOST], f"At the best parameters, the largest share of the loss first{rest}")


def _table(rows: Sequence[TermRow], caption: str) -> Markup:
    return table(HEADS, [cells(row) for row in rows], caption=caption, numbers=True)
