"""What is expected of an output anywhere in a space, and how that changes along each direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohobate.host.extras import require
from cohobate.models.ard import Scales, fit, matern, mean_and_signal, squares_between
from cohobate.models.kernels import Floats
from cohobate.models.units import Units

LEAST = 1e-12
"""What is left of the variance at least, over signal variance."""


@dataclass(frozen=True, slots=True)
class Standard:
    """Brings values to mean 0 and deviation 1, and back."""

    units: Units
    spread: float

    @classmethod
    def of(cls, values: Floats) -> Standard:
        """Returns that of known values: (n,); values without spread keep their own size as unit."""
        units = Units.of(values)
        return cls(units, float(units.plain(values).std()) if units.spread else 1.0)

    def plain(self, values: Floats) -> Floats:
        """Returns standardised values; what is out of all proportion is cut at a million deviations."""
        with np.errstate(over="ignore"):
            return np.clip(self.units.plain(values) / self.spread, -1e6, 1e6)

    def values(self, x: Floats) -> Floats:
        """Returns the value of each standardised one."""
        return self.units.values(self.spread * x)

    def widths(self, x: Floats) -> Floats:
        """Returns the deviation of each standardised one."""
        return self.units.widths(self.spread * x)


@dataclass(frozen=True, slots=True)
class Sight:
    """Mean and deviation (without noise) at some points, (points,), and their slopes, (points, columns)."""

    mean: Floats
    std: Floats
    mean_slope: Floats
    std_slope: Floats


@dataclass(frozen=True, slots=True)
class Surface:
    """A Gaussian process given known points, and others whose values are still to come.

    Standardised: ``standard`` leads back to values. ``scaled``: (points, columns), over the length
    scales; ``weights``: (points,); ``inverse``: that of the Cholesky factor of their correlations.
    """

    standard: Standard
    scales: Scales
    scaled: Floats
    weights: Floats
    inverse: Floats
    mean: float
    signal: float

    @classmethod
    def of(cls, scales: Scales, points: Floats, values: Floats, pending: Floats | None = None) -> Surface:
        """Returns that of ``values``, (known,), at ``points``, (known, columns); ``pending``: (more, columns).

        A pending point counts as if it were to return what is expected of it: the mean is as without
        it, the deviation as with it (Ginsbourger et al. 2010, "kriging believer").
        """
        standard = Standard.of(values)
        weights, mean, signal = mean_and_signal(points, standard.plain(values), scales)
        every = points if pending is None else np.concatenate((points, pending))
        scaled = every / scales.lengths
        correlation = matern(squares_between(scaled, scaled))[0] + scales.noise * np.eye(len(every))
        linalg = require("scipy.linalg", extra="learn")
        inverse = linalg.solve_triangular(np.linalg.cholesky(correlation), np.eye(len(every)), lower=True)
        weights = np.concatenate((weights, np.zeros(len(every) - len(points))))
        return cls(standard, scales, scaled, weights, inverse, mean, signal)

    def at(self, points: Floats) -> tuple[Floats, Floats]:
        """Returns mean and deviation at ``points``, (n, columns): both (n,)."""
        correlation = matern(squares_between(points / self.scales.lengths, self.scaled))[0]
        explained = correlation @ self.inverse.T
        left = np.maximum(1.0 - (explained * explained).sum(axis=1), LEAST)
        return self.mean + correlation @ self.weights, self.signal * np.sqrt(left)

    def sight(self, point: Floats) -> Sight:
        """Returns mean, deviation and slopes at one point: (columns,)."""
        apart = point / self.scales.lengths - self.scaled
        correlation, by_square = matern((apart * apart).sum(axis=1))
        slopes = (2.0 * by_square)[:, None] * apart / self.scales.lengths
        explained = self.inverse @ correlation
        left = max(1.0 - float(explained @ explained), LEAST)
        std = self.signal * np.sqrt(left)
        falling = (self.inverse.T @ explained) @ slopes
        std_slope = -self.signal / np.sqrt(left) * falling if left > LEAST else np.zeros_like(falling)
        mean = self.mean + correlation @ self.weights
        return Sight(np.array([mean]), np.array([std]), (self.weights @ slopes)[None], std_slope[None])


def scales_of(points: Floats, values: Floats, groups: Sequence[int]) -> Scales:
    """Returns the most likely scales of values of any size."""
    return fit(points, Standard.of(values).plain(values), groups)
