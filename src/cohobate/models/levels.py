"""Candidates at several levels of accuracy as one Gaussian process: what is cheap tells of what is dear.

Candidate ``i`` of a pool of ``n`` at level ``k`` has the number ``k n + i``; the last level is the full
one. Values of the others are first brought to the scale of the full one by a straight line (the
autoregressive model of Kennedy & O'Hagan 2000); what is left unlike is a correlation between levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np

from cohobate.models.kernels import Floats, Kernel
from cohobate.models.posterior import Gaussian, GaussianView
from cohobate.models.prediction import Prediction, Targets
from cohobate.models.units import bounded, magnitude

CORRELATIONS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.99)
"""Between neighbouring levels, to choose from by likelihood."""
FLATTEST = 0.05
"""The least slope of a line between levels: a flatter one says that the cheap level tells nothing."""


@final
class Levelled:
    """The correlation of two levels times that of two candidates (Bonilla et al. 2008, eq. 1)."""

    __slots__ = ("_choices", "_kernel", "levels", "scales")

    def __init__(self, kernel: Kernel, levels: int) -> None:
        """``scales`` number the pairs of a scale of ``kernel`` and a correlation."""
        self._kernel = kernel
        self.levels = levels
        self._choices = list(product(kernel.scales, CORRELATIONS))
        self.scales = tuple(float(at) for at in range(len(self._choices)))

    def __len__(self) -> int:
        return self.levels * len(self._kernel)

    def row(self, i: int, scale: float) -> Floats:
        """Returns the correlations of one candidate at one level with all at all levels."""
        base, between = self._choices[int(scale)]
        level, at = divmod(i, len(self._kernel))
        alike = self._kernel.row(at, base)
        return np.concatenate([between ** abs(other - level) * alike for other in range(self.levels)])

    def between(self, ones: Sequence[int], others: Sequence[int], scale: float) -> Floats:
        """Returns the correlation of each of some with the same candidate at another level: (items,)."""
        apart = np.abs(np.array(ones, int) // len(self._kernel) - np.array(others, int) // len(self._kernel))
        correlation: Floats = self._choices[int(scale)][1] ** apart
        return correlation

    def among(self, items: Sequence[int], scale: float) -> Floats:
        """Returns the correlations among some."""
        base, between = self._choices[int(scale)]
        level, at = np.divmod(np.array(items, int), len(self._kernel))
        same, back = np.unique(at, return_inverse=True)
        alike = self._kernel.among(same.tolist(), base)[np.ix_(back, back)]
        correlation: Floats = alike * between ** np.abs(level[:, None] - level)
        return correlation


@dataclass(frozen=True, slots=True)
class Line:
    """full = slope * cheap + offset, for one level."""

    slope: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class LevelView:
    """A pool at several levels, by how alike its candidates are."""

    view: GaussianView
    levels: int

    @property
    def unfit(self) -> Mapping[int, str]:
        """Why some rows cannot be seen, at whatever level."""
        pool = len(self.view.kernel)
        return {level * pool + i: why for level in range(self.levels) for i, why in self.view.unfit.items()}

    def fit(self, targets: Targets) -> LevelGaussian:
        """Returns the process with the most likely correlation between levels (and length scale, and noise)."""
        kernel, pool = Levelled(self.view.kernel, self.levels), len(self.view.kernel)
        targets, _ = _sized(targets)
        lines = lines_of(targets, pool, self.levels)
        return LevelGaussian(kernel, GaussianView(kernel, self.unfit).fit(_lifted(targets, lines, pool)))


@final
class LevelGaussian:
    """A process over all levels, whose predictions are in the scale of each."""

    __slots__ = ("_kernel", "_process")

    def __init__(self, kernel: Levelled, process: Gaussian) -> None:
        self._kernel = kernel
        self._process = process

    def predict(self, targets: Targets) -> Prediction:
        """Returns the posterior given ``targets``: (levels * pool,)."""
        levels = self._kernel.levels
        pool = len(self._kernel) // levels
        targets, size = _sized(targets)
        lines = lines_of(targets, pool, levels)
        found = self._process.predict(_lifted(targets, lines, pool))
        slope, offset = (np.repeat([getattr(line, name) for line in lines], pool) for name in ("slope", "offset"))
        assert found.std is not None
        mean, std = (found.mean - offset) / slope, found.std / np.abs(slope)
        return Prediction(bounded(mean, size), bounded(std, size), found.correlation, self._told)

    def _told(self, ones: Sequence[int], others: Sequence[int]) -> Floats:
        factor = self._process.factor
        left = self._kernel.between(ones, others, factor.hyper.scale) - factor.shared(ones, others)
        variances = np.maximum(factor.unexplained[[ones, others]], 1e-7)
        correlation: Floats = left / np.sqrt(variances[0] * variances[1])
        return correlation


def lines_of(targets: Targets, pool: int, levels: int) -> list[Line]:
    """Returns the line of each level, least squares over the candidates known at it and at the full one.

    As if one more pair, a deviation from the middle, had the slope 1. Without pairs the means are matched.
    """
    known: list[dict[int, float]] = [{} for _ in range(levels)]
    for point, value in targets.items():
        if value is not None:
            known[point // pool][point % pool] = value
    return [*(_line(cheap, known[-1]) for cheap in known[:-1]), Line()]


def _line(cheap: Mapping[int, float], full: Mapping[int, float]) -> Line:
    if not (cheap and full):
        return Line()
    both = [i for i in full if i in cheap]
    if not both:
        return Line(1.0, float(np.mean(list(full.values())) - np.mean(list(cheap.values()))))
    x, y = (np.array([level[i] for i in both]) for level in (cheap, full))
    slope = _slope(x - x.mean(), y - y.mean())
    return Line(slope, float(y.mean() - slope * x.mean()))


def _slope(x: Floats, y: Floats) -> float:
    """Returns that of ``y`` over ``x``, both around their means: (pairs,)."""
    more = float(x @ x) / len(x)
    slope = (float(x @ y) + more) / (float(x @ x) + more) if more > 0 else 1.0
    return slope if abs(slope) >= FLATTEST else FLATTEST


def _sized(targets: Targets) -> tuple[Targets, float]:
    """Returns the values as multiples of a power of two, of which sums and squares are finite, and that."""
    size = magnitude(np.array([value for value in targets.values() if value is not None]))
    return {point: None if value is None else value / size for point, value in targets.items()}, size


def _lifted(targets: Targets, lines: Sequence[Line], pool: int) -> Targets:
    def lifted(point: int, value: float) -> float:
        line = lines[point // pool]
        return line.slope * value + line.offset

    return {point: None if value is None else lifted(point, value) for point, value in targets.items()}
