"""The length scale and noise under which known values are most likely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohobate.models.kernels import Floats, Kernel
from cohobate.models.units import Units

NOISES = tuple(float(noise) for noise in 10.0 ** np.arange(-4, 0.1, 0.5))
"""Ratios of noise to signal variance to choose from: coarse, as the likelihood is flat between."""


@dataclass(frozen=True, slots=True)
class Hyper:
    """What is chosen by likelihood: the kernel's length scale, and noise over signal variance."""

    scale: float
    noise: float = 1e-2


def default(kernel: Kernel) -> Hyper:
    """Returns what to assume before anything is known."""
    return Hyper(kernel.scales[len(kernel.scales) // 2])


def fit(kernel: Kernel, items: list[int], values: Floats) -> Hyper:
    """Returns the most likely choice of the grid for ``values``: (items,) at these candidates.

    The signal variance is at its optimum, so each length scale costs one eigendecomposition.
    """
    best, likely = default(kernel), -np.inf
    for scale in kernel.scales:
        likelihoods = log_likelihoods(kernel.among(items, scale), values)
        at = int(np.argmax(likelihoods))
        if likelihoods[at] > likely:
            best, likely = Hyper(scale, NOISES[at]), likelihoods[at]
    return best


def log_likelihoods(correlation: Floats, values: Floats) -> Floats:
    """Returns the log marginal likelihood for each of ``NOISES``, less a constant.

    Rasmussen & Williams, eq. 5.8, with K = s^2 (R + noise I) and the mean of the values taken off: in
    the eigenbasis of R the best s^2 is an average. Values without spread are equally likely under any
    noise.
    """
    units = Units.of(values)
    if not units.spread:
        return np.zeros(len(NOISES))
    eigenvalues, basis = np.linalg.eigh(correlation)
    variance = np.clip(eigenvalues, 0, None)[:, None] + np.array(NOISES)
    signal = np.square(basis.T @ units.plain(values)) @ (1 / variance) / len(values)
    likelihoods: Floats = -0.5 * (len(values) * np.log(signal) + np.log(variance).sum(axis=0))
    return likelihoods
