"""The default loss of numbers over two and three axes, straight from a triangulation: the formula of ``losses``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import final

from cohobate.core.payload import Payload
from cohobate.propose.learners.mesh.triangulation import Triangulation
from cohobate.propose.learners.mesh.values import Values

Plane = tuple[float, ...]
"""Of the values of a simplex: that at the origin, the slopes; a quarter of the longest edge squared; that square
times the volume."""
UNKNOWN = -1.0
ROOM = 1000


@final
class QuickError:
    """Gives ``simplex_error`` of a simplex, and remembers what it is made of.

    So if no more changes than the value beyond one facet, only that is looked at. Facets whose neighbour is
    not ``known`` are left out.
    """

    __slots__ = ("_bends", "_exploration", "_plane", "_split", "_tri", "_values", "memory")

    def __init__(
        self, tri: Triangulation, y: Sequence[Payload], known: Sequence[bool], values: Values, exploration: float
    ) -> None:
        self._tri = tri
        self._values = values
        self._exploration = exploration
        self._plane, self._bends = (_planar if tri.d == 2 else _solid)(tri, y, known)
        self._split = tri.d + 3
        self.memory: dict[int, tuple[float, ...]] = {}  # flat, so that it costs the garbage collector nothing

    def score(self, k: int) -> float:
        """Returns the loss of a simplex."""
        plane = self._plane(k)
        bends = self._bends(k, plane, zip(self._tri.vertices[k], self._tri.links[k]))  # noqa: B905 a check would cost
        self.memory[k] = (*plane, *bends)
        return self._loss(plane, bends)

    def turned(self, k: int, i: int) -> float:
        """Returns the loss of a simplex after the value beyond its i-th facet has changed."""
        if k not in self.memory:
            return self.score(k)
        plane = self.memory[k][: self._split]
        bends = [*self.memory[k][self._split :]]
        (bends[i],) = self._bends(k, plane, ((self._tri.vertices[k][i], self._tri.links[k][i]),))
        self.memory[k] = (*plane, *bends)
        return self._loss(plane, bends)

    def trim(self) -> None:
        """Forgets simplices that are no more, if they are many."""
        if len(self.memory) > 2 * len(self._tri.vertices) + ROOM:
            self.memory = {k: kept for k, kept in self.memory.items() if k in self._tri.vertices}

    def _loss(self, plane: Plane, bends: list[float]) -> float:
        n = len(bends)
        if UNKNOWN in bends:
            bends = [bend for bend in bends if bend >= 0]
            n = len(bends) or 1
        return plane[-1] * (sum(bends) * self._values.scale / (4 * n) + self._exploration)


Pairs = Iterable[tuple[int, int]]
Parts = tuple[Callable[[int], Plane], Callable[[int, Plane, Pairs], list[float]]]
"""What gives the plane of a simplex; and, for some of its vertices and simplices across, how much values bend there."""


def _planar(tri: Triangulation, y: Sequence[Payload], known: Sequence[bool]) -> Parts:
    points, vertices, balls = tri.points, tri.vertices, tri.balls

    def plane(k: int) -> Plane:
        a, b, c = vertices[k]
        x0, y0 = points[a]
        x1, y1 = points[b]
        x2, y2 = points[c]
        x1 -= x0
        y1 -= y0
        x2 -= x0
        y2 -= y0
        volume = balls[k][-1]
        half = 0.5 / volume
        f0 = y[a]
        f1 = (y[b] - f0) * half
        f2 = (y[c] - f0) * half
        gx = f1 * y2 - f2 * y1
        gy = f2 * x1 - f1 * x2
        edge = max(x1 * x1 + y1 * y1, x2 * x2 + y2 * y2, (x1 - x2) * (x1 - x2) + (y1 - y2) * (y1 - y2))
        return f0 - gx * x0 - gy * y0, gx, gy, edge / 4, edge * volume

    def bends(k: int, plane: Plane, pairs: Pairs) -> list[float]:
        a, b, c = vertices[k]
        cx, cy, r2, _ = balls[k]
        f0, gx, gy, least, _ = plane
        found = []
        for v, other in pairs:
            if other >= 0:
                p, q, r = vertices[other]
                far = a ^ b ^ c ^ v ^ p ^ q ^ r  # all others are there twice
                if known[far]:
                    x, z = points[far]
                    off = y[far] - f0 - gx * x - gy * z
                    x -= cx
                    z -= cy
                    power = x * x + z * z - r2
                    found.append((off if off > 0 else -off) / (power if power > least else least))
                    continue
            found.append(UNKNOWN)
        return found

    return plane, bends


def _solid(tri: Triangulation, y: Sequence[Payload], known: Sequence[bool]) -> Parts:
    points, vertices, balls = tri.points, tri.vertices, tri.balls

    def plane(k: int) -> Plane:
        a, b, c, d = vertices[k]
        x0, y0, z0 = points[a]
        x1, y1, z1 = points[b]
        x2, y2, z2 = points[c]
        x3, y3, z3 = points[d]
        x1, y1, z1 = x1 - x0, y1 - y0, z1 - z0
        x2, y2, z2 = x2 - x0, y2 - y0, z2 - z0
        x3, y3, z3 = x3 - x0, y3 - y0, z3 - z0
        volume = balls[k][-1]
        sixth = 1 / (6 * volume)
        f0 = y[a]
        f1 = (y[b] - f0) * sixth
        f2 = (y[c] - f0) * sixth
        f3 = (y[d] - f0) * sixth
        gx = f1 * (y2 * z3 - z2 * y3) + f2 * (y3 * z1 - z3 * y1) + f3 * (y1 * z2 - z1 * y2)
        gy = f1 * (z2 * x3 - x2 * z3) + f2 * (z3 * x1 - x3 * z1) + f3 * (z1 * x2 - x1 * z2)
        gz = f1 * (x2 * y3 - y2 * x3) + f2 * (x3 * y1 - y3 * x1) + f3 * (x1 * y2 - y1 * x2)
        edge = max(
            x1 * x1 + y1 * y1 + z1 * z1,
            x2 * x2 + y2 * y2 + z2 * z2,
            x3 * x3 + y3 * y3 + z3 * z3,
            (x1 - x2) * (x1 - x2) + (y1 - y2) * (y1 - y2) + (z1 - z2) * (z1 - z2),
            (x1 - x3) * (x1 - x3) + (y1 - y3) * (y1 - y3) + (z1 - z3) * (z1 - z3),
            (x2 - x3) * (x2 - x3) + (y2 - y3) * (y2 - y3) + (z2 - z3) * (z2 - z3),
        )
        return f0 - gx * x0 - gy * y0 - gz * z0, gx, gy, gz, edge / 4, edge * volume

    def bends(k: int, plane: Plane, pairs: Pairs) -> list[float]:
        a, b, c, d = vertices[k]
        cx, cy, cz, r2, _ = balls[k]
        f0, gx, gy, gz, least, _ = plane
        found = []
        for v, other in pairs:
            if other >= 0:
                p, q, r, s = vertices[other]
                far = a ^ b ^ c ^ d ^ v ^ p ^ q ^ r ^ s  # all others are there twice
                if known[far]:
                    x, z, w = points[far]
                    off = y[far] - f0 - gx * x - gy * z - gz * w
                    x -= cx
                    z -= cy
                    w -= cz
                    power = x * x + z * z + w * w - r2
                    found.append((off if off > 0 else -off) / (power if power > least else least))
                    continue
            found.append(UNKNOWN)
        return found

    return plane, bends
