"""One fraction of polynomials over a whole axis: for smooth functions the most that few points can tell."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import MissingExtra
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.learn.interpolants.model import Mask
from cohobate.learn.interpolants.pieces import between
from cohobate.learn.kernels import Floats

TERMS = 60
"""A function that so many terms do not resolve is none for a fraction; noise takes them all."""
TOLERANCES = (1e-12, 1e-10, 1e-8)
"""How near to known values a fraction comes, relative to the largest: what rounding adds may have poles."""
NEAR = 0.01
"""A pole nearer to the axis than this share of the gap between the points around it was not seen by them."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """One output in barycentric form: sum w f / (x - s) over sum w / (x - s); all (terms,)."""

    supports: Floats
    values: Floats
    weights: Floats

    def __call__(self, x: NDArray[np.inexact]) -> Payload:
        """Returns the values at ``x``, (n,), real or complex."""
        apart = x[:, None] - self.supports
        hit = apart == 0
        shares = self.weights / np.where(hit, 1.0, apart)
        shares[hit.any(axis=1)] = 0.0
        shares[hit] = 1.0
        return shares @ self.values / shares.sum(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Rational:
    """A fraction for each output over the known points ``x``: (n,)."""

    x: Floats
    outputs: tuple[Terms, ...]

    def at(self, points: Floats) -> Floats:
        """Returns the values; outside, where poles may be, the fraction goes on."""
        return np.stack([one(points[:, 0]) for one in self.outputs], axis=1)

    def slope(self, points: Floats) -> Floats:
        """Returns the derivatives, by a step along the imaginary axis (Squire & Trapp 1998)."""
        step = 1e-30 * (self.x[-1] - self.x[0])
        slopes = [np.imag(one(points[:, 0] + 1j * step)) / step for one in self.outputs]
        return np.stack(slopes, axis=1)[:, :, None]

    def inside(self, points: Floats) -> Mask:
        """Returns which points lie between the outermost ones."""
        return between(points, self.x)


def rational(points: Floats, values: Floats) -> Rational | None:
    """Returns fractions made by AAA (Nakatsukasa, Sete & Trefethen 2018); ``None`` where one has a pole between points.

    Each step takes the point where the last fraction is furthest off as one more support. 3 ms for a
    smooth function of 100 points; noise takes ``TERMS`` steps. Needs scipy 1.15.
    """
    interpolate = require("scipy.interpolate", extra="learn")
    if not hasattr(interpolate, "AAA"):
        raise MissingExtra("rational interpolants need scipy 1.15 or newer: pip install -U scipy")
    x = points[:, 0]
    made = [_made(interpolate.AAA, x, column) for column in values.T]
    return None if None in made else Rational(x, tuple(one for one in made if one is not None))


def _made(aaa: Callable[..., Payload], x: Floats, y: Floats) -> Terms | None:
    """Returns the fraction of the least tolerance that has no pole between points, if one has none."""
    centre, terms = y.mean(), min(TERMS, len(x) - 1)
    for tolerance in TOLERANCES:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # not resolved: that is looked at below
            try:
                made = aaa(x, y - centre, rtol=tolerance, max_terms=terms)
            except ValueError:  # points so near to each other that its matrices overflow
                return None
            poles = made.poles() if len(made.support_points) > 1 else np.empty(0)
        if len(made.support_points) == TERMS:
            return None
        if not _hidden(poles, x):
            return Terms(made.support_points, centre + made.support_values, made.weights)
    return None


def _hidden(poles: NDArray[np.inexact], x: Floats) -> bool:
    """Whether a pole lies so near to the axis that the points on both sides of it cannot have shown it."""
    poles = poles[np.isfinite(poles)]
    piece = np.clip(np.searchsorted(x, poles.real) - 1, 0, len(x) - 2)
    within = (poles.real >= x[0]) & (poles.real <= x[-1])
    return bool((within & (np.abs(poles.imag) < NEAR * np.diff(x)[piece])).any())
