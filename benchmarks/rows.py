"""Measures contenders in turn, several times, and prints one row for each claim: ours, the anchor's, the ratio."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Measurement = Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Claim:
    """``ours`` over ``anchor`` is at least (at most, where ``smaller``) ``target``; without anchor, ours itself."""

    ours: str
    target: float
    anchor: str | None = None
    smaller: bool = False

    def row(self, figures: Mapping[str, float], recorded: Sequence[str]) -> tuple[str, ...]:
        """Returns the cells of the row, or says what could not be measured."""
        if self.ours not in figures or (self.anchor is not None and self.anchor not in figures):
            return (self.ours, "-", self.anchor or "", "-", "-", self._wanted, "NOT MEASURED")
        ours = figures[self.ours]
        beside = None if self.anchor is None else figures[self.anchor]
        reached = ours if beside is None else ours / beside
        good = reached <= self.target if self.smaller else reached >= self.target
        anchor = "" if self.anchor is None else self.anchor + (" (recorded)" if self.anchor in recorded else "")
        ratio = "" if beside is None else f"{reached:.2f}x"
        figure = "" if beside is None else short(beside)
        return (self.ours, short(ours), anchor, figure, ratio, self._wanted, verdict(good))

    @property
    def _wanted(self) -> str:
        unit = "" if self.anchor is None else "x"
        return f"{'<=' if self.smaller else '>='} {self.target:,g}{unit}"


def verdict(good: bool) -> str:
    """Returns the last cell of a row."""
    return "ok" if good else "MISSED"


def medians(measurements: Sequence[Measurement], repetitions: int) -> dict[str, float]:
    """Returns the median of each figure; the contenders take turns, so that a noisy minute hits all of them."""
    seen: dict[str, list[float]] = {}
    for _ in range(repetitions):
        for measure in measurements:
            for name, figure in measure().items():
                seen.setdefault(name, []).append(figure)
    return {name: median(figures) for name, figures in seen.items()}


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table with the machine it was measured on."""
    load = os.getloadavg()[0]
    print(f"{title}  ({os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f})")
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()


def show_claims(
    title: str, claims: Sequence[Claim], figures: Mapping[str, float], recorded: Sequence[str] = ()
) -> bool:
    """Prints a row for each claim; returns whether all hold."""
    rows = [claim.row(figures, recorded) for claim in claims]
    show(title, ("ours", "figure", "beside", "figure", "ratio", "wanted", ""), rows)
    return all(row[-1] == "ok" for row in rows)


def short(figure: float) -> str:
    """Returns a figure with about three digits."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
