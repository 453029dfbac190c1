"""How much residuals count: each r adds rho(r) to the loss of its term."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, log1p
from typing import Any, Final, Literal, final

import numpy as np

from cohobate.core.errors import UserError, did_you_mean
from cohobate.propose.scaling import Numbers

Loss = Literal["square", "absolute", "huber", "soft_l1", "cauchy", "value"] | Callable[[Mapping[str, Any]], float]
Reduce = Literal["sum", "mean", "root_mean"] | Callable[[Sequence[float]], float]
REDUCERS: Final = ("sum", "mean", "root_mean")


@final
@dataclass(frozen=True, slots=True)
class Rho:
    """A loss of one residual, of an array of them, and its slope: of floats, (m,) and (m,)."""

    one: Callable[[float], float]
    many: Callable[[Numbers], Numbers]
    slope: Callable[[Numbers], Numbers]
    steepest: float = 1.0
    """The slope of ``rooted`` at zero."""

    def rooted(self, residuals: Numbers) -> Numbers:
        """Returns residuals (m,) of the same signs, whose squares are the losses."""
        found: Numbers = np.copysign(np.sqrt(self.many(residuals)), residuals)
        return found

    def rooted_slope(self, residuals: Numbers) -> Numbers:
        """Returns the slopes of ``rooted`` (m,)."""
        rooted = np.abs(self.rooted(residuals))
        flat = rooted == 0
        found: Numbers = np.where(flat, self.steepest, np.abs(self.slope(residuals)) / (2 * np.where(flat, 1, rooted)))
        return found


def _huber(r: float) -> float:
    r = abs(r)
    return r * r if r <= 1 else 2 * r - 1


def _hubers(r: Numbers) -> Numbers:
    r = np.abs(r)
    found: Numbers = np.where(r <= 1, r * r, 2 * r - 1)
    return found


RHO: Final[Mapping[str, Rho]] = {
    "square": Rho(lambda r: r * r, lambda r: r * r, lambda r: 2 * r),
    "absolute": Rho(abs, np.abs, np.sign, np.inf),
    "huber": Rho(_huber, _hubers, lambda r: 2 * np.clip(r, -1, 1)),
    # 2 (sqrt(1 + r²) - 1), without the difference of two numbers that are nearly equal.
    "soft_l1": Rho(
        lambda r: 2 * r * (r / (hypot(1, r) + 1)),
        lambda r: 2 * r * (r / (np.hypot(1, r) + 1)),
        lambda r: 2 * r / np.hypot(1, r),
    ),
    "cauchy": Rho(lambda r: log1p(r * r), lambda r: np.log1p(r * r), lambda r: 2 * r / (1 + r * r)),
}
"""By name; all but ``absolute`` are r² near zero, so that a residual of 1, one sigma, is where they begin to differ."""
LOSSES: Final = (*RHO, "value")


def check_loss(loss: Loss, term: str) -> None:
    """Raises ``UserError`` for what is no loss."""
    if not callable(loss) and loss not in LOSSES:
        hint = did_you_mean(str(loss), LOSSES)
        raise UserError(f"term {term!r}: loss must be one of {list(LOSSES)} or a function, got {loss!r:.60}{hint}")


def check_reduce(reduce: Reduce, who: str) -> None:
    """Raises ``UserError`` for what is no reducer."""
    if not callable(reduce) and reduce not in REDUCERS:
        hint = did_you_mean(str(reduce), REDUCERS)
        raise UserError(f"{who}: reduce must be one of {list(REDUCERS)} or a function, got {reduce!r:.60}{hint}")
