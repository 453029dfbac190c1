"""Draws a campaign with matplotlib, without pyplot and without a window."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.host.filesystem import write_atomic
from cohobate.view.history import ORDERS, History, Row, trace

SUFFIXES = (".png", ".svg", ".pdf")
WIDTH, HEIGHT, DPI = 7.2, 4.4, 150
RUN, RANDOM, FAILED = "#0b5cad", "#8a8a8a", "#c03a2b"


def history(
    rows: Iterable[Row],
    goals: Mapping[str, str],
    path: str | Path | None = None,
) -> Payload:
    """Returns a figure of best-so-far against evaluations, beside the mean of 20 random orders.

    ``rows`` are those of a ledger's table, ``goals`` maps objectives to minimize or maximize; there
    is one panel for each. Where a ``path`` (png, svg or pdf) is given the figure is saved there.
    Raises ``UserError`` without an objective or for another suffix, ``MissingExtra`` without matplotlib.
    """
    if not goals:
        raise UserError("nothing to plot: the campaign has no output to minimize or maximize")
    suffix = _suffix(path)
    figure = require("matplotlib.figure", extra="plot").Figure(
        figsize=(WIDTH, HEIGHT * len(goals)), dpi=DPI, layout="constrained"
    )
    table = list(rows)
    all_axes = figure.subplots(len(goals), 1, squeeze=False)[:, 0]
    for axes, (output, goal) in zip(all_axes, goals.items(), strict=True):
        _draw(axes, trace(table, output, goal), goal)
        _label(axes, output)
    _legend(figure, all_axes)
    if path is not None:
        _save(figure, Path(path), suffix)
    return figure


def _suffix(path: str | Path | None) -> str:
    suffix = ".png" if path is None else Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"plot {path}: expected a file ending in {', '.join(SUFFIXES)}")
    return suffix


def _draw(axes: Payload, history: History, goal: str) -> None:
    n = np.arange(1, len(history.values) + 1)
    ok = np.isfinite(history.values)
    if not ok.any():
        axes.text(0.5, 0.5, "no values yet", ha="center", va="center", transform=axes.transAxes, color=RANDOM)
        return
    axes.fill_between(n, history.low, history.high, step="post", color=RANDOM, alpha=0.15, linewidth=0)
    order = f"mean of {ORDERS} random orders of the same evaluations (band: all {ORDERS})"
    axes.step(n, history.random, where="post", color=RANDOM, linestyle="--", linewidth=1.4, label=order)
    axes.plot(n[ok], history.values[ok], ".", color=RUN, alpha=0.35, markersize=5, label="each evaluation")
    word = "highest" if goal == "maximize" else "lowest"
    axes.step(n, history.best, where="post", color=RUN, linewidth=2, label=f"{word} so far, in the order of this run")
    if not ok.all():
        bottom = axes.get_xaxis_transform()
        axes.plot(n[~ok], np.full((~ok).sum(), 0.02), "|", color=FAILED, transform=bottom, markersize=8, label="failed")


def _label(axes: Payload, output: str) -> None:
    axes.set_xlabel("evaluations")
    # parse_math: a name may hold dollar signs, and is text
    axes.set_ylabel(output, parse_math=False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)


def _legend(figure: Payload, all_axes: Iterable[Payload]) -> None:
    """Puts one legend above all panels, where it hides nothing."""
    found = {label: line for axes in all_axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if found:
        figure.legend(found.values(), found.keys(), loc="outside upper left", ncols=2, frameon=False, fontsize=8)


def _save(figure: Payload, path: Path, suffix: str) -> None:
    drawn = BytesIO()
    with warnings.catch_warnings():
        # a glyph that the font lacks is drawn as a box; that is no news for whoever runs a campaign
        warnings.simplefilter("ignore")
        figure.savefig(drawn, format=suffix[1:])
    try:
        write_atomic(path, drawn.getvalue())
    except OSError as error:
        raise UserError(f"plot {path}: cannot be written: {error.strerror}") from error
