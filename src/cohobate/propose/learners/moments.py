"""The mean and the variance of numbers that come one by one."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any, final

import numpy as np

Scalars = Any
"""A float, or an array of floats: each component is a number of its own."""


@final
class Moments:
    """The count, mean and variance of the numbers so far, without a sum of squares and its cancellation.

    B. P. Welford, Technometrics 4, 419 (1962); the mean is carried with its rounding error, so that it is
    exact to the last bit or so where it is large beside the deviations.
    """

    __slots__ = ("_low", "_mean", "_squares", "n")

    def __init__(self) -> None:
        self.n = 0
        self._mean: Scalars = 0.0
        self._low: Scalars = 0.0
        self._squares: Scalars = 0.0

    @property
    def mean(self) -> Scalars:
        """The mean of the numbers, 0 where there are none."""
        return self._mean + self._low

    def off(self, x: Scalars) -> Scalars:
        """Returns a number less the mean."""
        return (x - self._mean) - self._low

    def add(self, x: Scalars) -> None:
        """Takes in a number; ``ArithmeticError``, and nothing taken in, where squares do not fit floats."""
        if isinstance(x, np.ndarray):
            with np.errstate(over="ignore", invalid="ignore"):
                self._add(x)
        else:
            self._add(x)

    def _add(self, x: Scalars) -> None:
        n = self.n + 1
        delta = self.off(x)
        mean, low = _sum(self._mean, delta / n + self._low)
        squares = self._squares + delta * ((x - mean) - low)
        if not _fits(squares, delta if self.n else 0.0):
            raise ArithmeticError("too far off, or too near, to be squared")
        self.n, self._mean, self._low, self._squares = n, mean, low, squares

    def deviation(self) -> Scalars:
        """Returns the standard deviation of what the numbers were drawn from, infinite below two of them."""
        if self.n < 2:
            return self._squares + inf
        return _root(self._squares / (self.n - 1))

    def error(self, n: int | None = None) -> Scalars:
        """Returns the standard error of the mean, as it would be of ``n`` such numbers where given."""
        return self.deviation() / sqrt(n or self.n or 1)


def _sum(a: Scalars, b: Scalars) -> tuple[Scalars, Scalars]:
    """Returns the rounded sum and its rounding error (D. E. Knuth, TAOCP 2, 4.2.2, theorem B)."""
    total = a + b
    rest = total - a
    return total, (a - (total - rest)) + (b - rest)


def _fits(squares: Scalars, delta: Scalars) -> bool:
    """Whether a sum of squares is finite, and not 0 where something differs."""
    if isinstance(squares, np.ndarray):
        return bool((np.isfinite(squares) & ((squares > 0) | (delta == 0))).all())
    return squares < inf if squares else not delta


def _root(square: Scalars) -> Scalars:
    return np.sqrt(np.maximum(square, 0.0)) if isinstance(square, np.ndarray) else sqrt(max(square, 0.0))
