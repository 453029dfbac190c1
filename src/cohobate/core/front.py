"""Which of several values are not beaten in everything by another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nondominated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns the Pareto front of ``values``: (points, objectives), all to be maximized, as a mask (points,).

    A point is on it unless another is at least as good in every objective and better in one; points
    that are equal stay together, and one with a NaN is never on it. O(points * front).

    >>> nondominated(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0]])).tolist()
    [True, True, False]
    """
    mask: NDArray[np.bool_] = np.zeros(len(values), bool)
    left = np.flatnonzero(~np.isnan(values).any(axis=1))
    left = left[np.argsort(-_ranks(values[left]), kind="stable")]  # what dominates comes before what it dominates
    while left.size:
        first, left = left[0], left[1:]
        mask[first] = True
        better = (values[left] > values[first]).any(axis=1)
        equal = (values[left] == values[first]).all(axis=1)
        left = left[better | equal]
    return mask


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns a score that grows with every objective, also for infinities: the sum of the ranks, (points,)."""
    ranks = [np.unique(column, return_inverse=True)[1] for column in values.T]
    total: NDArray[np.float64] = np.sum(ranks, axis=0, dtype=float) if len(ranks) else np.zeros(len(values))
    return total
