"""The plots of a fit in a report: values against targets, the share of each term, correlations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from cohobate.fit.findings import Findings, Pair
from cohobate.fit.pictures import WORST, by_unit
from cohobate.fit.texts import percent
from cohobate.view.report import svg
from cohobate.view.report.charts import figure
from cohobate.view.report.markup import Markup, tag
from cohobate.view.text import shown

NAMED: Final = 170.0
"""Pixels for the names of what stands in a row."""
CELL: Final = 44.0
"""Pixels of a cell of a matrix."""


def charts(found: Findings) -> Iterator[Markup]:
    """Returns the figures."""
    for unit, pairs in by_unit(found.pairs).items():
        yield _parity(unit, pairs)
    if found.terms:
        yield _shares(found)
    if len(found.names) > 1:
        yield _correlations(found)


def _parity(unit: str, pairs: list[Pair]) -> Markup:
    every = np.concatenate([np.asarray(numbers, dtype=float) for one in pairs for numbers in (one.target, one.value)])
    x, y = svg.across(every), svg.upwards(every)
    ends = np.array([max(x.lo, y.lo), min(x.hi, y.hi)])
    drawn = [svg.line(x(ends), y(ends), "random")]
    drawn += [_dots(x, y, one) for one in pairs]
    spelled = unit and f" ({shown(unit, 20)})"
    about = f"values against targets{spelled}"
    picture = svg.chart(x, y, *drawn, names=(f"target{spelled}", f"value{spelled}"), about=about)
    keys = [("run", "fitted to"), ("random", "equal")]
    keys += [("broken", "validation")] if any(one.validation for one in pairs) else []
    title = "Values against targets" if len(pairs) != 1 else f"{shown(pairs[0].label, 60)} against its target"
    return figure(f"{title}{spelled}", picture, keys, _spread(pairs))


def _dots(x: svg.Scale, y: svg.Scale, one: Pair) -> Markup:
    return svg.dots(x(np.array(one.target)), y(np.array(one.value)), "broken" if one.validation else "run")


def _spread(pairs: list[Pair]) -> str:
    fitted = [one for one in pairs if not one.validation] or pairs
    off = np.concatenate([np.asarray(one.value, dtype=float) - np.asarray(one.target, dtype=float) for one in fitted])
    known = off[np.isfinite(off)]
    return f"Root mean square of value minus target: {np.sqrt(np.mean(known**2)):.4g}." if len(known) else ""


def _shares(found: Findings) -> Markup:
    rows = found.terms[:WORST]
    pitch, top = 24.0, 6.0
    x = svg.Scale(0.0, max((row.share for row in rows if row.share == row.share), default=0.0) or 1.0, NAMED, 530.0)
    drawn: list[Markup] = []
    for i, row in enumerate(rows):
        at, share = top + i * pitch, row.share if row.share == row.share else 0.0
        width = float(x(np.array(share))) - NAMED
        drawn.append(svg.said(NAMED - 8, at + 15, shown(row.name, 24), anchor="end"))
        drawn.append(svg.boxes(np.array([NAMED]), np.array([width]), at + 3, 16, "o-done"))
        drawn.append(svg.said(NAMED + width + 6, at + 15, percent(share)))
    picture = svg.frame(*drawn, about="share of the loss of each term", size=(svg.WIDTH, top + len(rows) * pitch + 8))
    rest = f"The worst {WORST} of {len(found.terms)}." if len(found.terms) > WORST else ""
    return figure("Where the loss is", picture, [("o-done", "share of the loss")], rest)


def _correlations(found: Findings) -> Markup:
    d = len(found.names)
    cell = min(CELL, (svg.WIDTH - NAMED - 20) / d)
    drawn: list[Markup] = []
    for i, row in enumerate(found.correlations):
        drawn.append(svg.said(NAMED - 8, (i + 0.5) * cell + 4, shown(found.names[i], 24), anchor="end"))
        for j, value in enumerate(row[: i + 1]):
            drawn += _cell(NAMED + j * cell, i * cell, cell, value)
    size = (svg.WIDTH, d * cell + 8)
    picture = svg.frame(*drawn, about="correlations of the parameters, in their order", size=size)
    keys = [("o-done", "they rise together"), ("o-raised", "one rises as the other falls")]
    return figure("Correlations of the parameters", picture, keys)


def _cell(x: float, y: float, side: float, value: float) -> Iterator[Markup]:
    if not np.isfinite(value):
        return
    class_ = "o-done" if value >= 0 else "o-raised"
    box = f"M{x:.1f} {y:.1f}h{side - 2:.1f}v{side - 2:.1f}h{2 - side:.1f}z"
    yield tag("path", class_=class_, d=box, fill_opacity=f"{abs(value):.3f}")
    if side >= 30:
        yield svg.said(x + side / 2 - 1, y + side / 2 + 3, f"{value:.2f}", anchor="middle")
