"""Functions with known optima for optimisers of continuous spaces; numpy only, as anchors import it too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Outputs = tuple[float, ...]
FACTORS = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
CENTRES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def branin(u: np.ndarray) -> float:
    x, y = 15 * u[0] - 5, 15 * u[1]
    return float(
        (y - 5.1 * x**2 / (4 * np.pi**2) + 5 * x / np.pi - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10
    )


def hartmann(u: np.ndarray) -> float:
    return -float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-(FACTORS * (u - CENTRES) ** 2).sum(axis=1)))


def currin(u: np.ndarray) -> float:
    x, y = u
    fading = 1 - np.exp(-1 / (2 * y)) if y > 0 else 1.0
    return float(fading * (2300 * x**3 + 1900 * x**2 + 2092 * x + 60) / (100 * x**3 + 500 * x**2 + 4 * x + 20))


def gramacy(u: np.ndarray) -> Outputs:
    """Gramacy et al. (2016), eq. 1: both limits are 0."""
    x, y = u
    first = 1.5 - x - 2 * y - 0.5 * np.sin(2 * np.pi * (x**2 - 2 * y))
    return float(x + y), float(first), float(x**2 + y**2 - 1.5)


def volume(points: np.ndarray, reference: np.ndarray) -> float:
    """The area that points, (n, 2), dominate up to ``reference``; both are minimized."""
    inside = points[(points < reference).all(axis=1)]
    total, height = 0.0, reference[1]
    for x, y in inside[np.argsort(inside[:, 0])]:
        if y < height:
            total, height = total + (reference[0] - x) * (height - y), y
    return total


@dataclass(frozen=True, slots=True)
class Case:
    """What is minimized over a unit cube, then what must be at most 0; ``regret`` of all true outputs so far."""

    axes: int
    objectives: int
    outputs: Callable[[np.ndarray], Outputs]
    regret: Callable[[np.ndarray], float]
    initial: int
    evaluations: int
    looked_at: tuple[int, ...]
    noise: float = 0.0
    reference: tuple[float, ...] | None = None

    def measured(self, u: np.ndarray, seed: int, number: int) -> tuple[Outputs, Outputs]:
        """Returns the true outputs at a point, and those of evaluation ``number``."""
        true = self.outputs(u)
        noise = self.noise * np.random.default_rng([seed, number]).standard_normal(len(true))
        return true, tuple(float(value) for value in np.array(true) + noise)


def least(optimum: float) -> Callable[[np.ndarray], float]:
    """Returns the regret of one objective, where limits are kept; the worst there is before that."""

    def regret(values: np.ndarray) -> float:
        kept = values[(values[:, 1:] <= 0).all(axis=1), 0]
        return float(kept.min() - optimum) if len(kept) else 2.0 - optimum

    return regret


def missing(reference: np.ndarray, largest: float) -> Callable[[np.ndarray], float]:
    """Returns the share of the largest hypervolume that is missing."""
    return lambda values: 1 - volume(values, reference) / largest


REFERENCE = (18.0, 6.0)
CASES = {
    "Branin": Case(2, 1, lambda u: (branin(u),), least(0.397887), 6, 30, (20, 30)),
    "Hartmann-6": Case(6, 1, lambda u: (hartmann(u),), least(-3.322368), 14, 50, (30, 50)),
    "Hartmann-6, noise 0.1": Case(6, 1, lambda u: (hartmann(u),), least(-3.322368), 14, 50, (30, 50), 0.1),
    "Gramacy, 2 limits": Case(2, 1, gramacy, least(0.599788), 6, 22, (14, 22)),
    "Branin-Currin": Case(
        2,
        2,
        lambda u: (branin(u), currin(u)),
        missing(np.array(REFERENCE), 59.36011875),
        6,
        30,
        (20, 30),
        0.0,
        REFERENCE,
    ),
}
