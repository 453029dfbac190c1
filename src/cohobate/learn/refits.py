"""When hyperparameters are fitted anew, as a function of what was known at each choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

FIRST = 8
"""Known values before the first fit."""
GROWTH = 1.5
"""How many times more values each further fit needs."""
GRACE = 4
"""Values that come in while a fit is made, before it counts."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The points of a posterior at one moment, in order; pending ones have no value."""

    targets: Mapping[int, float | None]


@final
class Refits:
    """The fit that holds now and the one on its way.

    A fit that starts with n values holds from the first choice with n + 4 on, ready or not (the
    choice waits for it): choices do not depend on the speed of the machine.
    """

    __slots__ = ("_due", "_next", "coming", "current")

    def __init__(self) -> None:
        self.current: Snapshot | None = None
        self.coming: Snapshot | None = None
        self._next = FIRST
        self._due = 0

    def settle(self, targets: Mapping[int, float | None]) -> None:
        """Takes note of what is known at a choice."""
        known = sum(value is not None for value in targets.values())
        if self.coming is not None and known >= self._due:
            self.current, self.coming = self.coming, None
        if self.coming is None and known >= self._next:
            self.coming = Snapshot(dict(targets))
            self._next, self._due = math.ceil(known * GROWTH), known + GRACE
