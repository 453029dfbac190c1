"""How far off a kind of interpolant is, by what it says of values that were kept from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan

import numpy as np

from cohobate.learn.interpolants.model import Fit, Indices
from cohobate.learn.kernels import Floats

FOLDS = 5
SMALLEST = 1e-14
"""Differences below this share of the size of values are rounding, however small their range."""


def ranges(values: Floats) -> Floats:
    """Returns what differences are relative to: (outputs,), the range of each."""
    size = np.abs(values).max(axis=0)
    found: Floats = np.maximum(np.ptp(values, axis=0), SMALLEST * size)
    return np.where(found > 0, found, 1.0)


def folds(candidates: Indices) -> list[Indices]:
    """Returns parts of the candidates, each of which is held out once: no two neighbours in one."""
    return [candidates[first::FOLDS] for first in range(min(FOLDS, len(candidates)))]


@dataclass(frozen=True, slots=True, order=True)
class Missed:
    """By how much held out values were missed, relative to the range: in the root mean square, and at most.

    NaN in both where nothing could be held out, infinite where a fit is impossible.
    """

    typical: float
    worst: float

    @property
    def error(self) -> float:
        """The latter, NaN where nothing is known of it."""
        return self.worst if isfinite(self.worst) else nan


IMPOSSIBLE = Missed(inf, inf)


def missed(fit: Fit, points: Floats, values: Floats, held: Iterable[Indices], enough: float = inf) -> Missed:
    """Returns how far a fit is off at points that were held out of it; from ``enough`` on it is not looked further.

    ``points``: (n, axes), ``values``: (n, outputs). Only what lies between the other points counts.
    """
    scale, off = ranges(values), np.empty(0)
    for part in held:
        kept = np.ones(len(points), bool)
        kept[part] = False
        model = fit(points[kept], values[kept])
        if model is None:
            return IMPOSSIBLE
        asked = part[model.inside(points[part])]
        found = np.abs(model.at(points[asked]) - values[asked]) / scale
        off = np.concatenate((off, found.max(axis=1)))
        if not np.isfinite(off).all():
            return IMPOSSIBLE
        if off.max(initial=0.0) >= enough:
            break
    return Missed(float(np.sqrt((off * off).mean())), float(off.max())) if len(off) else Missed(nan, nan)


def least(found: Mapping[str, Missed]) -> str:
    """Returns the name of what typically misses by least; the first where nothing is known."""
    return min(found, key=lambda name: inf if isnan(found[name].typical) else found[name].typical)
