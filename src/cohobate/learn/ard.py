"""How alike points of a space are, with a length scale for each direction, and which scales are most likely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohobate.host.extras import require
from cohobate.learn.kernels import Floats

LENGTHS = (0.02, 50.0)
"""Bounds of a length scale, where the space is a unit cube."""
NOISES = (1e-8, 10.0)
"""Bounds of noise over signal variance: above the lower one the matrices of hundreds of points can be inverted."""
IMAGINED = 2.0
"""Observations of unit variance that are added to those there are, so that the signal variance of few stays sane."""
STARTS = ((0.3, 1e-2), (1.0, 1e-6))
"""Length scales (times the root of the number of directions) and noises from which a fit begins."""
STEPS = 100


@dataclass(frozen=True, slots=True)
class Normal:
    """What is thought of a logarithm before anything is known."""

    centre: float
    width: float

    def excess(self, logarithms: Floats) -> tuple[float, Floats]:
        """Returns minus the log density, less a constant, summed over ``logarithms``, and its slopes."""
        z = (logarithms - self.centre) / self.width
        return 0.5 * float(z @ z), z / self.width


NOISE = Normal(float(np.log(1e-4)), 3.0)


@dataclass(frozen=True, slots=True)
class Scales:
    """``lengths``: (columns,), of each column of the points; ``noise`` over signal variance."""

    lengths: Floats
    noise: float


def matern(squares: Floats) -> tuple[Floats, Floats]:
    """Returns the correlation at squared scaled distances, and its slope with these.

    Matern with nu = 5/2 (Rasmussen & Williams, eq. 4.17).
    """
    root = np.sqrt(5.0 * np.maximum(squares, 0.0))
    fading = np.exp(-root)
    return (1.0 + root + root * root / 3.0) * fading, (-5.0 / 6.0) * (1.0 + root) * fading


def squares_between(ones: Floats, others: Floats) -> Floats:
    """Returns the squared distances of points, (ones, columns) and (others, columns): (ones, others)."""
    total: Floats = (ones * ones).sum(axis=1)[:, None] + (others * others).sum(axis=1)
    total -= 2.0 * ones @ others.T
    np.maximum(total, 0.0, out=total)
    return total


def default(groups: Sequence[int]) -> Scales:
    """Returns what to assume before anything is known; ``groups``: see ``fit``."""
    directions = max(groups, default=-1) + 1
    return Scales(np.full(len(groups), np.exp(lengths_prior(directions).centre)), float(np.exp(NOISE.centre)))


def fit(points: Floats, values: Floats, groups: Sequence[int]) -> Scales:
    """Returns the most likely scales for standardised ``values``, (points,), at ``points``, (points, columns).

    ``groups``: (columns,), the number of the length scale of each column, from 0. By L-BFGS-B from
    ``STARTS``, so the answer depends on the arguments alone; 40 ms for 100 points in 6 directions.
    """
    minimize = require("scipy.optimize", extra="learn").minimize
    directions = max(groups, default=-1) + 1
    likelihood = Likelihood.of(points, values, groups)
    bounds = [tuple(np.log(LENGTHS))] * directions + [tuple(np.log(NOISES))]
    found = []
    for length, noise in STARTS:
        start = np.log([*[length * np.sqrt(directions)] * directions, noise])
        ended = minimize(likelihood, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS})
        found.append((float(ended.fun), ended.x))
    best = min(found, key=lambda one: one[0])[1]
    return Scales(np.exp(best[:-1])[np.asarray(groups, int)], float(np.exp(best[-1])))


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Minus the log of how likely logarithms of length scales and noise are, as a function with its slopes.

    ``squares``: (directions, points * points), squared distances along each direction.
    """

    squares: Floats
    values: Floats

    @classmethod
    def of(cls, points: Floats, values: Floats, groups: Sequence[int]) -> Likelihood:
        """Returns that of ``values`` at ``points``."""
        directions, owner = max(groups, default=-1) + 1, np.asarray(groups, int)
        each = [_spread(points[:, owner == direction]) for direction in range(directions)]
        return cls(np.array(each).reshape(directions, len(points) ** 2), values)

    def __call__(self, logarithms: Floats) -> tuple[float, Floats]:
        """Returns it at ``logarithms``: (directions + 1,), the noise last.

        Rasmussen & Williams, eqs. 5.8 and 5.9, with the mean and the signal variance at their best
        (so their slopes vanish), the latter with ``IMAGINED`` observations; less log densities of
        ``NOISE`` and of the length scales.
        """
        n, inverse_squares = len(self.values), np.exp(-2.0 * logarithms[:-1])
        correlation, slope = matern((inverse_squares @ self.squares).reshape(n, n))
        noise = float(np.exp(logarithms[-1]))
        inverse, log_determinant = _inverse(correlation + noise * np.eye(n))
        weights = _weights(inverse, self.values)[0]
        misfit = float(self.values @ weights) + IMAGINED
        pull = 0.5 * (inverse - (n + IMAGINED) / misfit * np.outer(weights, weights))
        along = -2.0 * inverse_squares * (self.squares @ (pull * slope).ravel())
        lengths, noises = lengths_prior(len(along)).excess(logarithms[:-1]), NOISE.excess(logarithms[-1:])
        total = 0.5 * ((n + IMAGINED) * np.log(misfit) + log_determinant) + lengths[0] + noises[0]
        return total, np.concatenate((along + lengths[1], [noise * np.trace(pull)] + noises[1]))


def mean_and_signal(points: Floats, values: Floats, scales: Scales) -> tuple[Floats, float, float]:
    """Returns weights of the points, (points,), the most likely mean, and the most likely signal deviation."""
    correlation = matern(squares_between(points / scales.lengths, points / scales.lengths))[0]
    inverse = _inverse(correlation + scales.noise * np.eye(len(values)))[0]
    weights, mean = _weights(inverse, values)
    misfit = float(values @ weights) + IMAGINED
    return weights, mean, float(np.sqrt(misfit / (len(values) + IMAGINED)))


def _weights(inverse: Floats, values: Floats) -> tuple[Floats, float]:
    """Returns the inverse times what exceeds the most likely mean, and that mean."""
    ones = inverse.sum(axis=1)
    mean = float(ones @ values / ones.sum())
    return inverse @ (values - mean), mean


def _inverse(matrix: Floats) -> tuple[Floats, float]:
    """Returns the inverse of a positive definite matrix and the logarithm of its determinant."""
    lapack = require("scipy.linalg.lapack", extra="learn")
    factor, wrong = lapack.dpotrf(matrix, lower=True)
    assert wrong == 0, "the least noise keeps it positive definite"
    lower: Floats = np.tril(lapack.dpotri(factor, lower=True)[0])
    diagonal = np.diag(lower)
    return lower + lower.T - np.diag(diagonal), 2.0 * float(np.log(np.diag(factor)).sum())


def _spread(columns: Floats) -> Floats:
    squares: Floats = ((columns[:, None] - columns) ** 2).sum(axis=2).ravel()
    return squares


def lengths_prior(directions: int) -> Normal:
    """Longer the more directions there are, as distances grow with their root (Hvarfner et al. 2024, section 5)."""
    return Normal(float(np.log(0.5 * np.sqrt(max(directions, 1)))), 1.0)
