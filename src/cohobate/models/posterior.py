"""A Gaussian process over a fixed pool: what a factor and known values say of every candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from cohobate.models.factor import Factor, product
from cohobate.models.kernels import Floats, Kernel
from cohobate.models.likelihood import default, fit
from cohobate.models.prediction import Prediction, Targets
from cohobate.models.units import Units


@dataclass(frozen=True, slots=True)
class GaussianView:
    """A pool by how alike its candidates are."""

    kernel: Kernel
    unfit: Mapping[int, str]

    def fit(self, targets: Targets) -> Gaussian:
        """Returns the process with the most likely hyperparameters: 0.3 s for 200 points of 100,000."""
        points = [point for point in targets if point not in self.unfit]
        known = {point: value for point in points if (value := targets[point]) is not None}
        values = np.array(list(known.values()))
        hyper = fit(self.kernel, list(known), values) if known else default(self.kernel)
        return Gaussian(Factor(self.kernel, hyper, points), self.unfit)


@final
class Gaussian:
    """A Gaussian process that takes in points one by one: O(points pool) for each."""

    __slots__ = ("_unfit", "factor")

    def __init__(self, factor: Factor, unfit: Mapping[int, str]) -> None:
        self.factor = factor
        self._unfit = unfit

    def predict(self, targets: Targets) -> Prediction:
        """Returns the posterior given ``targets``."""
        self.factor.follow([point for point in targets if point not in self._unfit])
        return predict(self.factor, targets)


def predict(factor: Factor, targets: Targets) -> Prediction:
    """Returns mean and deviation over the pool, given the values of the factor's points.

    A point without a value (``None``, pending) counts as if it were to return what is expected of
    it: the mean is as without it, the deviation as with it (Ginsbourger et al. 2010, "kriging
    believer"). The prior mean is the average of the known values: it rises as a search succeeds, so
    what is unlike anything seen stays attractive. Over 16 properties of 2,521 molecules (6 seeds
    each) 200 choices found more of the best 1 % than with the most likely mean in 10 and fewer in 5
    (with ``minimum`` overlap: 12 and 1), most of these differences being small. The signal variance
    is the most likely one (Rasmussen & Williams, eq. 5.8); values without spread get their own size
    as deviation.
    """
    values = [targets[point] for point in factor.points]
    known = np.array([value for value in values if value is not None])
    units = Units.of(known)
    # What is left of the variance is at least what float32 can tell.
    left = np.sqrt(np.maximum(factor.unexplained, 1e-7))
    if not units.spread:
        return Prediction(units.values(np.zeros(len(left))), units.widths(left), factor.correlation)
    white = _whitened(factor, _plain(units, values))
    signal = float(np.sqrt(white @ white / len(known)))
    expected = factor.explained(white).astype(np.float64)
    return Prediction(units.values(expected), units.widths(signal * left), factor.correlation)


def _plain(units: Units, values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else (value / units.size - units.centre) / units.spread for value in values]


def _whitened(factor: Factor, values: Sequence[float | None]) -> Floats:
    """Returns the factor's inverse times the values: (points,).

    The entries of pending points are those that make the result shortest, hence most likely: what
    the columns of the inverse that belong to them can explain is taken out.
    """
    pending = [at for at, value in enumerate(values) if value is None]
    white = product(factor.inverse, np.array([value or 0.0 for value in values]))
    if pending:
        free = factor.inverse[:, pending]
        white -= free @ np.linalg.solve(free.T @ free, free.T @ white)
    return white
