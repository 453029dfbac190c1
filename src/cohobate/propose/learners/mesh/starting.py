"""Triangulations of many points at once: the corners of a region, or all that is known."""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.host.extras import require
from cohobate.propose.learners.mesh.balls import Point, balls_of
from cohobate.propose.learners.mesh.region import Region
from cohobate.propose.learners.mesh.triangulation import Triangulation

FLAT = 1e-12
"""A simplex of less volume than this, relative to the cube of its extent, is flat."""
WHOLE = 1e-9
"""How much the volumes of the simplices may be off that of the region."""


def started(region: Region) -> Triangulation:
    """Returns the triangulation of the corners of a region."""
    corners = [region.unit(corner) for corner in region.corners]
    if region.cells is not None:
        return Triangulation(corners, region.cells)
    found = triangulated(corners)
    if found is None:
        raise LearnerError("LearnerND: the hull has no proper triangulation, its points lie too close to a plane")
    return found


def triangulated(points: Sequence[Point], volume: float | None = None) -> Triangulation | None:
    """Returns the Delaunay triangulation by Qhull, ``None`` where it is flat somewhere, or leaves something out."""
    spatial = require("scipy.spatial", extra="learn")
    array = np.asarray(points, float)
    try:
        found = spatial.Delaunay(array)
    except spatial.QhullError:
        return None
    simplices, links = found.simplices.astype(int), found.neighbors.astype(int)
    d = array.shape[1]
    edges = array[simplices[:, 1:]] - array[simplices[:, :1]]
    volumes = np.linalg.det(edges) / factorial(d)
    mirrored = volumes < 0
    for rows in (simplices, links):
        rows[mirrored, :2] = rows[mirrored, 1::-1]
    flat = np.abs(volumes) <= FLAT * np.abs(edges).max(axis=(1, 2)) ** d
    if flat.any() or len(np.unique(simplices)) < len(array):
        return None
    if volume is not None and abs(np.abs(volumes).sum() - volume) > WHOLE:
        return None
    balls = balls_of(d)(array[simplices].tolist())
    return Triangulation(points, simplices.tolist(), links.tolist(), balls)
