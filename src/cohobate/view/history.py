"""Best-so-far against evaluations, of a run and of random orders of what it evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from cohobate.core.outcome import KINDS
from cohobate.core.payload import Payload

ORDERS = 20
"""How many random orders a run is compared with."""
EVALUATED = frozenset({"done", *KINDS}) - {"rejected"}
"""What the status of a row may be where it counts as an evaluation."""

Row = Mapping[str, Payload]


@dataclass(frozen=True, slots=True)
class History:
    """One objective over the evaluations of a run: all arrays have the shape (evaluations,).

    ``values`` is NaN where an evaluation failed; ``best`` and ``random`` are NaN before there is a
    value. ``random`` is the mean best-so-far of ``ORDERS`` random orders of the same evaluations,
    ``low`` and ``high`` the least and the greatest of them.
    """

    values: np.ndarray
    best: np.ndarray
    random: np.ndarray
    low: np.ndarray
    high: np.ndarray


def trace(rows: Iterable[Row], output: str, goal: str, *, seed: int = 0) -> History:
    """Returns the history of an objective (``goal``: minimize or maximize) from the rows of a table.

    Evaluations are final values and failures in the order they ended; rejected, cancelled and cached
    trials are none. What was never evaluated has no value here, so the random orders are those of
    the run's own evaluations: they end where the run does, and show how soon a blind order would
    have come upon the same.
    """
    values = np.array([_value(row, output) for row in sorted(filter(_counts, rows), key=_ended)], dtype=float)
    best = best_so_far(values, goal)
    shuffled = np.random.default_rng(seed).permuted(np.tile(values, (ORDERS, 1)), axis=1)
    orders = best_so_far(shuffled, goal)
    known = np.isfinite(orders)
    count = known.sum(axis=0)
    mean = np.where(known, orders, 0.0).sum(axis=0) / np.where(count, count, np.nan)
    return History(values, best, mean, np.fmin.reduce(orders, axis=0), np.fmax.reduce(orders, axis=0))


def best_so_far(values: np.ndarray, goal: str) -> np.ndarray:
    """Returns the best of the values up to each, along the last axis; NaN counts as no value.

    >>> best_so_far(np.array([np.nan, 2.0, 1.0, 3.0]), "maximize").tolist()
    [nan, 2.0, 2.0, 3.0]
    """
    better = np.fmax if goal == "maximize" else np.fmin
    return np.asarray(better.accumulate(values, axis=-1))


def _counts(row: Row) -> bool:
    """Whether a row is an evaluation: a final value or failure."""
    return row["status"] in EVALUATED and not row["cached"]


def _ended(row: Row) -> tuple[float, int]:
    return row["finished"], row["id"]


def _value(row: Row, output: str) -> float:
    """Returns the value of an output; NaN where there is none. One named like an input has a longer column name."""
    value = row.get(f"outputs.{output}", row.get(output))
    return float(value) if row["status"] == "done" and isinstance(value, float | int) else float("nan")
