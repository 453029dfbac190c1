"""The step of damped least squares that stays within bounds and within a radius."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from cohobate.propose.scaling import Numbers

Flags = NDArray[np.bool_]
Factors = tuple[Numbers, Numbers, Numbers]
CLOSE: Final = 0.1
"""Relative width about the radius within which a length is taken for it (Moré 1978)."""
MOST: Final = 60
"""Trials of a damping, at most."""
INNER: Final = 12
"""Steps within a bent model, at most."""
NIL: Final = np.finfo(float).eps
"""Singular values below this share of the largest are taken for zero."""


@final
@dataclass(frozen=True, slots=True)
class Bend:
    """How residuals depart from their slopes along one direction: by ``by`` (m,) * (along @ q)^2.

    It is what a point that was evaluated before has to tell beside the slopes (Bouaricha and Schnabel 1998).
    """

    along: Numbers
    by: Numbers


@final
@dataclass(frozen=True, slots=True)
class Model:
    """Residuals (m,) with slopes (m, d) in scaled coordinates q = scale * (x - at), and how far q may go: (d,)."""

    residuals: Numbers
    slopes: Numbers
    low: Numbers
    high: Numbers
    bend: Bend | None = None

    @property
    def gradient(self) -> Numbers:
        """The slope of half the sum of squares, zero where a bound holds against it: (d,)."""
        g: Numbers = self.slopes.T @ self.residuals
        return np.where(self._held(g), 0.0, g)

    def gain(self, q: Numbers) -> float:
        """Returns by how much half the sum of squares would fall."""
        moved = self._moved(q)
        return float(-(self.residuals @ moved) - 0.5 * moved @ moved)

    def step(self, radius: float) -> Numbers:
        """Returns the q of at most about ``radius`` that gains most."""
        q = self._straight(radius)
        if self.bend is None:
            return q
        shorter = [share * q for share in (0.25,)]
        found = [self._bent(one, radius) for one in (q, *shorter)]
        return max(found, key=self.gain)

    def _bent(self, q: Numbers, radius: float) -> Numbers:
        assert self.bend is not None
        size = radius
        for _ in range(INNER):
            slopes = self.slopes + 2 * (self.bend.by * (self.bend.along @ q)) @ self.bend.along
            near = Model(self.residuals + self._moved(q), slopes, self.low - q, self.high - q)
            tried = q + near._straight(size)
            length = float(np.linalg.norm(tried))
            tried = tried * min(1.0, radius / length) if length > 0 else tried
            more = self.gain(tried) - self.gain(q)
            if more > 0:
                q = tried
            else:
                size *= 0.25
            if abs(more) <= 1e-3 * abs(self.gain(q)):
                break
        return q

    def _moved(self, q: Numbers) -> Numbers:
        moved: Numbers = self.slopes @ q
        return moved if self.bend is None else moved + self.bend.by @ (self.bend.along @ q) ** 2

    def _straight(self, radius: float) -> Numbers:
        """The damping being what the radius takes (Moré 1978)."""
        free = ~self._held(self.slopes.T @ self.residuals)
        known = _factors(self.slopes[:, free])
        whole = self._damped(0.0, free, known)
        if np.linalg.norm(whole) <= (1 + CLOSE) * radius:
            return whole
        least, most = 0.0, float(np.linalg.norm(self.gradient)) / radius
        q, damping = whole, most / 1000
        for _ in range(MOST):
            q = self._damped(damping, free, known)
            length = float(np.linalg.norm(q))
            if abs(length - radius) <= CLOSE * radius:
                break
            least, most = (damping, most) if length > radius else (least, damping)
            damping = float(np.sqrt(least * most)) if least > 0 else most / 1000
        return q

    def _damped(self, damping: float, free: Flags, known: Factors) -> Numbers:
        """Returns the step of a damping; what would leave the bounds stays at them, and the rest is solved again."""
        q = np.zeros_like(self.low)
        q[free] = _solved(known, self.residuals, damping)
        beyond = (q < self.low) | (q > self.high)
        while (free & beyond).any():
            free = free & ~beyond
            q = np.clip(q, self.low, self.high)
            rest = self.residuals + self.slopes[:, ~free] @ q[~free]
            q[free] = _solved(_factors(self.slopes[:, free]), rest, damping)
            beyond = (q < self.low) | (q > self.high)
        return q

    def _held(self, gradient: Numbers) -> Flags:
        """Which coordinates are at a bound and would leave it downhill."""
        held: Flags = ((self.low >= 0) & (gradient > 0)) | ((self.high <= 0) & (gradient < 0))
        return held


def _factors(slopes: Numbers) -> Factors:
    u, s, v = np.linalg.svd(slopes, full_matrices=False)
    return u.T, np.where(s > NIL * max(slopes.shape) * s.max(initial=0.0), s, 0.0), v.T


def _solved(known: Factors, residuals: Numbers, damping: float) -> Numbers:
    u, s, v = known
    shares = np.divide(s, s**2 + damping, out=np.zeros_like(s), where=s > 0)
    found: Numbers = -(v @ (shares * (u @ residuals)))
    return found
