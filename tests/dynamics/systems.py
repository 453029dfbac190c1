"""Systems that the tests of dynamics run: argon crystals and clusters."""

from __future__ import annotations

import numpy as np

from cohobate.dynamics.data.atomic import AtomicData

EPSILON, SIGMA, CUTOFF = 0.0104, 3.405, 8.5
MASS = 39.948


def crystal(n: int, *, seed: int = 0, noise: float = 0.05, kelvin: float = 40.0) -> AtomicData:
    """Returns 4 n^3 argon atoms, displaced a little and moving."""
    rng = np.random.default_rng(seed)
    base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cells = np.array([[i, j, k] for i in range(n) for j in range(n) for k in range(n)])
    positions = (cells[:, None] + base[None]).reshape(-1, 3) * 5.26 + rng.normal(0, noise, (4 * n**3, 3))
    speed = np.sqrt(8.617333e-5 * kelvin / MASS * 0.009648533)
    fields = {
        "numbers": [18] * len(positions),
        "positions": positions,
        "velocities": rng.normal(0, speed, positions.shape),
        "masses": [MASS] * len(positions),
        "cell": np.eye(3)[None] * 5.26 * n,
        "pbc": [[True] * 3],
    }
    return AtomicData(fields)


def cluster(n: int, *, seed: int = 0) -> AtomicData:
    """Returns ``n`` argon atoms near each other, at rest."""
    rng = np.random.default_rng(seed)
    points = [np.zeros(3)]
    while len(points) < n:
        point = rng.normal(0, 4.0, 3)
        if min(np.linalg.norm(point - other) for other in points) > 3.4:
            points.append(point)
    return AtomicData({"numbers": [18] * n, "positions": np.array(points), "masses": [MASS] * n})
