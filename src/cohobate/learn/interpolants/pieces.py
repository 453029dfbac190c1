"""Curves over one axis that are made of pieces: straight lines, cubic polynomials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cohobate.host.extras import require
from cohobate.learn.interpolants.model import Indices, Mask
from cohobate.learn.kernels import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Polyline:
    """Straight lines between known values: ``x`` (n,), ascending, ``y`` (n, outputs)."""

    x: Floats
    y: Floats

    def at(self, points: Floats) -> Floats:
        """Returns the values; outside, the outermost lines go on."""
        piece = self._piece(points)
        share = (points[:, 0] - self.x[piece]) / (self.x[piece + 1] - self.x[piece])
        values: Floats = (1.0 - share)[:, None] * self.y[piece] + share[:, None] * self.y[piece + 1]
        return values

    def slope(self, points: Floats) -> Floats:
        """Returns the slopes of the lines, at a corner that to the right."""
        piece = self._piece(points)
        rise: Floats = (self.y[piece + 1] - self.y[piece]) / (self.x[piece + 1] - self.x[piece])[:, None]
        return rise[:, :, None]

    def inside(self, points: Floats) -> Mask:
        """Returns which points lie between the outermost ones."""
        return between(points, self.x)

    def _piece(self, points: Floats) -> Indices:
        return np.clip(np.searchsorted(self.x, points[:, 0], side="right") - 1, 0, len(self.x) - 2)


@dataclass(frozen=True, slots=True, eq=False)
class Spline:
    """Cubic polynomials whose first two derivatives join; ``pieces``: of scipy."""

    x: Floats
    pieces: Any

    def at(self, points: Floats) -> Floats:
        """Returns the values; outside, the outermost polynomials go on."""
        values: Floats = self.pieces(points[:, 0])
        return values

    def slope(self, points: Floats) -> Floats:
        """Returns the derivatives."""
        slopes: Floats = self.pieces(points[:, 0], 1)
        return slopes[:, :, None]

    def inside(self, points: Floats) -> Mask:
        """Returns which points lie between the outermost ones."""
        return between(points, self.x)


def polyline(points: Floats, values: Floats) -> Polyline | None:
    """Returns straight lines through two points or more."""
    return Polyline(points[:, 0], values) if len(points) > 1 else None


def spline(points: Floats, values: Floats) -> Spline | None:
    """Returns the spline whose third derivative joins at the second point from each end ("not-a-knot")."""
    if len(points) < 4:
        return None
    with np.errstate(all="ignore"):  # of points that are as near to each other as numbers can be
        made = require("scipy.interpolate", extra="learn").CubicSpline(points[:, 0], values)
    return Spline(points[:, 0], made) if np.isfinite(made.c).all() else None


def between(points: Floats, x: Floats) -> Mask:
    """Returns which points of one axis are at least the first and at most the last of ``x``."""
    inside: Mask = (points[:, 0] >= x[0]) & (points[:, 0] <= x[-1])
    return inside
