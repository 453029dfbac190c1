"""How long parts take, by name: learned from those that have ended."""

from __future__ import annotations

from typing import Final, final

RECENT: Final = 0.3
"""How much the latest duration of a part counts."""
SHORTEST: Final = 1e-6


@final
class Durations:
    """Means (s) in which the latest count most; may be used by several threads."""

    __slots__ = ("_by_name", "mean")

    def __init__(self) -> None:
        self._by_name: dict[str, float] = {}
        self.mean: float | None = None

    def expect(self, name: str) -> float | None:
        """Returns how long a part is likely to take, ``None`` where none of its name has ended."""
        return self._by_name.get(name)

    def heed(self, name: str, seconds: float) -> None:
        """Takes in how long a part took."""
        seconds = max(seconds, SHORTEST)
        known = self._by_name.get(name)
        self._by_name[name] = seconds if known is None else known + RECENT * (seconds - known)
        self.mean = seconds if self.mean is None else self.mean + 0.1 * (seconds - self.mean)
