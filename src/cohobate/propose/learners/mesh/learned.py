"""What is known over several axes, as an interpolant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cohobate.core.payload import Payload
from cohobate.learn.interpolants import interpolate_mesh
from cohobate.propose.learners.mesh.balls import Point
from cohobate.propose.learners.mesh.region import Region


def interpolated(region: Region, data: Mapping[Point, Payload], kind: str | None) -> Payload:
    """Returns the interpolant of values at points, which are in the order told; ``kind`` is one of the interpolants."""
    points = np.array(list(data))
    values = np.array(list(data.values()), float)
    flat = values if values.ndim == 1 else values.reshape(len(values), -1)
    bounds = np.array([[axis.lo, axis.hi] for axis in region.axes.values()], float)
    return interpolate_mesh(points, flat, kind, range(len(points)), bounds)
