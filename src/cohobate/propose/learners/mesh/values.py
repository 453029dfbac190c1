"""Values as they are told: their shape, their range, and numbers that losses can be made of."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, prod
from typing import final

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload

Flat = float | tuple[float, ...]
"""A number, or the numbers of an array one after the other."""
GROWN = 1.15
"""What the range must have grown by since losses were last made, before they are made again."""


@final
class Values:
    """The shape, which the first value decides, and the range of all components together.

    ``range`` is the largest of a component; ``scale`` is one over it at the time of ``fix``: what losses
    multiply values by. Components share one range: bring those of different units to comparable ones.
    """

    __slots__ = ("_fixed", "_hi", "_lo", "range", "scale", "shape")

    def __init__(self) -> None:
        self.shape: tuple[int, ...] | None = None
        self._lo: list[float] = []
        self._hi: list[float] = []
        self._fixed = 0.0
        self.range = 0.0
        self.scale = 1.0

    @property
    def size(self) -> int:
        """How many numbers a value has; 1 while none is known."""
        return prod(self.shape) if self.shape else 1

    def check(self, value: Payload) -> tuple[Payload, Flat]:
        """Returns a value as it is kept and as numbers; ``LearnerError`` for what is no finite number or array."""
        if type(value) is not float:
            return self._array(value)
        if not isfinite(value):
            raise LearnerError(f"LearnerND: expected finite values, got {value!r}")
        self._fits((), value)
        return value, value

    def check_all(self, values: Sequence[Payload]) -> list[tuple[Payload, Flat]]:
        """Returns many values as ``check`` does; the first decides the shape of the others."""
        shape = self.shape
        checked = []
        try:
            for value in values:
                checked.append(self.check(value))
                if self.shape is None:
                    self.shape = np.shape(checked[0][0])
        finally:
            self.shape = shape
        return checked

    def take(self, kept: Payload, value: Flat) -> None:
        """Takes in a checked value, as it is kept and as numbers: the first decides the shape."""
        numbers = value if isinstance(value, tuple) else (value,)
        if self.shape is None:
            self.shape = np.shape(kept)
            self._lo, self._hi = list(numbers), list(numbers)
            return
        for i, number in enumerate(numbers):
            if number < self._lo[i]:
                self._lo[i] = number
            elif number > self._hi[i]:
                self._hi[i] = number
            else:
                continue
            self.range = max(self.range, self._hi[i] - self._lo[i])

    def outgrown(self) -> bool:
        """Whether the range is wider than losses were made for."""
        return self.range > self._fixed * GROWN

    def fix(self) -> None:
        """Makes ``scale`` that of the range now."""
        self._fixed = self.range
        self.scale = 1 / (self._fixed or 1.0)

    def difference(self, one: Flat, other: Flat) -> float:
        """Returns the largest difference of a component, relative to the range."""
        if isinstance(one, tuple) and isinstance(other, tuple):
            found = max([abs(a - b) for a, b in zip(one, other, strict=True)], default=0.0)
        else:
            found = abs(one - other)  # type: ignore[operator]  # both are numbers, values have one shape
        return found / (self.range or 1.0)

    def _array(self, value: Payload) -> tuple[Payload, Flat]:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise LearnerError(f"LearnerND: expected a number or an array of numbers, got {value!r:.80}") from error
        if array.dtype.kind not in "iuf":
            raise LearnerError(f"LearnerND: expected a number or an array of numbers, got {value!r:.80}")
        array = array.astype(float)
        if not array.size or not np.isfinite(array).all():
            raise LearnerError(f"LearnerND: expected finite values, got {value!r:.80}")
        self._fits(array.shape, value)
        if array.ndim == 0:
            return float(array), float(array)
        return array, tuple(array.ravel().tolist())

    def _fits(self, shape: tuple[int, ...], value: Payload) -> None:
        if self.shape is not None and shape != self.shape:
            raise LearnerError(
                f"LearnerND: expected values of shape {self.shape} as the first was, got {value!r:.80} of shape {shape}"
            )


def mixed(weights: Sequence[float], values: Sequence[Flat]) -> Flat:
    """Returns a weighted sum of values."""
    if isinstance(values[0], tuple):
        columns = zip(*map(as_tuple, values), strict=True)
        return tuple([_sum(weights, column) for column in columns])
    return _sum(weights, values)  # type: ignore[arg-type]  # all are numbers, as the first is


def _sum(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum([w * y for w, y in zip(weights, values, strict=True)])


def as_tuple(value: Flat) -> tuple[float, ...]:
    """Returns a value as numbers one after the other."""
    return value if isinstance(value, tuple) else (value,)
