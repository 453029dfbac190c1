"""Draws several objectives against each other, and the candidates that no other betters in all of them."""

from __future__ import annotations

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.view.colours import RANDOM, of_run
from cohobate.view.pairs import Front, front, pairs
from cohobate.view.plots.figure import Runs, label, legend, markersize, panels, units
from cohobate.view.units import named

SIDE = 4.8


def draw(runs: Runs) -> Payload:
    """Returns a panel for each pair of objectives; raises ``UserError`` where there are fewer than two."""
    found = {name: front(views) for name, views in runs.items()}
    outputs = next(iter(found.values())).outputs
    if len(outputs) < 2:
        raise UserError(f"nothing to plot: a front needs two objectives, got {list(outputs)}")
    if any(one.outputs != outputs for one in found.values()):
        raise UserError("nothing to plot: these runs have different objectives, so there is no front of them all")
    drawn = pairs(outputs)
    figure, all_axes = panels(len(drawn), width=SIDE, height=SIDE, columns=min(2, len(drawn)))
    for axes, pair in zip(all_axes, drawn, strict=True):
        for i, (name, one) in enumerate(found.items()):
            _points(axes, one, pair, f"front of {name}" if len(found) > 1 else "not bettered in all", of_run(i))
        x, y = (named(outputs[at], units(runs)) for at in pair)
        label(axes, x=x, y=y)
    legend(figure, all_axes)
    return figure


def _points(axes: Payload, one: Front, pair: tuple[int, int], name: str, colour: str) -> None:
    x, y = one.values[:, pair].T
    rest = one.fit & ~one.front
    axes.plot(x[rest], y[rest], ".", color=colour, alpha=0.25, markersize=markersize(len(x), 4))
    if not one.fit.all():
        axes.plot(x[~one.fit], y[~one.fit], "x", color=RANDOM, alpha=0.5, markersize=4, label=one.why)
    order = np.argsort(x[one.front])
    style = "-" if len(one.outputs) == 2 else ""
    axes.plot(
        x[one.front][order], y[one.front][order], f"o{style}", color=colour, markersize=4, linewidth=1, label=name
    )
