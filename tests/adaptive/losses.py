"""Which loss of ours stands for which of adaptive's, by the name of its function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cohobate.propose.learners.line import losses as line
from cohobate.propose.learners.mesh import losses as mesh

LINE: dict[str, Callable[[], line.Loss]] = {
    "default_loss": line.arc_loss,
    "uniform_loss": line.uniform_loss,
    "triangle_loss": line.triangle_loss,
    "curvature_loss": line.curvature_loss,
}
MESH: dict[str, Callable[[], mesh.SimplexLoss]] = {
    "adaptive.learner.learner2D.default_loss": mesh.simplex_deviation,
    "adaptive.learner.learner2D.uniform_loss": mesh.simplex_uniform,
    "adaptive.learner.learner2D.minimize_triangle_surface_loss": mesh.simplex_volume,
    "adaptive.learner.learner2D.resolution_loss": mesh.simplex_resolution,
    "adaptive.learner.learner2D.custom_loss": partial(mesh.simplex_thresholded, upper=0.5),
    "adaptive.learner.learnerND.default_loss": mesh.simplex_volume,
    "adaptive.learner.learnerND.uniform_loss": mesh.simplex_uniform,
    "adaptive.learner.learnerND.std_loss": mesh.simplex_std,
    "adaptive.learner.learnerND.curvature_loss": mesh.simplex_curvature,
}


def of_line(theirs: Any) -> dict[str, Any]:
    """Returns the setting of a Learner1D that takes the place of a loss per interval."""
    name = "default_loss" if theirs is None else theirs.__name__
    return {"loss": LINE[name]()}


def of_mesh(theirs: Any, home: str) -> dict[str, Any]:
    """Returns the setting of a LearnerND that takes the place of a loss per simplex; ``home``: its module."""
    name = f"adaptive.learner.{home}.default_loss" if theirs is None else f"{theirs.__module__}.{theirs.__name__}"
    return {"loss": MESH[name]()}
