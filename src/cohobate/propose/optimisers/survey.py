"""What results of evaluations are to a least-squares fit: residuals, slopes, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import CallFailed
from cohobate.core.trial import Result
from cohobate.propose.optimisers.axes import Axes
from cohobate.propose.optimisers.marquardt import Known
from cohobate.propose.optimisers.scores import Scores, complaint
from cohobate.propose.scaling import Numbers

LARGE: Final = 1e100
"""Larger numbers, whose squares and products could overflow, count as failed."""


@final
@dataclass(frozen=True, slots=True)
class Survey:
    """Reads results at coordinates x; slopes by the values come from a function of these, or are an output."""

    axes: Axes
    scores: Scores
    jacobian: Callable[..., Any] | None = None
    output: str | None = None

    def known(self, x: Numbers, result: Result) -> Known | None:
        """Returns what a result tells; ``None`` where it failed. Raises ``CallFailed`` where that is the end."""
        residuals = self.scores.finite(result)
        slopes = None if residuals is None else self._slopes(x, result, (len(residuals), len(x)))
        if residuals is None or not _moderate(residuals) or not (slopes is None or _moderate(slopes)):
            if self.scores.failed == "raise":
                raise CallFailed(complaint(result, self.scores.name))
            return None
        return Known(x, residuals, slopes)

    def first(self, x: Numbers, result: Result) -> Known:
        """Returns what the first result tells; there is nothing to go on from where it failed."""
        known = self.known(x, result)
        if known is None:
            raise CallFailed(f"{complaint(result, self.scores.name)}; there is no value yet to go on from")
        return known

    def _slopes(self, x: Numbers, result: Result, shape: tuple[int, int]) -> Numbers | None:
        if self.jacobian is None and self.output is None:
            return None
        given = self.jacobian(np.array(self.axes.values(x))) if self.jacobian else result[str(self.output)]
        slopes = np.asarray(given, dtype=float)
        if slopes.shape != shape:
            what = self.output or "jac"
            raise CallFailed(f"trial {result.trial.id}: expected {what!r} of shape {shape}, got {slopes.shape}")
        return slopes * self.axes.slopes(x)


def _moderate(numbers: Numbers) -> bool:
    return bool(np.all(np.abs(numbers) < LARGE))
