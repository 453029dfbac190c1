"""Quantiles of Student's t: how far a mean of few values may be off."""

from __future__ import annotations

from functools import cache
from math import atan, pi, sqrt
from statistics import NormalDist

EXACT = 200
"""Degrees of freedom from which the expansion about the normal distribution is good enough."""


@cache
def quantile(p: float, degrees: int) -> float:
    """Returns what a share ``p`` (above a half) of t does not exceed, to 9 digits at least.

    M. Abramowitz and I. Stegun, Handbook of Mathematical Functions (1964): 26.7.5, and for few degrees of
    freedom bisection of 26.7.3 and 26.7.4, which are exact.
    """
    if degrees >= EXACT:
        return _expanded(NormalDist().inv_cdf(p), degrees)
    lo, hi = 0.0, 2.0
    while _share(hi, degrees) < p:
        lo, hi = hi, 2 * hi
    while hi - lo > 1e-13 * hi:
        middle = 0.5 * (lo + hi)
        if not lo < middle < hi:
            break
        lo, hi = (middle, hi) if _share(middle, degrees) < p else (lo, middle)
    return 0.5 * (lo + hi)


def _share(t: float, degrees: int) -> float:
    """Returns the share of t below a positive number."""
    angle = atan(t / sqrt(degrees))
    cos2 = degrees / (degrees + t * t)
    sin = t / sqrt(degrees + t * t)
    term = total = sqrt(cos2) if degrees % 2 else 1.0
    for k in range(3 if degrees % 2 else 2, degrees - 1, 2):
        term *= cos2 * (k - 1) / k
        total += term
    if degrees % 2 == 0:
        return 0.5 + 0.5 * sin * total
    inner = 2 / pi * (angle + (sin * total if degrees > 1 else 0.0))
    return 0.5 + 0.5 * inner


def _expanded(x: float, degrees: int) -> float:
    """Returns the quantile from that of the normal distribution."""
    s = x * x
    terms = (
        (s + 1) / 4,
        ((5 * s + 16) * s + 3) / 96,
        (((3 * s + 19) * s + 17) * s - 15) / 384,
        ((((79 * s + 776) * s + 1482) * s - 1920) * s - 945) / 92160,
    )
    series: float = 1 + sum(term / float(degrees) ** i for i, term in enumerate(terms, 1))
    return x * series
