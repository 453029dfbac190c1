"""What some points of a fixed pool explain of all of it, point by point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from cohobate.models.kernels import Floats, Kernel
from cohobate.models.likelihood import Hyper

ROOM = 64
"""Points a factor makes room for at a time; what is there already is never copied, but for ``inverse``."""
Block = NDArray[np.float32]


@final
class Factor:
    """The Cholesky factor of the correlations of some points, and what they explain of the pool.

    ``inverse``: (points, points), that of the factor: inverse (R + noise I) inverse^T = I. Explained:
    (points, pool), float32, inverse R(points, pool), kept in blocks of rows. ``unexplained``: (pool,), the variance
    left over signal variance. All three depend on the ``points`` it was made with, on those it
    follows now and on their order, not on the way there: but for the former, rows are only ever made
    one after the other.
    """

    __slots__ = ("_blocks", "_inverse", "_kernel", "hyper", "points", "unexplained")

    def __init__(self, kernel: Kernel, hyper: Hyper, points: Sequence[int] = ()) -> None:
        self._kernel = kernel
        self.hyper = hyper
        self.points = list(points)
        self._blocks = _correlations(kernel, hyper.scale, self.points)
        self._inverse: Floats = np.zeros((ROOM * len(self._blocks), ROOM * len(self._blocks)))
        correlation = kernel.among(self.points, hyper.scale)
        for n in range(len(self.points)):
            self._extend(n, correlation[n, :n])
        whiten(self._blocks, self._inverse)
        self._keep(len(self.points))

    @property
    def inverse(self) -> Floats:
        """The inverse of the Cholesky factor: (points, points)."""
        return self._inverse[: len(self.points), : len(self.points)]

    def explained(self, weights: Floats) -> NDArray[np.float32]:
        """Returns ``weights`` times the whitened correlations: (pool,), for (points,).

        By einsum, as its sums do not depend on the number of threads: 0.9 ms for 64 points of
        100,000, twice as long as a BLAS product on one idle core.
        """
        light = weights.astype(np.float32)
        total: NDArray[np.float32] = np.zeros(len(self._kernel), np.float32)
        for at, block in enumerate(self._blocks):
            part = light[at * ROOM : (at + 1) * ROOM]
            np.add(total, np.einsum("i,ij->j", part, block[: len(part)]), out=total)
        return total

    def follow(self, points: Sequence[int]) -> None:
        """Becomes the factor of ``points``: what comes after the first difference is made anew.

        A further point costs O(points pool): 5 ms for the 200th of 100,000.
        """
        same = 0
        while same < min(len(points), len(self.points)) and points[same] == self.points[same]:
            same += 1
        if same < len(self.points):
            self._keep(same)
        for point in points[same:]:
            self._add(point)

    def correlation(self, items: Sequence[int]) -> Floats:
        """Returns the correlations of some candidates with each other given the points: (items, items)."""
        explained = np.array([self._row(at)[items] for at in range(len(self.points))], float).reshape(-1, len(items))
        left = self._kernel.among(items, self.hyper.scale) - explained.T @ explained
        deviation = np.sqrt(np.maximum(np.diag(left), 1e-7))
        correlation: Floats = left / np.outer(deviation, deviation)
        return correlation

    def shared(self, ones: Sequence[int], others: Sequence[int]) -> Floats:
        """Returns what the points explain of the correlation of each of ``ones`` with one of ``others``: (items,)."""
        total = np.zeros(len(ones))
        for at, block in enumerate(self._blocks):
            rows = block[: len(self.points) - at * ROOM]
            total += np.einsum("pi,pi->i", rows[:, ones], rows[:, others], dtype=float)
        return total

    def _keep(self, count: int) -> None:
        del self.points[count:]
        self.unexplained: Floats = np.ones(len(self._kernel))
        del self._blocks[-(-count // ROOM) :]
        for at in range(count):
            self.unexplained -= np.square(self._row(at))

    def _add(self, point: int) -> None:
        n = len(self.points)
        if n == ROOM * len(self._blocks):
            self._make_room()
        correlation = self._kernel.row(point, self.hyper.scale)
        below, pivot = self._extend(n, correlation[self.points])
        row = self._row(n)
        row[:] = (correlation - self.explained(below)) / pivot
        self.points.append(point)
        self.unexplained -= np.square(row)

    def _extend(self, n: int, correlation: Floats) -> tuple[Floats, float]:
        """Makes row ``n`` of the inverse from the correlations with the points before: (n,).

        Returns row ``n`` of the factor itself: what is below its diagonal, and that.
        """
        before = self._inverse[:n, :n]
        below = product(before, correlation)
        pivot = float(np.sqrt(max(1.0 + self.hyper.noise - float(below @ below), 0.5 * self.hyper.noise)))
        self._inverse[n, :n], self._inverse[n, n] = product(before.T, below) / -pivot, 1 / pivot
        return below, pivot

    def _row(self, at: int) -> NDArray[np.float32]:
        row: NDArray[np.float32] = self._blocks[at // ROOM][at % ROOM]
        return row

    def _make_room(self) -> None:
        self._blocks.append(np.empty((ROOM, len(self._kernel)), np.float32))
        self._inverse = np.pad(self.inverse, (0, ROOM))


def whiten(blocks: Sequence[Block], inverse: Floats) -> None:
    """Makes ``inverse`` R out of R, in place: both (points, pool), in blocks of rows.

    As products of ROOM x ROOM numbers: BLAS takes one thread for each, so that a choice beside it
    keeps its core, and the sums do not depend on the number of threads. 0.1 s for 200 points of
    100,000, where one point after the other takes 0.6 s.
    """
    for i in reversed(range(len(blocks))):
        rows = slice(i * ROOM, (i + 1) * ROOM)
        own, blocks[i][:] = blocks[i].copy(), 0.0
        for j, block in enumerate([*blocks[:i], own]):
            add_product(inverse[rows, j * ROOM : (j + 1) * ROOM], block, blocks[i])


def add_product(left: Floats, right: Block, total: Block) -> None:
    """Adds ``left @ right`` to ``total``: (ROOM, ROOM) times (ROOM, pool)."""
    light, pool = left.astype(np.float32), right.shape[1] // ROOM * ROOM
    parts = right[:, :pool].reshape(ROOM, -1, ROOM).swapaxes(0, 1)
    sums = total[:, :pool].reshape(ROOM, -1, ROOM).swapaxes(0, 1)
    for at in range(0, len(parts), ROOM):
        sums[at : at + ROOM] += light @ parts[at : at + ROOM]
    total[:, pool:] += light @ right[:, pool:]


def product(matrix: Floats, vector: Floats) -> Floats:
    """Returns ``matrix @ vector``, in the calling thread alone."""
    found: Floats = np.einsum("ij,j->i", matrix, vector)
    return found


def _correlations(kernel: Kernel, scale: float, points: Sequence[int]) -> list[Block]:
    blocks = [np.zeros((ROOM, len(kernel)), np.float32) for _ in range(0, len(points), ROOM)]
    for n, point in enumerate(points):
        blocks[n // ROOM][n % ROOM] = kernel.row(point, scale)
    return blocks
