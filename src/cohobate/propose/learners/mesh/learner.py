"""Learns a function of several variables."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload
from cohobate.core.problem import Real
from cohobate.propose.learners.domain import NAMES, OUTPUT, Domain, axes_of
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.mesh.losses import Score, SimplexLoss, loss_from
from cohobate.propose.learners.mesh.method import Mesh
from cohobate.propose.learners.mesh.region import Region

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull

MOST = 5
"""Axes from which on the corners alone are too many."""


def LearnerND(
    domain: Domain | ConvexHull,
    loss: SimplexLoss | Score | None = None,
    *,
    names: Sequence[str] | None = None,
    anisotropic: bool = False,
    output: str = OUTPUT,
) -> Learner[Mesh]:
    """Returns a learner of a function of two to five variables, of numbers or arrays of one shape.

    ``domain`` is a sequence of pairs of bounds, a mapping of names to pairs, or a ``scipy.spatial.ConvexHull``
    whose axes are called ``names``; its corners come first, then the middle of the longest edge of the simplex
    whose ``loss`` is largest, over a Delaunay triangulation. ``anisotropic`` measures edges on the graph of the
    function instead of in its domain. Points are tuples of floats in units of the domain, in the order of its axes.
    """
    region = _region(domain, names)
    if not 2 <= region.d <= MOST:
        raise LearnerError(f"LearnerND: expected 2 to {MOST} axes, got {region.d}")
    return Learner(Mesh(region, loss_from(loss), anisotropic, output))


def _region(domain: Payload, names: Sequence[str] | None) -> Region:
    spatial = sys.modules.get("scipy.spatial")  # whoever has a hull has imported it
    if spatial is not None and isinstance(domain, spatial.ConvexHull):
        return _hull(domain, names)
    axes = axes_of(domain, "LearnerND")
    return Region(axes if names is None else _named(list(axes.values()), names))


def _hull(hull: ConvexHull, names: Sequence[str] | None) -> Region:
    points = np.asarray(hull.points, float)
    lo, hi = points.min(axis=0), points.max(axis=0)
    axes = _named([Real(float(a), float(b)) for a, b in zip(lo, hi, strict=True)], names or NAMES[: len(lo)])
    corners = [tuple(map(float, points[i])) for i in sorted(hull.vertices)]
    normals = hull.equations[:, :-1] * (hi - lo)
    offsets = hull.equations[:, -1] + hull.equations[:, :-1] @ lo
    planes = np.column_stack([normals, offsets])
    planes /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Region(axes, corners, planes.tolist(), float(hull.volume / np.prod(hi - lo)))


def _named(axes: Sequence[Real], names: Mapping[str, object] | Sequence[str]) -> dict[str, Real]:
    if isinstance(names, str) or len(set(names)) != len(axes):
        raise LearnerError(f"LearnerND: expected {len(axes)} different names of axes, got {names!r:.80}")
    return dict(zip(names, axes, strict=True))
