"""Where in a simplex the next point goes: into the middle of its longest edge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from cohobate.propose.learners.mesh.balls import Point

SAME = 1 - 1e-9
"""Edges whose squares differ by less are equally long: the first of them is taken."""


def longest_edge(points: Sequence[Point]) -> tuple[int, int, float]:
    """Returns the numbers of the two points furthest apart, and their distance squared.

    With values as a further coordinate it is the longest edge on the graph of the function.
    """
    flat = len(points[0]) == 2
    best = (0, 1, 0.0)
    for (i, p), (j, q) in combinations(enumerate(points), 2):
        if flat:
            square = (p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1])
        else:
            square = sum([(a - b) * (a - b) for a, b in zip(p, q, strict=True)])
        if square * SAME > best[2]:
            best = (i, j, square)
    return best


def middle(one: Point, other: Point) -> Point:
    """Returns the point halfway."""
    return tuple([(a + b) / 2 for a, b in zip(one, other, strict=True)])
