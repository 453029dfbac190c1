"""Numbers that users give: settings, points and values, read in one place."""

from __future__ import annotations

from math import isfinite
from numbers import Integral
from numbers import Real as Number

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload


def number(value: Payload, what: str) -> float:
    """Returns a finite number as a float; ``LearnerError`` for anything else (NaN, text, an array of more than one).

    ``what`` names it in the message, such as ``"IntegratorLearner: the value at 0.5"``.
    """
    read: float = value if type(value) is float else _float(value, what)
    if not isfinite(read):
        raise LearnerError(f"{what}: expected a finite number, got {value!r}; tell None where there is no value")
    return read


def positive(value: Payload, what: str) -> float:
    """Returns a positive finite number as a float."""
    if (read := number(value, what)) <= 0:
        raise LearnerError(f"{what}: expected a positive number, got {value!r}")
    return read


def whole(value: Payload, least: int, most: int, what: str) -> int:
    """Returns a whole number from ``least`` to ``most`` as an int."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        raise LearnerError(f"{what}: expected a whole number from {least} to {most}, got {value!r:.80}")
    return int(value)


def expect_kind(kind: str | None, only: str, who: str) -> None:
    """Refuses any kind of what is learned but the ``only`` one, and ``None`` for that one."""
    if kind not in (None, only):
        raise LearnerError(f"{who}: learned() gives {only!r} only, got {kind!r}")


def _float(value: Payload, what: str) -> float:
    plain = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if isinstance(plain, bool | np.bool_) or not isinstance(plain, Number):
        raise LearnerError(f"{what}: expected a number, got {value!r:.80}")
    try:
        return float(plain)
    except OverflowError:
        raise LearnerError(f"{what}: expected a number that fits a float, got {value!r:.80}") from None
