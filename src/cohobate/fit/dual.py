"""A number with its derivatives, so that an expression tells both at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from cohobate.propose.scaling import Numbers


@final
@dataclass(frozen=True, slots=True, eq=False)
class Dual:
    """A value, and how fast it grows with each of some variables: (d,)."""

    value: float
    slopes: Numbers

    def __add__(self, other: Operand) -> Dual:
        return Dual(self.value + value_of(other), self.slopes + _slopes(other))

    def __sub__(self, other: Operand) -> Dual:
        return self + -other

    def __mul__(self, other: Operand) -> Dual:
        b = value_of(other)
        return Dual(self.value * b, self.slopes * b + self.value * _slopes(other))

    def __truediv__(self, other: Operand) -> Dual:
        b = value_of(other)
        found = self.value / b
        return Dual(found, (self.slopes - found * _slopes(other)) / b)

    def __pow__(self, other: Operand) -> Dual:
        a, b = self.value, value_of(other)
        found = power(a, b)
        by_base = b * power(a, b - 1) * self.slopes if b else 0.0 * self.slopes
        return Dual(found, by_base + (found * math.log(a) * _slopes(other) if isinstance(other, Dual) else 0.0))

    def __rpow__(self, other: float) -> Dual:
        return Dual(other, 0.0 * self.slopes) ** self

    def __radd__(self, other: float) -> Dual:
        return self + other

    def __rsub__(self, other: float) -> Dual:
        return -self + other

    def __rmul__(self, other: float) -> Dual:
        return self * other

    def __rtruediv__(self, other: float) -> Dual:
        return Dual(other, 0.0 * self.slopes) / self

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slopes)

    def __abs__(self) -> Dual:
        return -self if self.value < 0 else self

    def __lt__(self, other: Operand) -> bool:
        return self.value < value_of(other)

    def __gt__(self, other: Operand) -> bool:
        return self.value > value_of(other)


Operand: TypeAlias = Dual | float
Function: TypeAlias = Callable[..., Operand]


def value_of(one: Operand) -> float:
    """Returns the value of a number, with derivatives or without."""
    return one.value if isinstance(one, Dual) else one


def power(base: float, exponent: float) -> float:
    """Returns base ** exponent; raises ``ValueError`` where that is no real number."""
    found = base**exponent
    if isinstance(found, complex):
        raise ValueError(f"({base}) ** ({exponent}) is no real number")
    return float(found)


def _slopes(one: Operand) -> Numbers | float:
    return one.slopes if isinstance(one, Dual) else 0.0


def _smooth(fn: Callable[[float], float], slope: Callable[[float], float]) -> Function:
    """Returns a function of numbers, with derivatives or without."""
    return lambda x: Dual(fn(x.value), slope(x.value) * x.slopes) if isinstance(x, Dual) else fn(x)


FUNCTIONS: Final[dict[str, Function]] = {
    "sqrt": _smooth(math.sqrt, lambda x: 0.5 / math.sqrt(x)),
    "exp": _smooth(math.exp, math.exp),
    "log": _smooth(math.log, lambda x: 1 / x),
    "sin": _smooth(math.sin, math.cos),
    "cos": _smooth(math.cos, lambda x: -math.sin(x)),
    "abs": abs,
    "min": min,
    "max": max,
}
