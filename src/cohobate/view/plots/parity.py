"""Draws what a model predicted of each candidate when it chose it against what came."""

from __future__ import annotations

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.view.colours import RANDOM, of_run
from cohobate.view.parity import EXPECTED, SIGMA, WIDE, Parity, parity, predicted
from cohobate.view.plots.figure import Runs, label, legend, markersize, nothing, panels, units
from cohobate.view.units import named

SIDE = 5.2


def draw(runs: Runs) -> Payload:
    """Returns one square panel for each output that was predicted, with its error, rank correlation and coverage."""
    outputs = list(dict.fromkeys(name for views in runs.values() for name in predicted(views)))
    if not outputs:
        raise UserError(
            "nothing to plot: no candidate was chosen with a prediction (a generator with a model makes them)"
        )
    figure, all_axes = panels(len(outputs), width=SIDE, height=SIDE, columns=min(2, len(outputs)))
    for axes, output in zip(all_axes, outputs, strict=True):
        found = [(name, parity(views, output), of_run(i)) for i, (name, views) in enumerate(runs.items())]
        _panel(axes, [each for each in found if len(each[1])], single=len(runs) == 1)
        label(axes, x=f"{named(output, units(runs))}, predicted when chosen", y=f"{named(output, units(runs))}, result")
    if len(runs) > 1:
        legend(figure, all_axes)
    return figure


def stated(one: Parity) -> str:
    """Returns the numbers of a parity plot as text, a line each."""
    lines = [f"{len(one)} predictions", f"RMSE {one.rmse:.4g}", f"rank correlation {one.rank_correlation:.2f}"]
    if np.isfinite(one.coverage):
        lines.append(f"{one.coverage:.0%} within {WIDE:g} {SIGMA} ({EXPECTED:.0%} expected)")
    return "\n".join(lines)


def _panel(axes: Payload, found: list[tuple[str, Parity, str]], *, single: bool) -> None:
    if not found:
        nothing(axes, "no results yet")
        return
    for name, one, colour in found:
        alpha = float(np.clip(60 / len(one), 0.02, 0.45))
        bars = WIDE * np.nan_to_num(one.std)
        axes.errorbar(one.predicted, one.result, xerr=bars, fmt="none", ecolor=colour, alpha=alpha, elinewidth=0.8)
        axes.plot(one.predicted, one.result, ".", color=colour, markersize=markersize(len(one)), alpha=0.8, label=name)
    every = np.concatenate([part for _, one, _ in found for part in (one.predicted, one.result)])
    ends = [float(every.min()), float(every.max())]
    axes.plot(ends, ends, color=RANDOM, linestyle="--", linewidth=1.2)
    text = stated(found[0][1]) if single else "\n".join(_short(name, one) for name, one, _ in found)
    axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top", fontsize=8, linespacing=1.5, parse_math=False)


def _short(name: str, one: Parity) -> str:
    return (
        f"{name:.40}: RMSE {one.rmse:.4g}, rank {one.rank_correlation:.2f}, {one.coverage:.0%} within {WIDE:g} {SIGMA}"
    )
