"""Losses of residuals that let single large ones count less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from cohobate.propose.scaling import Numbers

Rho = Callable[[Numbers], tuple[Numbers, Numbers, Numbers]]
"""Of squares z: the losses, and their first and second derivatives by z."""


def _huber(z: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    large = np.maximum(z, 1.0)
    root = np.sqrt(large)
    inside = z <= 1
    return (
        np.where(inside, z, 2 * root - 1),
        np.where(inside, 1.0, 1 / root),
        np.where(inside, 0.0, -0.5 / (root * large)),
    )


def _soft_l1(z: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    t = 1 + z
    return 2 * (np.sqrt(t) - 1), t**-0.5, -0.5 * t**-1.5


def _cauchy(z: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    return np.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2


def _arctan(z: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    t = 1 + z**2
    return np.arctan(z), 1 / t, -2 * z / t**2


LOSSES: Final[Mapping[str, Rho | None]] = {
    "linear": None,
    "soft_l1": _soft_l1,
    "huber": _huber,
    "cauchy": _cauchy,
    "arctan": _arctan,
}
"""Those of ``scipy.optimize.least_squares``."""


def cost(residuals: Numbers, loss: str, width: float) -> float:
    """Returns half the sum of losses; residuals well below ``width`` count by their squares."""
    rho = LOSSES[loss]
    if rho is None:
        return 0.5 * float(residuals @ residuals)
    return 0.5 * width**2 * float(rho((residuals / width) ** 2)[0].sum())


def weighed(residuals: Numbers, slopes: Numbers, loss: str, width: float) -> tuple[Numbers, Numbers]:
    """Returns residuals and slopes whose least squares have the gradient, and about the curvature, of the losses.

    After Triggs et al. (2000), as in scipy.
    """
    rho = LOSSES[loss]
    if rho is None:
        return residuals, slopes
    z = (residuals / width) ** 2
    _, first, second = rho(z)
    root = np.sqrt(np.maximum(first + 2 * second * z, np.finfo(float).eps))
    return residuals * first / root, slopes * root[:, None]
