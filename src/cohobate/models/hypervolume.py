"""How much volume a candidate is expected to add to what a Pareto front dominates."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohobate.core.front import nondominated
from cohobate.host.extras import require
from cohobate.models.kernels import Floats

CHUNK = 4096
"""Candidates at a time, so that what is computed stays near the processor."""
COARSE = 4
"""Front points of the first pass, which looks at the whole pool."""
SHORTLIST = 1024
TINY = 1e-300

Above = Callable[[int, float], NDArray[Any]]


def log_expected_improvement(
    mean: Floats,
    std: Floats,
    front: Floats,
    reference: Floats,
    *,
    log_weight: Floats | None = None,
    ranked: int = 1,
    exactly: NDArray[np.intp] | None = None,
) -> Floats:
    """Returns the logarithm of the expected hypervolume improvement: (n,); all objectives are to be maximized.

    ``mean``, ``std``: (n, objectives); ``front``: (points, objectives); ``reference``: (objectives,), what
    is worth nothing; ``log_weight``: (n,), added to it. Exact for the rows ``exactly`` and where it can be
    among the ``ranked`` largest, elsewhere an upper bound that is below these: what a front without some
    of its points leaves to be gained is never less. Predictions are normal and independent.
    """
    weight = np.zeros(len(mean)) if log_weight is None else log_weight
    front = front[nondominated(front) & (front > reference).all(axis=1)]
    thin = front[np.argsort(front[:, 0], kind="stable")]
    thin = thin[np.unique(np.linspace(0, len(thin) - 1, COARSE).astype(int))] if len(thin) > COARSE else thin

    def exact(rows: NDArray[np.intp]) -> Floats:
        return _log(expected_improvement(mean[rows], std[rows], front, reference)) + weight[rows]

    scores = _log(expected_improvement(mean, std, thin, reference)) + weight
    if len(thin) < len(front):
        if exactly is not None:
            scores[exactly] = exact(exactly)
        _sharpen(scores, exact, ranked)
    return scores


def _log(volume: Floats) -> Floats:
    logarithm: Floats = np.log(np.maximum(volume, TINY))
    return logarithm


def expected_improvement(mean: Floats, std: Floats, front: Floats, reference: Floats) -> Floats:
    """Returns the expected hypervolume improvement of each candidate: (n,).

    What is not dominated is cut into boxes, and the gain in each is a product over the objectives (Yang
    et al. 2019, eq. 14, for any number of them). O(points^(objectives - 1)) for each candidate.
    """
    parts = [
        gained(_above(mean[at : at + CHUNK], std[at : at + CHUNK]), front, reference)
        for at in range(0, len(mean), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def gained(above: Above, front: Floats, reference: Floats) -> NDArray[Any]:
    """Cuts by levels of the last objective: between two, only points that reach the upper one dominate.

    ``above(objective, level)`` returns E[max(f - level, 0)].
    """
    last = len(reference) - 1
    if last == 0:
        return above(0, float(np.max(front, initial=reference[0])))
    levels = [float(reference[last]), *np.unique(front[:, last]).tolist()]
    total: NDArray[Any] = above(last, levels[-1]) * gained(above, front[:0, :last], reference[:last])
    for low, high in pairwise(levels):
        width = above(last, low) - above(last, high)
        total = total + width * gained(above, front[front[:, last] >= high, :last], reference[:last])
    return total


def _above(mean: Floats, std: Floats) -> Above:
    ndtr = require("scipy.special", extra="learn").ndtr
    made: dict[tuple[int, float], Floats] = {}

    def above(objective: int, level: float) -> Floats:
        if (objective, level) not in made:
            s = std[:, objective]
            z = (mean[:, objective] - level) / s
            density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
            made[objective, level] = s * np.maximum(density + z * ndtr(z), 0.0)
        return made[objective, level]

    return above


def _sharpen(bounds: Floats, exact: Callable[[NDArray[np.intp]], Floats], ranked: int) -> None:
    """Replaces upper bounds by what is exact, from the largest on, until none left can be among the ``ranked`` best."""
    order = np.argsort(-bounds, kind="stable")
    least, at, size = -np.inf, 0, max(SHORTLIST, ranked)
    while at < len(order) and bounds[order[at]] > least:
        rows = order[at : at + size]
        bounds[rows] = exact(rows)
        at, size = at + size, 2 * size
        sharp = bounds[order[:at]]
        least = float(np.partition(sharp, -min(ranked, len(sharp)))[-min(ranked, len(sharp))])


def reference_point(values: Floats) -> Floats:
    """Returns what is worth nothing: a tenth of the front's extent below its worst in each objective.

    ``values``: (n, objectives), all known ones; where the front has no extent, that of all counts.
    """
    front = values[nondominated(values)]
    extent = np.ptp(front, axis=0)
    extent = np.where(extent > 0, extent, np.ptp(values, axis=0))
    worst: Floats = front.min(axis=0) - 0.1 * np.where(extent > 0, extent, 1.0)
    return worst
