"""What a failing term counts where it does not fail the candidate: worse than it was ever seen."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import final

import numpy as np

from cohobate.propose.scaling import Numbers


@final
@dataclass(frozen=True, slots=True)
class Seen:
    """The least and the largest loss seen of a term, and the residuals of the largest."""

    low: float
    high: float
    worst: Numbers

    def and_(self, other: Seen) -> Seen:
        """Returns what both have seen."""
        low, above = min(self.low, other.low), other if other.high > self.high else self
        return Seen(low, above.high, above.worst)

    def beyond(self) -> Numbers:
        """Returns residuals whose loss is as far above the largest as that is above the least."""
        worth = self.high + (self.high - self.low or self.high or 1.0)
        if self.high > 0:
            longer: Numbers = self.worst * np.sqrt(worth / self.high)
            return longer
        return np.full_like(self.worst, np.sqrt(worth / self.worst.size))


@final
class Worst:
    """What was seen of each term, without weights."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self._lock = Lock()

    def note(self, name: str, rooted: Numbers) -> None:
        """Takes note of residuals (m,) whose squares are the loss of a term."""
        loss = float(rooted @ rooted)
        found = Seen(loss, loss, rooted)
        with self._lock:
            self._seen[name] = self._seen[name].and_(found) if name in self._seen else found

    def knows(self, name: str) -> bool:
        """Whether a term was ever seen."""
        return name in self._seen

    def beyond(self, name: str) -> Numbers:
        """Returns what a failing term counts: residuals (m,)."""
        return self._seen[name].beyond()
