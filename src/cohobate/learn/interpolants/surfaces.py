"""Surfaces through scattered points over several axes: planes, cubic patches, radial functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload
from cohobate.host.blas import one_thread
from cohobate.host.extras import require
from cohobate.learn.interpolants.model import Mask
from cohobate.learn.kernels import Floats

WHOLE = 800
"""Points up to which one radial function runs through all, which costs O(points^3)."""
NEIGHBOURS = 60
"""Points that it runs through where there are more, those nearest to what is asked: so it jumps where these change."""
STEP = 1e-5
"""What derivatives are differences over, where the axes are of length 1."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Brings axes to length 1, so that distances along them can be compared: both (axes,)."""

    lower: Floats
    width: Floats

    def plain(self, points: Floats) -> Floats:
        """Returns points of the unit cube."""
        return (points - self.lower) / self.width


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """``shape`` is a function of points of the unit cube, ``simplices`` their triangulation, both of scipy."""

    frame: Frame
    shape: Any
    simplices: Any
    known: Floats
    values: Floats
    smooth: bool
    radial: bool = False

    def at(self, points: Floats) -> Floats:
        """Returns the values; outside, the nearest known ones."""
        plain = self.frame.plain(points)
        with one_thread():  # radial functions solve a small system for each neighbourhood
            values = np.array(self.shape(plain), float).reshape(len(points), self.values.shape[1])
        outside = ~np.isfinite(values).all(axis=1)
        if self.radial:  # which go on for ever
            outside |= ~self._inside(plain)
        if outside.any():
            tree = require("scipy.spatial", extra="learn").cKDTree(self.known)
            values[outside] = self.values[tree.query(plain[outside])[1]]
        return values

    def slope(self, points: Floats) -> Floats:
        """Returns the derivatives of a smooth surface, by differences within the known points."""
        if not self.smooth:
            raise LearnerError(
                "this interpolant has no derivatives: over several axes one of kind='cubic' has, "
                f"over three and more one of at most {WHOLE} points"
            )
        slopes = [self._along(points, step) for step in np.diag(STEP * self.frame.width)]
        return np.stack(slopes, axis=2)

    def inside(self, points: Floats) -> Mask:
        """Returns which points lie in the convex hull of the known ones."""
        return self._inside(self.frame.plain(points))

    def _inside(self, plain: Floats) -> Mask:
        inside: Mask = self.simplices.find_simplex(plain) >= 0
        return inside

    def _along(self, points: Floats, step: Floats) -> Floats:
        """Returns the derivatives along one axis, to one side where the other is outside."""
        ahead = np.where(self.inside(points + step)[:, None], points + step, points)
        behind = np.where(self.inside(points - step)[:, None], points - step, points)
        width = np.maximum((ahead - behind).sum(axis=1), step.sum())
        slopes: Floats = (self.at(ahead) - self.at(behind)) / width[:, None]
        return slopes


@dataclass(frozen=True, slots=True)
class Planes:
    """Runs planes through the corners of each simplex."""

    frame: Frame

    def __call__(self, points: Floats, values: Floats) -> Surface | None:
        """Returns the surface; ``None`` where the points span no volume."""
        plain = self.frame.plain(points)
        simplices = triangulated(plain)
        if simplices is None:
            return None
        made = require("scipy.interpolate", extra="learn").LinearNDInterpolator(simplices, values)
        return Surface(self.frame, made, simplices, plain, values, False)


@dataclass(frozen=True, slots=True)
class Curved:
    """Runs cubic patches (Clough & Tocher 1965) over triangles, or radial functions r^3 where there are more axes."""

    frame: Frame

    def __call__(self, points: Floats, values: Floats) -> Surface | None:
        """Returns the surface; ``None`` where the points span no volume or are too few."""
        plain = self.frame.plain(points)
        simplices = triangulated(plain)
        if simplices is None or len(points) < 2 * points.shape[1] + 2:
            return None
        interpolate = require("scipy.interpolate", extra="learn")
        if points.shape[1] == 2:
            made = interpolate.CloughTocher2DInterpolator(simplices, values)
        else:
            neighbours = None if len(points) <= WHOLE else NEIGHBOURS
            made = interpolate.RBFInterpolator(plain, values, neighbors=neighbours, kernel="cubic")
        radial = points.shape[1] > 2
        return Surface(self.frame, made, simplices, plain, values, not radial or len(points) <= WHOLE, radial)


def triangulated(plain: Floats) -> Payload:
    """Returns the Delaunay triangulation of points, ``None`` where they span no volume."""
    spatial = require("scipy.spatial", extra="learn")
    if len(plain) <= plain.shape[1]:
        return None
    try:
        return spatial.Delaunay(plain)
    except spatial.QhullError:
        return None
