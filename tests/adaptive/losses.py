"""Which loss of ours stands for which of adaptive's, by the name of its function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cohobate.propose.learners.line import losses as line

LINE: dict[str, Callable[[], line.Loss]] = {
    "default_loss": line.arc_loss,
    "uniform_loss": line.uniform_loss,
    "triangle_loss": line.triangle_loss,
    "curvature_loss": line.curvature_loss,
}


def of_line(theirs: Any) -> dict[str, Any]:
    """Returns the setting of a Learner1D that takes the place of a loss per interval."""
    name = "default_loss" if theirs is None else theirs.__name__
    return {"loss": LINE[name]()}


def of_mesh(theirs: Any) -> dict[str, Any]:
    """Returns the setting of a LearnerND that takes the place of a loss per simplex."""
    return {}
