"""The six-hump camel function, and how many evaluations it took until all of its minima were hit."""

from __future__ import annotations

import numpy as np

BOUNDS = ((-3.0, 3.0), (-2.0, 2.0))
LIMIT = 2_000
"""Evaluations after which a run is given up."""
NEAR = 1e-3
HALF = (
    (0.0898420131, -0.7126564030),
    (1.7036067132, -0.7960835687),
    (1.6071047491, 0.5686514549),
)
"""Three of its minima; the others are their mirror images at the origin."""
MINIMA = np.array([*HALF, *((-x, -y) for x, y in HALF)])


def six_hump_camel(x: float, y: float) -> float:
    """Returns the six-hump camel function (Dixon and Szegö 1978)."""
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


def evaluations_until_all(points: np.ndarray) -> int:
    """Returns after how many of ``points``, (n, 2) in the order they ended, each minimum was hit; 0 for never."""
    near = np.linalg.norm(points[:, None] - MINIMA, axis=2) < NEAR
    return int(near.argmax(axis=0).max()) + 1 if near.any(axis=0).all() else 0
