"""Which loss of ours stands for which of adaptive's."""

from __future__ import annotations

from typing import Any


def of_line(theirs: Any) -> dict[str, Any]:
    """Returns the setting of a Learner1D that takes the place of a loss per interval."""
    return {}


def of_mesh(theirs: Any) -> dict[str, Any]:
    """Returns the setting of a LearnerND that takes the place of a loss per simplex."""
    return {}
