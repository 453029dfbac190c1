"""What a model predicted of the candidates it chose, against what came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohobate.ledger.views import Follow
from cohobate.view.history import evaluations, value

WIDE = 2.0
"""Standard deviations of a bar, to either side."""
SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
EXPECTED = 0.954
"""The share of results within such bars where deviations are right and errors normal."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Predictions of one output, in the order the results came: all arrays have the shape (results,).

    ``std`` is NaN where no deviation was predicted; deviations are those of the model, without noise.
    """

    trial: np.ndarray
    predicted: np.ndarray
    std: np.ndarray
    result: np.ndarray

    def __len__(self) -> int:
        return len(self.trial)

    @property
    def rmse(self) -> float:
        """The root mean square of result - prediction; NaN without results."""
        return float(np.sqrt(np.mean((self.result - self.predicted) ** 2))) if len(self) else float("nan")

    @property
    def rank_correlation(self) -> float:
        """Spearman's rank correlation; NaN where either has fewer than two different values."""
        a, b = ranks(self.predicted), ranks(self.result)
        if len(a) < 2 or not (a.std() and b.std()):
            return float("nan")
        return float(np.corrcoef(a, b)[0, 1])

    @property
    def coverage(self) -> float:
        """The share of results within ``WIDE`` deviations of their prediction; NaN without deviations."""
        known = np.isfinite(self.std)
        within = np.abs(self.result - self.predicted)[known] <= WIDE * self.std[known]
        return float(within.mean()) if known.any() else float("nan")


def parity(views: Follow, output: str) -> Parity:
    """Returns what was predicted of an output when each candidate was chosen, where there is a result."""
    noted = [(row, row.trial.note) for row in evaluations(views)]
    found = [
        (row.trial.id, note.mean[output], note.std.get(output, np.nan), value(row, output))
        for row, note in noted
        if note is not None and output in note.mean and np.isfinite(value(row, output))
    ]
    columns = np.array(found, dtype=float).reshape(-1, 4).T
    return Parity(columns[0].astype(int), *columns[1:])


def predicted(views: Follow) -> list[str]:
    """Returns the outputs that any candidate was chosen with a prediction of, in the order of the table."""
    known = {name for row in views.rows.by_trial.values() if row.trial.note for name in row.trial.note.mean}
    return [name for name in views.rows.outputs if name in known]


def ranks(values: np.ndarray) -> np.ndarray:
    """Returns ranks from 1, equal values sharing the mean of theirs.

    >>> ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse])
