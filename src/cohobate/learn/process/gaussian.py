"""What a Gaussian process makes of what is known, as a function that says how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.learn.interpolants.interpolant import as_points, shaped
from cohobate.learn.kernels import Floats
from cohobate.learn.process.covariance import covariance
from cohobate.learn.process.cube import Cube
from cohobate.learn.process.field import LEAST
from cohobate.learn.process.likely import Scales
from cohobate.learn.surface import Standard


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GaussianProcess:
    """A function given what was known of it when it was made: its expected value, and ``std`` for how sure that is.

    Called as interpolants are: ``f(0.3)``, ``f(array)``, over several axes ``f(x, y)`` or ``f(points)``.
    ``error`` is the largest difference between a value and what is expected of it from all other points,
    relative to the range: with noise it does not fall below that. ``noise`` is its standard deviation, in
    values. ``known``: (points, axes), of the unit cube.
    """

    npoints: int
    error: float
    cube: Cube
    standard: Standard
    scales: Scales
    known: Floats
    factor: Floats
    weights: Floats
    kind = "gaussian"

    def __call__(self, *point: ArrayLike, extrapolate: bool = False) -> Payload:
        """Returns the expected value at a point or many; ``LearnerError`` outside the domain unless ``extrapolate``."""
        points, shape = as_points(point, len(self.cube.axes))
        if not extrapolate:
            self._check(points)
        return shaped(self.standard.values(self._alike(points).T @ self.weights + self.scales.mean), shape)

    def std(self, *point: ArrayLike) -> Payload:
        """Returns the standard deviation of the value at a point or many, without the noise of one evaluation."""
        points, shape = as_points(point, len(self.cube.axes))
        solve = require("scipy.linalg", extra="learn").solve_triangular
        explained = solve(self.factor, self._alike(points), lower=True)
        left = self.scales.signal - (explained * explained).sum(axis=0)
        deviations = np.sqrt(np.maximum(left, LEAST * self.scales.signal))
        return shaped(self.standard.widths(deviations), shape)

    def derivative(self, *point: ArrayLike) -> Payload:
        """Returns the expected derivatives at a point or many; over several axes one for each, last."""
        points, shape = as_points(point, len(self.cube.axes))
        self._check(points)
        plain, axes = self.cube.plain(points), len(self.cube.axes)
        alike = self.scales.signal * covariance(plain, self.known, self.scales.lengths, (True, self.slopes))
        slopes = (alike @ self.weights).reshape(len(points), 1 + axes)[:, 1:] / self.cube.widths(points)
        slopes = self.standard.widths(slopes)
        return shaped(slopes[:, 0] if axes == 1 else slopes, shape)

    @property
    def slopes(self) -> bool:
        """Whether it was made of gradients, too."""
        return len(self.weights) > len(self.known)

    @property
    def noise(self) -> float:
        """The standard deviation of one evaluation."""
        return float(self.standard.widths(np.sqrt(np.array([self.scales.noise])))[0])

    def inside(self, *point: ArrayLike) -> Payload:
        """Returns whether a point lies in the domain, or an array of that for many."""
        points, shape = as_points(point, len(self.cube.axes))
        return shaped(self.cube.inside(points), shape)

    def __repr__(self) -> str:
        over = " x ".join(f"[{axis.lo:g}, {axis.hi:g}]" for axis in self.cube.axes)
        noise = f", noise {self.noise:.2g}" if self.scales.noise else ""
        error = "error unknown" if np.isnan(self.error) else f"error {self.error:.2g} of the range"
        return f"<gaussian process of {self.npoints} points over {over}, {error}{noise}>"

    def _alike(self, points: Floats) -> Floats:
        plain = self.cube.plain(points)
        return self.scales.signal * covariance(self.known, plain, self.scales.lengths, (self.slopes, False))

    def _check(self, points: Floats) -> None:
        inside = self.cube.inside(points)
        if not inside.all():
            bounds = " x ".join(f"[{axis.lo:g}, {axis.hi:g}]" for axis in self.cube.axes)
            first = ", ".join(f"{one:g}" for one in points[int(inside.argmin())])
            raise LearnerError(f"({first}) is outside of {bounds}: stay inside, or call with extrapolate=True")


def process_of(cube: Cube, standard: Standard, scales: Scales, known: Floats, values: Floats) -> GaussianProcess:
    """Returns what is expected given standardised ``values``, (points, rows), at ``known``, (points, axes).

    Costs O(rows^3) of all points.
    """
    linalg = require("scipy.linalg", extra="learn")
    n, rows = values.shape
    slopes = rows > 1
    alike = scales.signal * covariance(known, known, scales.lengths, (slopes, slopes))
    factor = linalg.cholesky(alike + np.diag(np.tile(scales.added(slopes), n)), lower=True)
    inverse = linalg.cho_solve((factor, True), np.eye(n * rows))
    weights = linalg.cho_solve((factor, True), (values - np.array([scales.mean, *[0.0] * (rows - 1)])).ravel())
    width = float(np.ptp(values[:, 0]))
    error = float(_left_out(inverse, weights, n, rows).max()) / width if width > 0 else 0.0
    return GaussianProcess(n, error, cube, standard, scales, known, factor, weights)


def _left_out(inverse: Floats, weights: Floats, n: int, rows: int) -> Floats:
    """Returns how far each value is from what is expected of it without its point: (points,).

    Rasmussen & Williams, eq. 5.12, for blocks: the inverse of that of the inverse, times its weights.
    """
    blocks = inverse.reshape(n, rows, n, rows)[np.arange(n), :, np.arange(n), :]
    off: Floats = np.abs(np.linalg.solve(blocks, weights.reshape(n, rows, 1))[:, 0, 0])
    return off
