"""Chooses a surface through known values over several axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from cohobate.core.errors import LearnerError
from cohobate.host.blas import one_thread
from cohobate.learn.interpolants.interpolant import Interpolant
from cohobate.learn.interpolants.judged import folds, least, missed
from cohobate.learn.interpolants.kinds import BEST, MESH, check_kind
from cohobate.learn.interpolants.model import Fit, Indices
from cohobate.learn.interpolants.surfaces import Curved, Frame, Planes
from cohobate.learn.kernels import Floats

DEAR = 500
"""Points over more than three axes above which only a fifth is held out: triangulations are dear there."""


def interpolate_mesh(
    points: ArrayLike,
    values: ArrayLike,
    kind: str | None = None,
    told: Sequence[int] | None = None,
    axes: ArrayLike | None = None,
) -> Interpolant:
    """Returns a surface through ``values``, (n,) or (n, outputs), at scattered ``points``, (n, axes).

    ``kind`` is "linear" (planes over a Delaunay triangulation), "cubic" (over two axes Clough & Tocher's patches,
    over more a radial function r^3, from 800 points on through the 60 nearest) or "best": whichever is
    typically less far off where points are held out, every fifth at a time in the order that they came to be known:
    ``told``, indices of points, oldest first. ``axes``: (axes, 2), the bounds between which distances
    count alike; by default those of the points.

    It is known only within the convex hull of the points. Costs 0.1 s for 1000 points over two axes, 0.5 s
    over three. Raises ``LearnerError`` where the points span no volume.
    """
    wanted = check_kind(kind, 2)
    known, found, scalar = _checked(points, values)
    frame = _frame(known, axes)
    fits: dict[str, Fit] = dict(zip(MESH, (Planes(frame), Curved(frame)), strict=True))
    held = _held(known, told)
    names = MESH if wanted == BEST else (wanted,)
    with one_thread():
        off = {name: missed(fits[name], known, found, held) for name in names}
    chosen = least(off)
    model = fits[chosen](known, found)
    if model is None:
        raise LearnerError(
            f"too little is known: {len(known)} points over {known.shape[1]} axes are too few for {chosen!r}, "
            "or lie on a line or plane"
        )
    return Interpolant(chosen, len(known), off[chosen].error, known.min(axis=0), known.max(axis=0), model, scalar)


def _frame(known: Floats, axes: ArrayLike | None) -> Frame:
    lower, upper = (known.min(axis=0), known.max(axis=0)) if axes is None else np.array(axes, float).T
    return Frame(lower, np.where(upper > lower, upper - lower, 1.0))


def _held(known: Floats, told: Sequence[int] | None) -> list[Indices]:
    parts = folds(np.arange(len(known)) if told is None else np.asarray(told, int))
    return parts[:1] if known.shape[1] > 3 and len(known) > DEAR else parts


def _checked(points: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats, bool]:
    """Returns points, values, (n, outputs), and whether these are single numbers."""
    known, found = np.array(points, float), np.array(values, float)
    if known.ndim != 2 or known.shape[1] < 2 or found.ndim not in (1, 2) or len(known) != len(found):
        raise LearnerError(
            "expected points of shape (n, axes), two axes or more, and values of (n,) or (n, m), "
            f"got {known.shape} and {found.shape}"
        )
    if not len(known) or not (np.isfinite(known).all() and np.isfinite(found).all()):
        raise LearnerError(f"too little is known: expected finite values at finite points, got {len(known)} points")
    return known, found.reshape(len(known), -1), found.ndim == 1
