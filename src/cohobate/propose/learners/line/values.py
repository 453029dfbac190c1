"""Values of a function: numbers, or vectors of numbers that are all of one length."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from numbers import Real as RealNumber
from typing import Any

import numpy as np
import numpy.typing as npt

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload

Array = npt.NDArray[np.float64]
Number = float | tuple[float, ...]
"""A value as it is kept."""
EXPECTED = "expected a finite number or a 1-D array of them"


def checked(point: object, value: Payload, shape: tuple[int, ...] | None) -> Number:
    """Returns a value as it is kept; ``LearnerError`` unless it is finite and of ``shape`` (``None``: of any)."""
    if isinstance(value, float) and shape == () and value - value == 0.0:
        return float(value)
    number = _number(point, value)
    found = shape_of(number)
    if shape is not None and found != shape:
        raise LearnerError(f"Learner1D: the value at {point!r}: expected shape {shape}, got {found}: {value!r:.80}")
    return number


def checked_many(
    points: Sequence[float], values: Sequence[Payload], shape: tuple[int, ...] | None
) -> tuple[Array, tuple[int, ...]]:
    """Returns the values as one array, the first axis counting them, and the shape of each."""
    array = _array(values)
    if array is None or array.shape[1:] != (array.shape[1:] if shape is None else shape):
        kept: list[Number] = []
        for point, value in zip(points, values, strict=True):
            kept.append(checked(point, value, shape))
            shape = shape_of(kept[0])
        array = np.array(kept, dtype=float)
    return array, array.shape[1:]


def listed(array: Array) -> list[Number]:
    """Returns the rows of an array as values are kept."""
    return array.tolist() if array.ndim == 1 else [tuple(row) for row in array.tolist()]


def shape_of(value: Number) -> tuple[int, ...]:
    """Returns ``()`` for a number, else the length."""
    return (len(value),) if isinstance(value, tuple) else ()


def components(value: Number) -> Array:
    """Returns a value as an array."""
    return np.asarray(value, dtype=float)


def _array(values: Sequence[Payload]) -> Array | None:
    """Returns finite numbers as an array, ``None`` for what has to be looked at one by one."""
    try:
        array: npt.NDArray[Any] = np.asarray(values)
    except ValueError:  # of different lengths
        return None
    if array.dtype.kind not in "fiu" or array.ndim not in (1, 2) or array.size == 0:
        return None
    found = array.astype(np.float64)
    return found if np.isfinite(found).all() else None


def _number(point: object, value: Payload) -> Number:
    if isinstance(value, list | tuple | np.ndarray) and np.ndim(value) == 1 and len(value):
        return tuple(_float(point, one) for one in value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return _float(point, value.item())
    return _float(point, value)


def _float(point: object, value: Payload) -> float:
    if not isinstance(value, RealNumber):
        raise LearnerError(f"Learner1D: the value at {point!r}: {EXPECTED}, got {type(value).__name__} {value!r:.80}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise LearnerError(f"Learner1D: the value at {point!r}: {EXPECTED}, got {value!r:.80}")
    return number
