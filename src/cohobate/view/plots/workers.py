"""Draws when each worker was busy, and with what outcome."""

from __future__ import annotations

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.view.colours import of_outcome
from cohobate.view.lanes import Lane, lanes, outcomes
from cohobate.view.plots.figure import WIDTH, Runs, legend, nothing, panels
from cohobate.view.span import scaled
from cohobate.view.text import shown

NAMED = 40
"""Workers of one run up to which each has its name at its row."""
TALLEST = 9.0


def draw(runs: Runs) -> Payload:
    """Returns a panel for each run: a row for each worker, its bars coloured by outcome."""
    found = {name: lanes(views) for name, views in runs.items()}
    if not any(found.values()):
        raise UserError("nothing to plot: no evaluation has ended yet")
    most = max(map(len, found.values()))
    figure, all_axes = panels(len(found), width=WIDTH * 1.3, height=min(TALLEST, 1.1 + 0.24 * most))
    for axes, (name, rows) in zip(all_axes, found.items(), strict=True):
        _panel(axes, rows)
        if len(found) > 1:
            axes.set_title(shown(name, 80), fontsize=9, loc="left", parse_math=False)
    legend(figure, all_axes, columns=5)
    return figure


def _panel(axes: Payload, rows: list[Lane]) -> None:
    if not rows:
        nothing(axes, "no evaluation has ended yet")
        return
    end = max(float(bars.sum(axis=1).max()) for lane in rows for bars in lane.bars.values())
    factor, unit = scaled(end)
    for outcome in outcomes(rows):
        for at, lane in enumerate(rows):
            bars = lane.bars.get(outcome)
            if bars is not None:
                colour = of_outcome(outcome)
                axes.broken_barh(
                    bars * factor, (at - 0.4, 0.8), color=colour, linewidth=0, label=outcome.replace("_", " ")
                )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, end * factor)
    axes.set_xlabel(f"run time ({unit})")
    axes.grid(visible=False, axis="y")
    if len(rows) <= NAMED:
        axes.set_yticks(range(len(rows)), [shown(lane.worker, 24) for lane in rows], fontsize=7, parse_math=False)
    else:
        axes.set_ylabel(f"{len(rows)} workers")
