"""Makes the goal of a campaign from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Any

import cohobate.cli.config as toml
from cohobate.campaign import goals

GOALS: Mapping[str, Callable[[Any], goals.Goal]] = {
    "evaluations": goals.evaluations,
    "confirmed": goals.confirmed,
    "seconds": goals.seconds,
    "session_seconds": goals.session_seconds,
    "until": goals.until_walltime,
    "stalled": goals.stalled,
    "loss": goals.loss_below,
    "error": goals.error_below,
}
"""The goals of one number, by their key."""


def wanted(goal: toml.Goal) -> goals.Goal | None:
    """Returns the conditions of a configured goal, joined by "or"; ``None`` where there are none."""
    given = [make(value) for key, make in GOALS.items() if (value := getattr(goal, key)) is not None]
    given += [goals.below(output, limit) for output, limit in goal.below.items()]
    given += [goals.above(output, limit) for output, limit in goal.above.items()]
    return reduce(or_, given) if given else None
