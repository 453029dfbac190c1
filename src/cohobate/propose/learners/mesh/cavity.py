"""Which simplices a new point is in the circumspheres of: what it takes the place of, by the number of axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cohobate.propose.learners.mesh.balls import Ball, Point

Links = Mapping[int, Sequence[int]]
Search = Callable[[Point, int, Links, Mapping[int, Ball]], dict[int, None]]
NEAR = 1 + 1e-9
"""A point this close to a circumsphere is taken to be inside, so that co-spherical points are joined as one."""


def search_of(d: int) -> Search:
    """Returns the search from a simplex that holds the point through those next to it; the found are in order."""
    return {2: _flat, 3: _solid}.get(d, _any)


def _flat(at: Point, start: int, links: Links, balls: Mapping[int, Ball]) -> dict[int, None]:
    x, y = at
    found = {start: None}
    stack = [start]
    while stack:
        for k in links[stack.pop()]:
            if k >= 0 and k not in found:
                cx, cy, r2, _ = balls[k]
                cx -= x
                cy -= y
                if cx * cx + cy * cy < r2 * NEAR:
                    found[k] = None
                    stack.append(k)
    return found


def _solid(at: Point, start: int, links: Links, balls: Mapping[int, Ball]) -> dict[int, None]:
    x, y, z = at
    found = {start: None}
    stack = [start]
    while stack:
        for k in links[stack.pop()]:
            if k >= 0 and k not in found:
                cx, cy, cz, r2, _ = balls[k]
                cx -= x
                cy -= y
                cz -= z
                if cx * cx + cy * cy + cz * cz < r2 * NEAR:
                    found[k] = None
                    stack.append(k)
    return found


def _any(at: Point, start: int, links: Links, balls: Mapping[int, Ball]) -> dict[int, None]:
    found = {start: None}
    stack = [start]
    while stack:
        for k in links[stack.pop()]:
            if k >= 0 and k not in found:
                ball = balls[k]
                if sum([(a - c) ** 2 for a, c in zip(at, ball, strict=False)]) < ball[-2] * NEAR:
                    found[k] = None
                    stack.append(k)
    return found
