"""What all plots share: a figure, plain axes, one legend, a file."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.host.filesystem import write_atomic
from cohobate.ledger.views import Follow
from cohobate.view.text import shown
from cohobate.view.units import of_outputs

SUFFIXES = (".png", ".svg", ".pdf")
WIDTH, HEIGHT, DPI = 7.2, 4.4, 150
MUTED = "#6b7280"

Runs = Mapping[str, Follow]
"""Runs by what they are called in the legend."""


def panels(n: int, *, width: float = WIDTH, height: float = HEIGHT, columns: int = 1) -> tuple[Payload, list[Payload]]:
    """Returns a figure and ``n`` axes in it, each of ``width`` and ``height`` (inches)."""
    rows = -(-n // columns)
    size = (width * columns, height * rows)
    figure = require("matplotlib.figure", extra="plot").Figure(figsize=size, dpi=DPI, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[n:]:
        spare.set_axis_off()
    for one in axes[:n]:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(alpha=0.25, linewidth=0.5)
        one.set_axisbelow(True)
    return figure, axes[:n]


def label(axes: Payload, *, x: str, y: str) -> None:
    """Names the axes; a name may hold dollar signs, and is text."""
    axes.set_xlabel(shown(x, 80), parse_math=False)
    axes.set_ylabel(shown(y, 80), parse_math=False)


def units(runs: Runs) -> dict[str, str]:
    """Returns the units of outputs, of whichever run has them."""
    return {name: unit for views in runs.values() for name, unit in of_outputs(views).items()}


def markersize(n: int, usual: float = 5.0) -> float:
    """Returns the size of one of ``n`` points: small where there are many."""
    return usual if n < 1500 else usual * 0.5


def nothing(axes: Payload, why: str) -> None:
    """Says in the middle of empty axes why they are empty."""
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes, color=MUTED)


def legend(figure: Payload, all_axes: Iterable[Payload], *, columns: int = 2) -> None:
    """Puts one legend above all panels, where it hides nothing."""
    found = {text: line for axes in all_axes for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    if found:
        drawn = figure.legend(found.values(), found, loc="outside upper left", ncols=columns, frameon=False, fontsize=8)
        for text in drawn.get_texts():
            text.set_parse_math(False)


def suffix_of(path: str | Path | None) -> str:
    """Returns the suffix of a file to draw into; raises ``UserError`` for one that cannot be."""
    suffix = ".png" if path is None else Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"plot {path}: expected a file ending in {', '.join(SUFFIXES)}")
    return suffix


def save(figure: Payload, path: Path, suffix: str) -> None:
    """Writes a figure to a file, which appears only once it is complete."""
    data = drawn(figure, suffix[1:])
    try:
        write_atomic(path, data)
    except OSError as error:
        raise UserError(f"plot {path}: cannot be written: {error.strerror}") from error


def drawn(figure: Payload, kind: str) -> bytes:
    """Returns a figure as the content of a file of a ``kind``, such as ``"png"``."""
    file = BytesIO()
    with warnings.catch_warnings():
        # a glyph that the font lacks is drawn as a box; that is no news for whoever runs a campaign
        warnings.simplefilter("ignore")
        figure.savefig(file, format=kind)
    return file.getvalue()
