"""All losses: of intervals for ``Learner1D``, of simplices for ``LearnerND``."""

from __future__ import annotations

from cohobate.propose.learners.line.losses import (
    abs_min_log_loss,
    arc_loss,
    curvature_loss,
    error_loss,
    looks_at,
    resolution_loss,
    triangle_loss,
    uniform_loss,
)
from cohobate.propose.learners.mesh.losses import (
    Simplex,
    simplex_curvature,
    simplex_deviation,
    simplex_error,
    simplex_loss,
    simplex_resolution,
    simplex_std,
    simplex_thresholded,
    simplex_triangle,
    simplex_uniform,
    simplex_volume,
)

__all__ = [
    "Simplex",
    "abs_min_log_loss",
    "arc_loss",
    "curvature_loss",
    "error_loss",
    "looks_at",
    "resolution_loss",
    "simplex_curvature",
    "simplex_deviation",
    "simplex_error",
    "simplex_loss",
    "simplex_resolution",
    "simplex_std",
    "simplex_thresholded",
    "simplex_triangle",
    "simplex_uniform",
    "simplex_volume",
    "triangle_loss",
    "uniform_loss",
]
