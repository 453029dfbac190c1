"""Which length scales, signal and noise make what is known most likely."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cohobate.host.extras import require
from cohobate.learn.ard import LENGTHS, NOISE, STARTS, Normal, lengths_prior
from cohobate.learn.kernels import Floats
from cohobate.learn.process.covariance import covariance, pulled, variances

Noise = float | Literal["estimate"] | None
JITTER = 1e-9
"""Share of the variance of each row that is added to it, so that matrices can be inverted."""
SIGNAL = Normal(0.0, 2.0)
"""What is thought of the log signal variance of standardised values."""
SIGNALS = (1e-4, 1e6)
NOISES = (1e-10, 10.0)
STEPS = 60
ROWS = 500
"""Rows that scales are fitted to at most: of more points, evenly many of all ages."""


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """``lengths`` along axes of length 1; variances of the signal, and of the noise of values and of slopes; the mean.

    All for standardised values.
    """

    lengths: Floats
    signal: float = 1.0
    noise: float = 0.0
    slope_noise: float = 0.0
    mean: float = 0.0

    @classmethod
    def usual(cls, axes: int) -> Scales:
        """Returns what is assumed before anything is known."""
        return cls(np.full(axes, np.exp(lengths_prior(axes).centre)))

    def added(self, slopes: bool) -> Floats:
        """Returns what noise and rounding add to the variance of each row of one point: (rows,)."""
        own = JITTER * self.signal * variances(self.lengths, slopes)
        added: Floats = own + np.array([self.noise, *[self.slope_noise] * (len(own) - 1)])
        return added


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Standardised ``values``, (points, rows), at ``points`` of the unit cube: (points, axes).

    ``noise``: its standard deviation where it is known, "estimate", or ``None`` where there is none.
    """

    points: Floats
    values: Floats
    noise: Noise

    @property
    def slopes(self) -> bool:
        """Whether derivatives are among the values."""
        return bool(self.values.shape[1] > 1)

    def likeliest(self) -> Scales:
        """Returns the most likely scales: by L-BFGS-B from fixed starts, so a function of the evidence alone.

        Costs 0.1 s for 100 rows and 3 s for ``ROWS`` in three axes.
        """
        few = self._few()
        minimize = require("scipy.optimize", extra="learn").minimize
        axes = self.points.shape[1]
        bounds = np.log([LENGTHS] * axes + [SIGNALS] + [NOISES] * len(few._noises()))
        found = []
        for length, noise in STARTS:
            start = np.log([*[length * np.sqrt(axes)] * axes, 1.0, *[noise] * len(few._noises())])
            ended = minimize(
                few.unlikeliness, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
            )
            found.append((float(ended.fun), ended.x))
        return few._scales(min(found, key=lambda one: one[0])[1])

    def unlikeliness(self, logarithms: Floats) -> tuple[float, Floats]:
        """Returns minus the log of the likelihood times priors, less a constant, and its slopes.

        ``logarithms``: of lengths, signal, and of the noises that are not known. Rasmussen & Williams, eqs. 5.8,
        5.9, with the mean at its best (2.45, for a mean without a prior).
        """
        scales = self._scales(logarithms, mean=False)
        (n, rows), axes = self.values.shape, len(scales.lengths)
        alike = covariance(self.points, self.points, scales.lengths, (self.slopes, self.slopes))
        inverse, log_determinant = _inverse(scales.signal * alike + np.diag(np.tile(scales.added(self.slopes), n)))
        weights, _ = _weights(inverse, self.values)
        pull = 0.5 * (inverse - np.outer(weights, weights))
        own = np.diag(pull).reshape(n, rows).sum(axis=0)
        prior, along = lengths_prior(axes).excess(logarithms[:axes])
        lengths = scales.signal * pulled(pull, self.points, scales.lengths, self.slopes) + along
        rounding = JITTER * scales.signal * variances(scales.lengths, self.slopes)
        lengths[:] -= 2.0 * (own * rounding)[1:] if self.slopes else 0.0
        signal, by_signal = SIGNAL.excess(logarithms[axes : axes + 1])
        noise, by_noise = NOISE.excess(logarithms[axes + 1 :])
        noises = np.array([own[:1].sum() * scales.noise, own[1:].sum() * scales.slope_noise])[self._noises()]
        size = np.array([scales.signal * float((pull * alike).sum()) + own @ rounding]) + by_signal
        total = 0.5 * (float(self.values.ravel() @ weights) + log_determinant) + prior + signal + noise
        return total, np.concatenate((lengths, size, noises + by_noise))

    def _few(self) -> Evidence:
        n, rows = self.values.shape
        at = np.unique(np.linspace(0, n - 1, min(n, max(ROWS // rows, 2))).astype(int))
        return Evidence(self.points[at], self.values[at], self.noise)

    def _noises(self) -> list[int]:
        """Returns which noises are looked for: 0 that of values, 1 that of slopes."""
        return [0] * (self.noise == "estimate") + [1] * (self.noise is not None and self.slopes)

    def _scales(self, logarithms: Floats, *, mean: bool = True) -> Scales:
        axes = self.points.shape[1]
        known = float(self.noise) ** 2 if isinstance(self.noise, float | int) else 0.0
        noise = [known, 0.0]
        for at, logarithm in zip(self._noises(), logarithms[axes + 1 :], strict=True):
            noise[at] = float(np.exp(logarithm))
        scales = Scales(np.exp(logarithms[:axes]), float(np.exp(logarithms[axes])), noise[0], noise[1])
        if not mean:
            return scales
        alike = scales.signal * covariance(self.points, self.points, scales.lengths, (self.slopes, self.slopes))
        inverse, _ = _inverse(alike + np.diag(np.tile(scales.added(self.slopes), len(self.points))))
        return replace(scales, mean=_weights(inverse, self.values)[1])


def _weights(inverse: Floats, values: Floats) -> tuple[Floats, float]:
    """Returns the inverse times what exceeds the most likely mean, and that mean: slopes know nothing of it."""
    one = np.zeros(values.shape)
    one[:, 0] = 1.0
    pulls = inverse @ one.ravel()
    mean = float(pulls @ values.ravel() / (pulls @ one.ravel()))
    return inverse @ (values - mean * one).ravel(), mean


def _inverse(matrix: Floats) -> tuple[Floats, float]:
    """Returns the inverse of a positive definite matrix and the logarithm of its determinant."""
    linalg = require("scipy.linalg", extra="learn")
    factor = linalg.cholesky(matrix, lower=True)
    inverse: Floats = linalg.cho_solve((factor, True), np.eye(len(matrix)))
    return 0.5 * (inverse + inverse.T), 2.0 * float(np.log(np.diag(factor)).sum())
