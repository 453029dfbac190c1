"""Draws what a fit found with matplotlib: values against targets, shares of terms, correlations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from cohobate.campaign.result import CampaignResult
from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.fit.findings import Findings, Pair
from cohobate.view.colours import of_run
from cohobate.view.plots.figure import label, legend, markersize, panels, save, suffix_of
from cohobate.view.text import shown

WORST: Final = 20
"""Terms that are drawn."""


def draw(found: Findings, campaign: CampaignResult, path: str | Path | None, *, kind: str) -> Payload:
    """Returns a figure, saved where a ``path`` is given; see ``FitResult.plot``."""
    if kind not in KINDS:
        return campaign.plot(path, kind=kind)
    suffix = suffix_of(path)
    figure = KINDS[kind](found)
    if path is not None:
        save(figure, Path(path), suffix)
    return figure


def by_unit(pairs: tuple[Pair, ...]) -> dict[str, list[Pair]]:
    """Returns what can share axes: quantities of the same unit."""
    found: dict[str, list[Pair]] = {}
    for one in pairs:
        found.setdefault(one.unit, []).append(one)
    return found


def _parity(found: Findings) -> Payload:
    groups = by_unit(found.pairs)
    if not groups:
        raise UserError("nothing to plot: no term has a target")
    figure, all_axes = panels(len(groups))
    for axes, (unit, pairs) in zip(all_axes, groups.items(), strict=True):
        for i, one in enumerate(pairs):
            size = markersize(len(one.target), 6.0)
            marker, name = ("x" if one.validation else "o"), f"{one.label}{' (validation)' if one.validation else ''}"
            axes.plot(one.target, one.value, marker, color=of_run(i), alpha=0.7, markersize=size, label=shown(name, 40))
        ends = _ends(pairs)
        axes.plot(ends, ends, "--", color="#8a8a8a", linewidth=1.2, zorder=0)
        label(axes, x=f"target{unit and f' ({unit})'}", y=f"value{unit and f' ({unit})'}")
    if len(found.pairs) <= WORST:
        legend(figure, all_axes)
    return figure


def _ends(pairs: list[Pair]) -> list[float]:
    every = np.concatenate([np.asarray(numbers, dtype=float) for one in pairs for numbers in (one.target, one.value)])
    return [float(np.nanmin(every)), float(np.nanmax(every))]


def _terms(found: Findings) -> Payload:
    rows = found.terms[:WORST][::-1]
    figure, (axes,) = panels(1, height=max(2.2, 0.6 + 0.28 * len(rows)))
    axes.barh(range(len(rows)), [100 * row.share for row in rows], color=of_run(0))
    axes.set_yticks(range(len(rows)), [shown(row.name, 40) for row in rows], parse_math=False)
    label(axes, x="share of the loss (%)", y="")
    return figure


def _correlations(found: Findings) -> Payload:
    if not found.names:
        raise UserError("nothing to plot: the errors are not known yet: result.uncertainty() finds them out")
    d = len(found.names)
    side = max(3.2, 0.5 * d + 1.5)
    figure, (axes,) = panels(1, width=side + 1, height=side)
    names = [shown(name, 30) for name in found.names]
    image = axes.imshow(np.array(found.correlations), vmin=-1, vmax=1, cmap="RdBu_r")
    axes.set_xticks(range(d), names, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(d), names, parse_math=False)
    axes.grid(visible=False)
    for (i, j), value in np.ndenumerate(np.array(found.correlations)):
        if d <= 12 and np.isfinite(value):
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8)
    figure.colorbar(image, ax=axes, label="correlation")
    return figure


KINDS: Final[Mapping[str, Callable[[Findings], Payload]]] = {
    "parity": _parity,
    "terms": _terms,
    "correlations": _correlations,
}
