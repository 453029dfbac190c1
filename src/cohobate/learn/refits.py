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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The points of a posterior at one moment, in order; pending ones have no value."""

    targets: Mapping[int, float | None]


@final
class Refits:
    """The fit that holds now and the one on its way.

    A fit holds from the choice on at which the next one begins, ready or not (that choice waits for
    it): choices do not depend on the speed of the machine.
    """

    __slots__ = ("_next", "coming", "current")

    def __init__(self) -> None:
        self.current: Snapshot | None = None
        self.coming: Snapshot | None = None
        self._next = FIRST

    def settle(self, targets: Mapping[int, float | None]) -> None:
        """Takes note of what is known at a choice."""
        known = sum(value is not None for value in targets.values())
        if known >= self._next:
            self.current, self.coming = self.coming, Snapshot(dict(targets))
            self._next = math.ceil(known * GROWTH)
