"""Best-so-far against evaluations, run time and model version, of a run and of random orders of what it evaluated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohobate.core.outcome import KINDS
from cohobate.core.payload import Payload
from cohobate.ledger.rows import Row
from cohobate.ledger.views import Follow
from cohobate.view.clock import run_time

ORDERS = 20
"""How many random orders a run is compared with."""
EVALUATED = frozenset({"done", *KINDS}) - {"rejected"}
"""What the status of a row may be where it counts as an evaluation."""


@dataclass(frozen=True, slots=True)
class History:
    """One objective over the evaluations of a run: all arrays have the shape (evaluations,).

    ``values`` is NaN where an evaluation failed; ``fit`` tells where there is a value that keeps to
    the constraints at the full level of accuracy, ``why`` in words what the others have. Only what is
    fit makes ``best`` and ``random``, which are NaN before there is any. ``random`` is the mean
    best-so-far of ``ORDERS`` random orders of the same evaluations from where all of them have one,
    ``low`` and ``high`` the least and the greatest of them. ``seconds`` is the run time at which each ended.
    """

    values: np.ndarray
    fit: np.ndarray
    best: np.ndarray
    random: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seconds: np.ndarray
    why: str = ""

    @property
    def failed(self) -> np.ndarray:
        """Where an evaluation gave no value."""
        return np.asarray(~np.isfinite(self.values))


def evaluations(views: Follow) -> list[Row]:
    """Returns final values and failures in the order they ended; rejected, cancelled and cached trials are none."""
    return sorted(filter(_counts, views.rows.by_trial.values()), key=_ended)


def trace(views: Follow, output: str, *, seed: int = 0) -> History:
    """Returns the history of an objective.

    What was never evaluated has no value here, so the random orders are those of the run's own
    evaluations: they end where the run does, and show how soon a blind order would have come upon
    the same.
    """
    rows, goal = evaluations(views), views.tally.goals[output]
    values = np.array([value(row, output) for row in rows], dtype=float)
    kept = np.array([views.admissible(row) for row in rows], dtype=bool)
    fit = np.isfinite(values) & kept
    judged = np.where(fit, values, np.nan)
    shuffled = np.random.default_rng(seed).permuted(np.tile(judged, (ORDERS, 1)), axis=1)
    orders = best_so_far(shuffled, goal)
    ended = run_time(np.array([_ended(row)[0] for row in rows]), views.opened)
    of_orders = orders.mean(axis=0), orders.min(axis=0), orders.max(axis=0)
    return History(values, fit, best_so_far(judged, goal), *of_orders, ended, unfit(views))


def unfit(views: Follow) -> str:
    """Returns why a value of this run may not count as the best, in words."""
    reasons = ["breaks a constraint"] * bool(views.tally.limits) + ["of a cheaper level"] * bool(views.tally.level)
    return " or ".join(reasons) or "not comparable"


def best_so_far(values: np.ndarray, goal: str) -> np.ndarray:
    """Returns the best of the values up to each, along the last axis; NaN counts as no value.

    >>> best_so_far(np.array([np.nan, 2.0, 1.0, 3.0]), "maximize").tolist()
    [nan, 2.0, 2.0, 3.0]
    """
    better = np.fmax if goal == "maximize" else np.fmin
    return np.asarray(better.accumulate(values, axis=-1))


def value(row: Row, output: str) -> float:
    """Returns an output of a trial as a number; NaN where there is none."""
    found: Payload = row.outputs.get(output)
    return float(found) if isinstance(found, float | int) else float("nan")


def _counts(row: Row) -> bool:
    return row.status in EVALUATED and row.final is not None and not row.final.cached


def _ended(row: Row) -> tuple[float, int]:
    return (row.final.at if row.final else 0.0), row.trial.id
