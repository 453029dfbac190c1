"""Points of the unit cube with their values, and which of them has no better one near."""

from __future__ import annotations

import math
from typing import final

import numpy as np

from cohobate.propose.scaling import Numbers

FIRST = 256
"""Points that there is room for at first."""


@final
class Cloud:
    """Points u: (d,), their values, and whose they are: the number of a local run, or ``None``.

    ``radius`` is the critical distance of Rinnooy Kan and Timmer (1987), eq. 8, which shrinks as sampled
    points become denser; adding a point and asking for starts costs O(points).
    """

    __slots__ = ("_free", "_gap", "_owners", "_sigma", "_u", "_values", "sampled", "size")

    def __init__(self, d: int, sigma: float) -> None:
        self._sigma = sigma
        self._u = np.empty((FIRST, d))
        self._values = np.empty(FIRST)
        self._gap = np.empty(FIRST)
        self._owners = np.empty(FIRST, dtype=int)
        self._free = np.zeros(FIRST, dtype=bool)
        self.size = 0
        self.sampled = 0

    @property
    def radius(self) -> float:
        """The distance within which a point without a better one may begin a local run."""
        d, k = self._u.shape[1], max(self.sampled, 2)
        ball = math.pi**-0.5 * (math.gamma(1 + d / 2) * self._sigma) ** (1 / d)
        return float(ball * (math.log(k) / k) ** (1 / d))

    @property
    def spread(self) -> float:
        """The median of the values above the least of them; 1 where that is 0."""
        values = self._values[: self.size]
        return float(np.median(values) - values.min()) or 1.0

    def add(self, u: Numbers, value: float, owner: int | None = None) -> int:
        """Takes in a point and returns its number; one without an owner was sampled, and may begin a run."""
        if self.size == len(self._values):
            self._grow()
        n = self.size
        gaps = np.linalg.norm(self._u[:n] - u, axis=1)
        worse, better = self._values[:n] > value, self._values[:n] < value
        self._gap[:n][worse] = np.minimum(self._gap[:n][worse], gaps[worse])
        self._gap[n] = gaps[better].min() if better.any() else np.inf
        self._u[n], self._values[n] = u, value
        self._owners[n] = -1 if owner is None else owner
        self._free[n] = owner is None
        self.size += 1
        self.sampled += owner is None
        return n

    def begin(self, number: int, owner: int) -> None:
        """Gives a point to the run that begins at it."""
        self._free[number], self._owners[number] = False, owner

    def starts(self) -> list[int]:
        """Returns the points that may begin a run, best first."""
        n = self.size
        fit = np.flatnonzero(self._free[:n] & (self._gap[:n] > self.radius))
        listed: list[int] = fit[np.argsort(self._values[fit], kind="stable")].tolist()
        return listed

    def apart(self, spacing: float, most: int) -> tuple[Numbers, Numbers]:
        """Returns points, best first, that keep a distance to all better ones, and their values."""
        u, values = self._u[: self.size], self._values[: self.size]
        left, kept = np.ones(self.size, dtype=bool), []
        for n in np.argsort(values, kind="stable").tolist():
            if left[n]:
                kept.append(n)
                left &= np.linalg.norm(u - u[n], axis=1) >= spacing
            if len(kept) == most:
                break
        return u[kept], values[kept]

    def at(self, number: int) -> Numbers:
        """Returns the point of a number."""
        u: Numbers = self._u[number].copy()
        return u

    def gap(self, u: Numbers, value: float, owner: int) -> float:
        """Returns how near the next point is that is better and of another owner."""
        n = self.size
        others = (self._values[:n] < value) & (self._owners[:n] != owner)
        return float(np.linalg.norm(self._u[:n][others] - u, axis=1).min()) if others.any() else math.inf

    def _grow(self) -> None:
        n = self.size
        self._u = np.concatenate([self._u, np.empty_like(self._u)])
        self._values, self._gap = (np.concatenate([one, np.empty(n)]) for one in (self._values, self._gap))
        self._owners = np.concatenate([self._owners, np.empty(n, dtype=int)])
        self._free = np.concatenate([self._free, np.zeros(n, dtype=bool)])
