"""When a model is fitted anew, as a function of what was known at each choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

Known: TypeAlias = Mapping[int, tuple[float, ...] | None]
"""The values of each proposed candidate, one for each modelled output, ``None`` while it is out."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``first`` known values are needed for the first fit, and ``growth`` times more for each further one.

    A fit holds from the choice on at which the next one begins, ready or not (that choice waits for
    it); a ``prompt`` one from the choice on at which it begins, which waits. Either way choices do
    not depend on the speed of the machine.
    """

    first: int = 8
    growth: float = 1.5
    prompt: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was known at one moment, in the order of proposal; what was pending has no value."""

    targets: Known

    @property
    def known(self) -> int:
        """How many values there were."""
        return sum(values is not None for values in self.targets.values())


@final
class Refits:
    """The fit that holds now and the one on its way; ``version`` counts those that took hold."""

    __slots__ = ("_next", "_pace", "coming", "current", "version")

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = Pace() if pace is None else pace
        self._next = self._pace.first
        self.current: Snapshot | None = None
        self.coming: Snapshot | None = None
        self.version = 0

    def settle(self, targets: Known) -> Snapshot | None:
        """Takes note of what is known at a choice; returns the fit that takes hold with it, if one does."""
        known = sum(values is not None for values in targets.values())
        if known < self._next:
            return None
        self._next = math.ceil(max(known * self._pace.growth, known + 1))
        snapshot = Snapshot(dict(targets))
        if self._pace.prompt:
            self.current = snapshot
        else:
            self.current, self.coming = self.coming, snapshot
        self.version += self.current is not None
        return self.current
