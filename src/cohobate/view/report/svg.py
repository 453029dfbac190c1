"""Plots as SVG with nothing but numbers in it: colours and fonts are those of the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import Final

import numpy as np

from cohobate.view.report.markup import Markup, tag, text

WIDTH: Final = 600
HEIGHT: Final = 310
WIDE: Final = 1160
LEFT: Final = 64
RIGHT: Final = 14
TOP: Final = 12
BOTTOM: Final = 48
STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers from ``lo`` to ``hi`` on pixels from ``start`` to ``stop``."""

    lo: float
    hi: float
    start: float
    stop: float

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Returns the pixels of values."""
        return self.start + (np.asarray(values, dtype=float) - self.lo) / (self.hi - self.lo) * (self.stop - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Returns round numbers on the scale, at most ``most`` and one more."""
        step = _round_step((self.hi - self.lo) / most)
        first = math.ceil(self.lo / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.hi / step + 1e-9) + 1)]


def across(values: np.ndarray, *, whole: bool = False, zero: bool = False) -> Scale:
    """Returns the scale of a horizontal axis; from 0 where ``zero``."""
    lo, hi = _range(values, margin=0.0 if zero else 0.04)
    return Scale(0.0 if zero else lo, max(hi, 1.0) if whole else hi, LEFT, WIDTH - RIGHT)


def upwards(values: np.ndarray, *, zero: bool = False) -> Scale:
    """Returns the scale of a vertical axis."""
    lo, hi = _range(values, margin=0.06)
    return Scale(0.0 if zero else lo, hi, HEIGHT - BOTTOM, TOP)


def chart(x: Scale, y: Scale, *drawn: Markup, names: tuple[str, str], about: str) -> Markup:
    """Returns axes with what is drawn in them; ``about`` says in words what is to be seen."""
    return frame(*_grid(x, y), *drawn, *_names(*names), about=about)


def frame(*inside: Markup, about: str, size: tuple[float, float] = (WIDTH, HEIGHT)) -> Markup:
    """Returns a picture."""
    box = f"0 0 {size[0]:g} {size[1]:g}"
    return tag("svg", *inside, class_="chart", viewBox=box, role="img", aria_label=about)


def dots(x: np.ndarray, y: np.ndarray, class_: str) -> Markup:
    """Returns points (pixels), small where there are many; those that fall on the same half pixel are one."""
    places = np.unique(np.round(2 * np.stack([x, y], axis=1)) / 2, axis=0)
    return _path("".join(f"M{a:g} {b:g}h0" for a, b in places.tolist()), f"dots {class_}{_many(places)}")


def bars(left: np.ndarray, right: np.ndarray, y: np.ndarray, class_: str) -> Markup:
    """Returns horizontal bars from ``left`` to ``right`` (pixels)."""
    ends = np.round(np.stack([left, right, y], axis=1), 1).tolist()
    return _path("".join(f"M{a:g} {c:g}H{b:g}" for a, b, c in ends), f"{class_}{_many(ends)}")


def ticks_at(x: np.ndarray, class_: str) -> Markup:
    """Returns short marks at the bottom of the axes."""
    low, places = HEIGHT - BOTTOM, np.unique(np.round(x, 1)).tolist()
    return _path("".join(f"M{a:g} {low}v-7" for a in places), f"{class_}{_many(places, 150)}")


def steps(x: np.ndarray, y: np.ndarray, class_: str) -> Markup:
    """Returns a line that keeps its height until the next point (pixels); not a number is no point."""
    known = np.isfinite(y)
    x, y = np.round(x[known], 1), np.round(y[known], 1)
    if not len(x):
        return Markup("")
    turns = np.flatnonzero(np.diff(y)) + 1
    moves = "".join(f"H{a:g}V{b:g}" for a, b in zip(x[turns].tolist(), y[turns].tolist(), strict=True))
    return _path(f"M{x[0]:g} {y[0]:g}{moves}H{x[-1]:g}", class_)


def line(x: np.ndarray, y: np.ndarray, class_: str) -> Markup:
    """Returns a line through points (pixels)."""
    points = np.round(np.stack([x, y], axis=1), 1).tolist()
    return _path("M" + "L".join(f"{a:g} {b:g}" for a, b in points), class_) if points else Markup("")


def band(x: np.ndarray, low: np.ndarray, high: np.ndarray, class_: str) -> Markup:
    """Returns the area between two lines (pixels), drawn with a few hundred corners."""
    known = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    if not len(known):
        return Markup("")
    few = np.unique(known[np.linspace(0, len(known) - 1, 300).astype(int)])
    return line(np.concatenate([x[few], x[few][::-1]]), np.concatenate([low[few], high[few][::-1]]), class_)


def boxes(left: np.ndarray, width: np.ndarray, top: float, height: float, class_: str) -> Markup:
    """Returns boxes beside each other (pixels)."""
    places = np.round(np.stack([left, width], axis=1), 1).tolist()
    return _path("".join(f"M{a:g} {top:g}h{b:g}v{height:g}h{-b:g}z" for a, b in places), class_)


def said(x: float, y: float, what: str, *, anchor: str = "start", class_: str | None = None) -> Markup:
    """Returns text in a picture."""
    return tag("text", what, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=class_)


def spelled(value: float, step: float) -> str:
    """Returns a number of an axis whose marks are ``step`` apart.

    >>> spelled(0.30000000000000004, 0.1), spelled(20000, 10000), spelled(0.0, 2.0)
    ('0.3', '20,000', '0')
    """
    if abs(value) < step * 1e-6:
        return "0"
    if step >= 1e-4 and abs(value) < 1e6:
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        fixed = f"{value:,.{digits + (1 if _has_half(step) else 0)}f}"
        return fixed.rstrip("0").rstrip(".") if "." in fixed else fixed
    return f"{value:.3g}"


def horizontal(x: Scale, at: float, *, most: int = 6) -> Iterator[Markup]:
    """Returns the numbers of a horizontal axis at the height ``at``."""
    marks = x.ticks(most)
    step = marks[1] - marks[0] if len(marks) > 1 else 1.0
    for value, place in zip(marks, x(np.array(marks)), strict=True):
        yield said(place, at, spelled(value, step), anchor="middle")


def _grid(x: Scale, y: Scale) -> Iterator[Markup]:
    marks = y.ticks()
    step = marks[1] - marks[0] if len(marks) > 1 else 1.0
    yield _path("".join(f"M{LEFT} {place:.1f}H{WIDTH - RIGHT}" for place in y(np.array(marks))), "grid")
    for value, place in zip(marks, y(np.array(marks)), strict=True):
        yield said(LEFT - 8, place + 4, spelled(value, step), anchor="end")
    yield from horizontal(x, HEIGHT - BOTTOM + 18)


def _names(across_name: str, up_name: str) -> Iterator[Markup]:
    yield said((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, across_name, anchor="middle", class_="axis")
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f"rotate(-90 14 {middle:g})"
    yield tag("text", up_name, x=14, y=f"{middle:g}", transform=turned, text_anchor="middle", class_="axis")


def _path(data: str, class_: str) -> Markup:
    return Markup(f'<path class="{text(class_)}" d="{data}"/>') if data else Markup("")


def _many(drawn: Sized, most: int = 1500) -> str:
    """Returns the class of what is drawn fainter because there is much of it."""
    return " many" if len(drawn) > most else ""


def _range(values: np.ndarray, *, margin: float) -> tuple[float, float]:
    """Returns the least and greatest of finite values with a margin; never a range of nothing."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    lo, hi = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = (hi - lo) * margin or (abs(hi) or 1.0) * 0.05
    return lo - room, hi + room


def _round_step(least: float) -> float:
    size = 10.0 ** math.floor(math.log10(least))
    return next(size * step for step in STEPS if size * step >= least * (1 - 1e-9))


def _has_half(step: float) -> bool:
    return f"{step:e}".startswith("2.5")
