"""Where a cheap model of what was evaluated leads downhill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from cohobate.propose.scaling import Numbers

STEPS: Final = 40
"""Steps downhill: enough to cross the unit cube and to settle within the spacing of points."""
FIRST: Final = 0.05
"""Length of the first step, in units of the square root of d."""


@final
@dataclass(frozen=True, slots=True)
class Model:
    """A cubic radial basis function with a linear tail through the values at points: (n, d)."""

    points: Numbers
    weights: Numbers
    tail: Numbers

    def values(self, u: Numbers) -> Numbers:
        """Returns the values at u: (m, d)."""
        distances = np.sqrt(_squares(u, self.points))
        found: Numbers = distances**3 @ self.weights + self.tail[0] + u @ self.tail[1:]
        return found

    def slopes(self, u: Numbers) -> Numbers:
        """Returns the gradients at u: (m, d)."""
        shares = 3 * np.sqrt(_squares(u, self.points)) * self.weights
        found: Numbers = shares.sum(axis=1)[:, None] * u - shares @ self.points + self.tail[1:]
        return found


def model_of(points: Numbers, values: Numbers) -> Model | None:
    """Returns the model through values at points that keep a distance; ``None`` where they are too few."""
    n, d = points.shape
    if n < 2 * (d + 1):
        return None
    tail = np.column_stack([np.ones(n), points])
    matrix = np.block([[np.sqrt(_squares(points, points)) ** 3, tail], [tail.T, np.zeros((d + 1, d + 1))]])
    found = np.linalg.lstsq(matrix, np.concatenate([values, np.zeros(d + 1)]), rcond=None)[0]
    return Model(points, found[:n], found[n:])


def downhill(model: Model, u: Numbers) -> Numbers:
    """Returns where the ways downhill from u: (m, d) end in the unit cube."""
    at, value = u, model.values(u)
    length = np.full((len(u), 1), FIRST * np.sqrt(u.shape[1]))
    for _ in range(STEPS):
        slope = model.slopes(at)
        slope[((at <= 0) & (slope > 0)) | ((at >= 1) & (slope < 0))] = 0
        norm = np.linalg.norm(slope, axis=1, keepdims=True)
        tried = np.clip(at - length * slope / np.where(norm > 0, norm, 1), 0, 1)
        found = model.values(tried)
        lower = found < value
        at, value = np.where(lower[:, None], tried, at), np.where(lower, found, value)
        length *= np.where(lower, 1.25, 0.5)[:, None]
    return at


def _squares(one: Numbers, other: Numbers) -> Numbers:
    between = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    found: Numbers = np.maximum(between, 0)
    return found
