"""How what is promised changes with what is predicted: logarithms of expectations with their derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohobate.host.extras import require
from cohobate.models.acquisition import log_improvement
from cohobate.models.hypervolume import TINY, Above, gained
from cohobate.models.kernels import Floats

SMALL = 1e-100
"""A step so small that its square vanishes beside any number, and what it leads to does not."""
LOG_ROOT = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True)
class Sloped:
    """Logarithms, (n,), and their derivatives by each predicted mean and deviation: (n, outputs)."""

    value: Floats
    by_mean: Floats
    by_std: Floats


def improvement(mean: Floats, std: Floats, best: float) -> Sloped:
    """Returns log E[max(f - best, 0)] for means and deviations, (n,), and its derivatives."""
    log_ndtr = require("scipy.special", extra="learn").log_ndtr
    z = (mean - best) / std
    log_unit = log_improvement(z)
    by_mean = np.exp(log_ndtr(z) - log_unit) / std
    by_std = np.exp(-0.5 * z * z - LOG_ROOT - log_unit) / std
    return Sloped(np.log(std) + log_unit, by_mean[:, None], by_std[:, None])


def chance_below(mean: Floats, std: Floats, limit: float) -> Sloped:
    """Returns log P[f <= limit] for means and deviations, (n,), and its derivatives."""
    z = (limit - mean) / std
    value = require("scipy.special", extra="learn").log_ndtr(z)
    by_z = np.exp(-0.5 * z * z - LOG_ROOT - value)
    return Sloped(value, (-by_z / std)[:, None], (-by_z * z / std)[:, None])


def hypervolume(mean: Floats, std: Floats, front: Floats, reference: Floats) -> Sloped:
    """Returns the log of the expected hypervolume improvement, (n,), and its derivatives.

    ``mean``, ``std``: (n, objectives). The volume is made of sums and products of what exceeds levels
    of one objective, so a step of ``SMALL`` along the imaginary axis carries each derivative through
    unharmed (Squire & Trapp 1998).
    """
    n, objectives = mean.shape
    copies = np.arange(1 + 2 * objectives).repeat(n)
    rows = np.tile(np.arange(n), 1 + 2 * objectives)
    volume = gained(_above(mean[rows], std[rows], copies), front, reference).reshape(-1, n)
    value = np.maximum(volume[0].real, TINY)
    slopes = np.where(volume[0].real > TINY, volume[1:].imag / SMALL / value, 0.0)
    return Sloped(np.log(value), slopes[:objectives].T, slopes[objectives:].T)


def _above(mean: Floats, std: Floats, copies: NDArray[np.intp]) -> Above:
    """Returns E[max(f - level, 0)]; copy 1 + k steps along mean k, copy 1 + objectives + k along deviation k."""
    ndtr = require("scipy.special", extra="learn").ndtr
    objectives = mean.shape[1]
    made: dict[tuple[int, float], NDArray[Any]] = {}

    def above(objective: int, level: float) -> NDArray[Any]:
        if (objective, level) not in made:
            s = std[:, objective]
            z = (mean[:, objective] - level) / s
            density, below = np.exp(-0.5 * z * z - LOG_ROOT), ndtr(z)
            step = np.where(copies == 1 + objective, below, np.where(copies == 1 + objectives + objective, density, 0))
            made[objective, level] = s * np.maximum(density + z * below, 0.0) + 1j * SMALL * step
        return made[objective, level]

    return above
