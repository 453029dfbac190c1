"""One real variable as a coordinate of an optimiser: its value, its place between bounds, or in units of a size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from cohobate.core.problem import Real
from cohobate.propose.scaling import values


class Coordinate(Protocol):
    """Maps values of a real to coordinates x, which increase with them, and back."""

    @property
    def lo(self) -> float:
        """The coordinate of the lower bound; infinite where there is none."""
        ...

    @property
    def hi(self) -> float:
        """The coordinate of the upper bound; infinite where there is none."""
        ...

    @property
    def step(self) -> float | None:
        """A change of x that is small but matters; ``None`` where that depends on x."""
        ...

    def at(self, value: float) -> float:
        """Returns the coordinate of a value."""
        ...

    def value(self, x: float) -> float:
        """Returns the value at ``x``, which is within the bounds."""
        ...

    def slope(self, x: float) -> float:
        """Returns how fast the value grows at ``x``."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Itself:
    """The value itself."""

    real: Real

    @property
    def lo(self) -> float:
        return float(self.real.lo)

    @property
    def hi(self) -> float:
        return float(self.real.hi)

    @property
    def step(self) -> float | None:
        return None

    def at(self, value: float) -> float:
        return float(value)

    def value(self, x: float) -> float:
        return float(x)

    def slope(self, x: float) -> float:
        return 1.0


@final
@dataclass(frozen=True, slots=True)
class Share:
    """Where the value, or its logarithm, lies between two finite bounds: within [0, 1]."""

    real: Real

    @property
    def lo(self) -> float:
        return 0.0

    @property
    def hi(self) -> float:
        return 1.0

    @property
    def step(self) -> float | None:
        return None

    def at(self, value: float) -> float:
        lo, hi = self.real.lo, self.real.hi
        return math.log(value / lo) / math.log(hi / lo) if self.real.log else (value - lo) / (hi - lo)

    def value(self, x: float) -> float:
        return float(values(self.real, np.array([x]))[0])

    def slope(self, x: float) -> float:
        lo, hi = self.real.lo, self.real.hi
        return self.value(x) * math.log(hi / lo) if self.real.log else float(hi - lo)


@final
@dataclass(frozen=True, slots=True)
class Sized:
    """The value in units of a size, which is a power of two so that nothing is rounded."""

    real: Real
    size: float

    @property
    def lo(self) -> float:
        return self.real.lo / self.size

    @property
    def hi(self) -> float:
        return self.real.hi / self.size

    @property
    def step(self) -> float | None:
        return 0.05

    def at(self, value: float) -> float:
        return value / self.size

    def value(self, x: float) -> float:
        return min(max(float(x * self.size), self.real.lo), self.real.hi)

    def slope(self, x: float) -> float:
        return self.size


@final
@dataclass(frozen=True, slots=True)
class Logarithm:
    """The natural logarithm of the value over that at the start, which is exact there."""

    real: Real
    size: float

    @property
    def lo(self) -> float:
        return self.at(self.real.lo) if self.real.lo > 0 else -math.inf

    @property
    def hi(self) -> float:
        return self.at(self.real.hi)

    @property
    def step(self) -> float | None:
        return 0.05

    def at(self, value: float) -> float:
        return math.log(value / self.size)

    def value(self, x: float) -> float:
        with np.errstate(over="ignore", under="ignore"):  # both are out of bounds, and said to be
            found = float(np.exp(x) * self.size)
        return min(max(found, self.real.lo), self.real.hi)

    def slope(self, x: float) -> float:
        return self.value(x)


def sized(real: Real, size: float) -> Sized | Logarithm:
    """Returns a coordinate in units of ``size``; of a real with ``log`` the logarithm."""
    return Logarithm(real, size) if real.log else Sized(real, 2.0 ** min(round(math.log2(size)), 1023))
