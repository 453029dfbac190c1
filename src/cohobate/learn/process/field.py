"""A Gaussian process over a fixed set of candidates, which takes in one point after the other."""

from __future__ import annotations

from typing import final

import numpy as np

from cohobate.host.extras import require
from cohobate.learn.kernels import Floats
from cohobate.learn.process.covariance import covariance
from cohobate.learn.process.likely import Scales

REFERENCES = 128
"""Candidates whose variances, summed, a choice is to make small."""
LEAST = 1e-12
"""What is left of the variance at least, over signal variance."""


@final
class Field:
    """Points in the order they were taken in, each a block of rows; what is asked depends on these alone.

    The Cholesky factor of their covariance grows by a block with each point, and with it that of the
    covariance with the candidates, so a point costs O(rows * candidates) and going back to fewer nothing.
    """

    __slots__ = ("_count", "_factor", "_plain", "_slopes", "_towards", "candidates", "points", "scales")

    def __init__(self, scales: Scales, candidates: Floats, slopes: bool) -> None:
        self.scales = scales
        self.candidates = candidates
        self.points = np.empty((0, candidates.shape[1]))
        self._slopes = slopes
        self._factor = np.zeros((0, 0))
        self._towards = np.zeros((0, len(candidates)))
        self._plain = np.zeros(0)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def factor(self) -> Floats:
        """The Cholesky factor of the covariance of what is known: (rows, rows)."""
        n = self._rows * self._count
        return self._factor[:n, :n]

    @property
    def plain(self) -> Floats:
        """The inverse factor times what values exceed the mean by: (rows,)."""
        return self._plain[: self._rows * self._count]

    def truncate(self, count: int) -> None:
        """Forgets all but the first points."""
        self._count = count

    def append(self, point: Floats, values: Floats | None) -> float:
        """Takes in a point, (axes,), with its standardised values, (rows,); returns the value expected of it before.

        Without values, as if they were as expected (Ginsbourger et al. 2010, "kriging believer").
        """
        rows, n = self._rows, self._rows * self._count
        self._reserve(n + rows)
        solve = require("scipy.linalg", extra="learn").solve_triangular
        seen = self.scales.signal * self._alike(self.points[: self._count], point[None], self._slopes)
        through = solve(self.factor, seen, lower=True, check_finite=False) if n else np.zeros((0, rows))
        own = self.scales.signal * self._alike(point[None], point[None], self._slopes)
        block = _root(own - through.T @ through, self.scales.added(self._slopes))
        towards = self.scales.signal * covariance(
            point[None], self.candidates, self.scales.lengths, (self._slopes, False)
        )
        expected = through.T @ self.plain
        self._towards[n : n + rows] = solve(block, towards - through.T @ self._towards[:n], lower=True)
        self._factor[n : n + rows, :n] = through.T
        self._factor[n : n + rows, n : n + rows] = block
        self._plain[n : n + rows] = 0.0 if values is None else solve(block, self._above(values) - expected, lower=True)
        self.points[self._count] = point
        self._count += 1
        return float(expected[0]) + self.scales.mean

    def deviations(self) -> Floats:
        """Returns the standard deviations at the candidates, without noise: (candidates,)."""
        towards = self._towards[: self._rows * self._count]
        left = self.scales.signal - np.einsum("ij,ij->j", towards, towards)
        deviations: Floats = np.sqrt(np.maximum(left, LEAST * self.scales.signal))
        return deviations

    def reductions(self) -> Floats:
        """Returns by how much a value at each candidate would lower the variances of the references, summed.

        Cohn, Ghahramani & Jordan 1996, section 4: squared covariances over the variance of what would be seen.
        """
        towards = self._towards[: self._rows * self._count]
        references = self.candidates[:REFERENCES]
        alike = self.scales.signal * self._alike(references, self.candidates, False)
        alike -= towards[:, : len(references)].T @ towards
        seen = self.deviations() ** 2 + self.scales.added(False)[0]
        reductions: Floats = np.einsum("ij,ij->j", alike, alike) / seen
        return reductions

    @property
    def _rows(self) -> int:
        return 1 + int(self.candidates.shape[1]) * self._slopes

    def _alike(self, ones: Floats, others: Floats, slopes: bool) -> Floats:
        return covariance(ones, others, self.scales.lengths, (slopes, slopes))

    def _above(self, values: Floats) -> Floats:
        above: Floats = values - np.array([self.scales.mean, *[0.0] * (len(values) - 1)])
        return above

    def _reserve(self, rows: int) -> None:
        """Makes room, twice as much each time."""
        if rows <= len(self._plain):
            return
        room, n = max(2 * rows, 16 * self._rows), self._rows * self._count
        factor, towards, plain = np.zeros((room, room)), np.zeros((room, len(self.candidates))), np.zeros(room)
        points = np.empty((room // self._rows, self.candidates.shape[1]))
        factor[:n, :n], towards[:n], plain[:n] = self.factor, self._towards[:n], self.plain
        points[: self._count] = self.points[: self._count]
        self._factor, self._towards, self._plain, self.points = factor, towards, plain, points


def _root(left: Floats, added: Floats) -> Floats:
    """Returns the Cholesky factor of what is left of a block's covariance; rounding may have made that negative."""
    block = left + np.diag(added)
    for _ in range(3):
        try:
            return np.asarray(np.linalg.cholesky(block), float)
        except np.linalg.LinAlgError:
            block = block + np.diag(10.0 * added + np.abs(np.minimum(np.diag(block), 0.0)))
    return np.diag(np.sqrt(np.maximum(np.diag(block), added)))
