"""Draws one or several runs: the kinds of plots that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.view.plots import curves, front, parity, workers
from cohobate.view.plots.figure import Runs, save, suffix_of

Draw = Callable[[Runs], Payload]

KINDS: Final[Mapping[str, Draw]] = {
    "history": partial(curves.draw, "evaluations"),
    "time": partial(curves.draw, "time"),
    "model": curves.model,
    "parity": parity.draw,
    "workers": workers.draw,
    "front": front.draw,
}
"""What each kind draws: best against evaluations, run time and model version; prediction against result; a timeline
of workers; what no other candidate betters in all objectives."""


def draw(runs: Runs, path: str | Path | None = None, *, kind: str = "history") -> Payload:
    """Returns a figure of runs by their names, saved where a ``path`` (png, svg or pdf) is given.

    Raises ``UserError`` for an unknown kind or suffix and where there is nothing of that kind to
    draw, ``MissingExtra`` without matplotlib.
    """
    if kind not in KINDS:
        raise UserError(f"plot: expected one of {', '.join(KINDS)}, got {kind!r}{did_you_mean(kind, KINDS)}")
    suffix = suffix_of(path)
    figure = KINDS[kind](runs)
    if path is not None:
        save(figure, Path(path), suffix)
    return figure


def _entry(kind: str) -> Callable[..., Payload]:
    """Returns what an entry point of the group ``cohobate.plots`` names."""
    return partial(draw, kind=kind)


history, time, model = _entry("history"), _entry("time"), _entry("model")
of_parity, of_workers, of_front = _entry("parity"), _entry("workers"), _entry("front")
