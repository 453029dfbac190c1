"""Nested Clenshaw-Curtis rules of 5, 9, 17 and 33 nodes, as polynomials in orthonormal Legendre functions.

P. Gonnet, ACM TOMS 37(3), 26 (2010), doi 10.1145/1824801.1824804: an interpolant is the vector of its
coefficients, so that two of them are compared by the norm of a difference, and one is known on half of its
interval by a matrix. All is on [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, hypot, pi
from typing import Any

import numpy as np

Vector = np.ndarray[Any, np.dtype[np.float64]]

DEEPEST = 3
"""The depth of the finest rule; the coarsest has depth 0."""
LAST = 32
"""The index of the last node of the finest rule, where nodes are counted."""
MIDDLE = 16
STRIDES = (8, 4, 2, 1)
"""Which nodes the rules take of those of the finest: every eighth, and so on."""
NEW = (tuple(range(0, 33, 8)), tuple(range(4, 33, 8)), tuple(range(2, 33, 4)), tuple(range(1, 33, 2)))
"""The nodes that a rule has and a coarser one has not."""
INNER = (8, 16, 24)
"""The nodes of the coarsest rule that are no ends."""
NODES = tuple(-cos(pi * i / 32) if i < 16 else cos(pi * (32 - i) / 32) if i > 16 else 0.0 for i in range(33))


def _values(x: Sequence[float] | Vector) -> Vector:
    """Returns the functions (columns) at places (rows): sqrt(j + 1/2) times the Legendre polynomial of degree j."""
    return np.asarray(np.polynomial.legendre.legvander(np.asarray(x), LAST) * np.sqrt(np.arange(33) + 0.5))


def _halved() -> tuple[Vector, Vector]:
    """Returns what gives the coefficients on the left and the right half, by quadrature that is exact here."""
    x, weights = np.polynomial.legendre.leggauss(40)
    weighted = _values(x).T * weights
    return weighted @ _values((x - 1) / 2), weighted @ _values((x + 1) / 2)


def _sloped() -> Vector:
    """Returns what gives the coefficients of a derivative: P'_j is the sum of (2k + 1) P_k over k = j - 1, j - 3..."""
    k, j = np.ogrid[:33, :33]
    return np.where((k < j) & ((j - k) % 2 == 1), np.sqrt((2 * j + 1.0) * (2 * k + 1.0)), 0.0)


_AT_NODES = _values(NODES)
_INVERSE = tuple(np.linalg.inv(_AT_NODES[::stride, : 32 // stride + 1]) for stride in STRIDES)
HALVES = _halved()
_SLOPES = _sloped()
AT_NEW = tuple(np.ascontiguousarray(_AT_NODES[list(new)]) for new in NEW)
"""The functions at the new nodes of each rule."""
AT_INNER = tuple(_values([(NODES[i] + side) / 2 for i in INNER]) for side in (-1, 1))
"""The functions at the new nodes of the coarsest rule on each half."""


def coefficients(depth: int, values: Sequence[float | None]) -> Vector:
    """Returns the coefficients of the polynomial through the values at the nodes of a rule.

    ``None`` is a hole: the polynomial is of a degree less for each, which is what downdating a rule gives
    in the paper; none are left where all are holes.
    """
    if None not in values:
        return np.asarray(_INVERSE[depth].dot(np.array(values)))
    kept = [i for i, value in enumerate(values) if value is not None]
    matrix = _AT_NODES[:: STRIDES[depth]][kept, : len(kept)]
    return np.linalg.solve(matrix, np.array([values[i] for i in kept], float))


def on_half(side: int, c: Vector) -> Vector:
    """Returns the coefficients of the same polynomial on the left (0) or the right (1) half."""
    n = len(c)
    return np.asarray(HALVES[side][:n, :n].dot(c))


def norm(c: Vector) -> float:
    """Returns the root of the integral of the square, which may itself be beyond floats."""
    return hypot(*c.tolist())


def slope(c: Vector) -> float:
    """Returns the norm of the derivative."""
    n = len(c)
    return norm(_SLOPES[:n, :n].dot(c))


def distance(one: Vector, two: Vector) -> float:
    """Returns the norm of the difference of polynomials of any degrees."""
    shorter, longer = (one, two) if len(one) < len(two) else (two, one)
    difference = longer.copy()
    difference[: len(shorter)] -= shorter
    return norm(difference)


def at(rows: Vector, c: Vector) -> list[float]:
    """Returns the values of a polynomial, from the functions at some places."""
    return [float(value) for value in rows[:, : len(c)].dot(c).tolist()]
