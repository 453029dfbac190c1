"""How fast a campaign goes, and how long it still takes, from a few of its latest counts."""

from __future__ import annotations

from dataclasses import dataclass

KEPT = 240
"""How many counts a rate is taken over: a minute of frames, or as many results of a slow campaign."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The latest changes of a count (time in s, evaluations done), oldest first, and the count now."""

    seen: tuple[tuple[float, int], ...] = ()

    def step(self, at: float, done: int) -> Pace:
        """Returns the pace with one more count."""
        unchanged = len(self.seen) > 1 and self.seen[-1][1] == self.seen[-2][1]
        known = self.seen[:-1] if unchanged else self.seen
        return Pace((*known, (at, done))[-KEPT:])

    @property
    def rate(self) -> float | None:
        """Evaluations per second, ``None`` before there are any."""
        if len(self.seen) < 2:
            return None
        (began, first), (ended, last) = self.seen[0], self.seen[-1]
        return (last - first) / (ended - began) if ended > began and last > first else None

    def left(self, remaining: int | None) -> float | None:
        """Returns the seconds that ``remaining`` evaluations will take at this rate."""
        rate = self.rate
        return None if rate is None or remaining is None else remaining / rate


def spoken(rate: float | None) -> str:
    """Returns a rate in the unit that suits it.

    >>> spoken(None), spoken(3160.0), spoken(25.0), spoken(0.5), spoken(0.001)
    ('', '3,160 per s', '25 per s', '30 per min', '3.6 per h')
    """
    if rate is None:
        return ""
    if rate >= 1000:
        return f"{rate:,.0f} per s"
    for factor, unit in ((1, "s"), (60, "min")):
        if rate * factor >= 1:
            return f"{rate * factor:.3g} per {unit}"
    return f"{rate * 3600:.2g} per h"
