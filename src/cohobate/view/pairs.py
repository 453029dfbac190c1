"""The objectives of a run two by two, and which candidates no other betters in all of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cohobate.core.front import nondominated
from cohobate.ledger.views import Follow
from cohobate.view.history import evaluations, unfit, value


@dataclass(frozen=True, slots=True)
class Front:
    """Evaluations with all objectives: ``values`` (n, objectives), ``fit`` and ``front`` (n,), ``trial`` (n,).

    ``fit`` may be the best, ``why`` says what the others have; ``front`` is fit, and bettered in all
    objectives by none that is.
    """

    outputs: tuple[str, ...]
    trial: np.ndarray
    values: np.ndarray
    fit: np.ndarray
    front: np.ndarray
    why: str = ""


def front(views: Follow) -> Front:
    """Returns the evaluations of a run as a front of its objectives."""
    goals = views.tally.goals
    rows = [(row, [value(row, output) for output in goals]) for row in evaluations(views)]
    rows = [(row, values) for row, values in rows if np.isfinite(values).all()]
    values = np.array([values for _, values in rows], dtype=float).reshape(-1, len(goals))
    fit = np.array([views.admissible(row) for row, _ in rows], dtype=bool)
    signs = np.array([1.0 if goal == "maximize" else -1.0 for goal in goals.values()])
    best = np.zeros(len(rows), dtype=bool)
    if fit.any():
        best[fit] = nondominated(values[fit] * signs)
    return Front(tuple(goals), np.array([row.trial.id for row, _ in rows], dtype=int), values, fit, best, unfit(views))


def pairs(outputs: tuple[str, ...], most: int = 6) -> list[tuple[int, int]]:
    """Returns which objectives are drawn against each other: all pairs, ``most`` at most."""
    return list(combinations(range(len(outputs)), 2))[:most]
