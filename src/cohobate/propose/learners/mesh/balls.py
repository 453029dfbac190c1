"""The circumsphere and the signed volume of a simplex, by the number of axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial, inf

import numpy as np

Point = tuple[float, ...]
Ball = tuple[float, ...]
"""The centre of a circumsphere, its radius squared, and the signed volume of the simplex: d + 2 numbers."""


def balls_of(d: int) -> Callable[[Sequence[Sequence[Point]]], list[Ball]]:
    """Returns the function that gives the balls of simplices; a radius is infinite where the points are flat."""
    return {2: _triangles, 3: _tetrahedra}.get(d, _simplices)


def volume_of(d: int) -> Callable[[Sequence[Point]], float]:
    """Returns the function that gives the signed volume of ``d + 1`` points."""
    return {2: _area, 3: _volume}.get(d, _general)


def weights(points: Sequence[Point], at: Point, volume: Callable[[Sequence[Point]], float]) -> list[float]:
    """Returns the barycentric coordinates of ``at`` in a simplex."""
    corners = list(points)
    whole = volume(corners)
    found = []
    for i, corner in enumerate(points):
        corners[i] = at
        found.append(volume(corners) / whole)
        corners[i] = corner
    return found


def _triangles(simplices: Sequence[Sequence[Point]]) -> list[Ball]:
    return [ball_of_triangle(*points) for points in simplices]


def _tetrahedra(simplices: Sequence[Sequence[Point]]) -> list[Ball]:
    return [_tetrahedron(points) for points in simplices]


def ball_of_triangle(a: Point, b: Point, c: Point) -> Ball:
    """Returns the ball of one triangle."""
    x, y = a
    bx, by = b
    cx, cy = c
    bx -= x
    by -= y
    cx -= x
    cy -= y
    det = bx * cy - by * cx
    if det == 0:
        return x, y, inf, 0.0
    bb = bx * bx + by * by
    cc = cx * cx + cy * cy
    ux = (cy * bb - by * cc) / (2 * det)
    uy = (bx * cc - cx * bb) / (2 * det)
    return x + ux, y + uy, ux * ux + uy * uy, det / 2


def _tetrahedron(points: Sequence[Point]) -> Ball:
    (x, y, z), (bx, by, bz), (cx, cy, cz), (ex, ey, ez) = points
    bx -= x
    by -= y
    bz -= z
    cx -= x
    cy -= y
    cz -= z
    ex -= x
    ey -= y
    ez -= z
    m1 = cy * ez - cz * ey
    m2 = cz * ex - cx * ez
    m3 = cx * ey - cy * ex
    det = bx * m1 + by * m2 + bz * m3
    if det == 0:
        return x, y, z, inf, 0.0
    half = 0.5 / det
    bb = (bx * bx + by * by + bz * bz) * half
    cc = (cx * cx + cy * cy + cz * cz) * half
    ee = (ex * ex + ey * ey + ez * ez) * half
    ux = bb * m1 + cc * (ey * bz - ez * by) + ee * (by * cz - bz * cy)
    uy = bb * m2 + cc * (ez * bx - ex * bz) + ee * (bz * cx - bx * cz)
    uz = bb * m3 + cc * (ex * by - ey * bx) + ee * (bx * cy - by * cx)
    return x + ux, y + uy, z + uz, ux * ux + uy * uy + uz * uz, det / 6


def _simplices(simplices: Sequence[Sequence[Point]]) -> list[Ball]:
    points = np.array(simplices)
    edges = points[:, 1:] - points[:, :1]
    dets = np.linalg.det(edges)
    volumes = dets / factorial(points.shape[2])
    flat = dets == 0
    edges[flat] = np.eye(points.shape[2])
    centres = np.linalg.solve(edges, (edges**2).sum(axis=2, keepdims=True) / 2)[:, :, 0]
    radii = np.where(flat, inf, (centres**2).sum(axis=1))
    found: list[list[float]] = np.column_stack([points[:, 0] + centres, radii, volumes]).tolist()
    return [tuple(ball) for ball in found]


def _area(points: Sequence[Point]) -> float:
    (x, y), (bx, by), (cx, cy) = points
    return ((bx - x) * (cy - y) - (by - y) * (cx - x)) / 2


def _volume(points: Sequence[Point]) -> float:
    (x, y, z), (bx, by, bz), (cx, cy, cz), (ex, ey, ez) = points
    cx -= x
    cy -= y
    cz -= z
    ex -= x
    ey -= y
    ez -= z
    return ((bx - x) * (cy * ez - cz * ey) + (by - y) * (cz * ex - cx * ez) + (bz - z) * (cx * ey - cy * ex)) / 6


def _general(points: Sequence[Point]) -> float:
    array = np.array(points)
    return float(np.linalg.det(array[1:] - array[0])) / factorial(array.shape[1])
