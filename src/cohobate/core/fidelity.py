"""How accurately a candidate is evaluated, where there is a choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from cohobate.core.errors import ProblemError, did_you_mean
from cohobate.core.payload import Payload


@final
@dataclass(frozen=True, slots=True)
class Fidelity:
    """Levels from cheap to full, handed to the simulator as the argument ``name``; the last is what counts.

    Results of the others are recorded and learned from, and are never the best. ``costs`` are those
    of one evaluation at each level, in any one unit.

    >>> Fidelity("level", {"quick": 1.0, "full": 8.0}).full
    'full'
    """

    name: str
    levels: tuple[str, ...]
    costs: tuple[float, ...]

    def __init__(self, name: str, costs: Mapping[str, float]) -> None:
        """``costs``: by level, the full one last."""
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "levels", tuple(costs))
        object.__setattr__(self, "costs", tuple(costs.values()))
        if not isinstance(name, str) or not name.isidentifier():
            raise ProblemError(f"Fidelity: expected the name of an argument of the simulator, got {name!r}")
        if (wrong := _wrong(self.levels, self.costs)) is not None:
            raise ProblemError(f"Fidelity({name!r}): expected {wrong}, got {dict(costs)!r}")

    @property
    def full(self) -> str:
        """The level that counts."""
        return self.levels[-1]

    def check(self, level: Payload) -> str | None:
        """Returns what is wrong with a level, or ``None``."""
        if level in self.levels:
            return None
        return f"{level!r} is not one of the levels {list(self.levels)}{did_you_mean(str(level), self.levels)}"

    def describe(self) -> Mapping[str, Any]:
        """Returns name, levels and costs."""
        return {"name": self.name, "levels": list(self.levels), "costs": list(self.costs)}


def _wrong(levels: tuple[object, ...], costs: tuple[float, ...]) -> str | None:
    """Returns what was expected of levels and costs, or ``None`` where they are that."""
    if len(levels) < 2 or not all(isinstance(level, str) and level for level in levels):
        return "two or more named levels with costs"
    if not all(map(_is_cost, costs)) or max(costs) > costs[-1]:
        return "positive costs, none above that of the last level"
    return None


def _is_cost(cost: object) -> bool:
    return isinstance(cost, int | float) and not isinstance(cost, bool) and math.isfinite(cost) and cost > 0
