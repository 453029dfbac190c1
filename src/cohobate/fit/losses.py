"""How much residuals count: the loss of a term as a sum of squares, and how losses are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np

from cohobate.core.errors import BadOutput, UserError, did_you_mean
from cohobate.propose.scaling import Numbers

Loss = Literal["square", "absolute"] | Callable[[Mapping[str, Any]], float]
Reduce = Literal["sum", "mean", "root_mean"] | Callable[[Sequence[float]], float]
LOSSES: Final = ("square", "absolute")
REDUCERS: Final = ("sum", "mean", "root_mean")


def check_loss(loss: Loss, term: str) -> None:
    """Raises ``UserError`` for what is no loss."""
    if not callable(loss) and loss not in LOSSES:
        hint = did_you_mean(str(loss), LOSSES)
        raise UserError(f"term {term!r}: loss must be one of {list(LOSSES)} or a function, got {loss!r}{hint}")


def rooted(loss: Loss, residuals: Numbers, quantities: Mapping[str, Any], term: str) -> Numbers:
    """Returns residuals whose squares sum up to the loss of a term, without its weight."""
    if loss == "square":
        return residuals
    if loss == "absolute":
        found: Numbers = np.sign(residuals) * np.sqrt(np.abs(residuals))
        return found
    assert callable(loss)
    value = float(loss(quantities))
    if not 0 <= value < np.inf:
        raise BadOutput(f"term {term!r}: its loss must be a finite number of at least 0, got {value!r}")
    return np.array([np.sqrt(value)])
