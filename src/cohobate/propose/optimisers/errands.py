"""What a local run waits for: rows that were not handed in yet, and trials that are under way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from cohobate.core.protocols import Row
from cohobate.core.trial import Trial


@final
class Errands:
    """Rows by their places in a question; each comes back once."""

    __slots__ = ("_missing", "_under_way")

    def __init__(self, rows: Iterable[tuple[int, Row]] = ()) -> None:
        self._missing = list(rows)
        self._under_way: dict[int, int] = {}

    @property
    def over(self) -> bool:
        """Whether all have come back."""
        return not (self._missing or self._under_way)

    def unsent(self) -> list[Row]:
        """Returns the rows that were not handed in yet."""
        return [row for _, row in self._missing]

    def sent(self, trials: list[Trial]) -> None:
        """Takes note of the trials of the unsent rows."""
        self._under_way |= {trial.id: at for trial, (at, _) in zip(trials, self._missing, strict=True)}
        self._missing = []

    def pending(self) -> list[int]:
        """Returns the trials that are under way."""
        return list(self._under_way)

    def back(self, trial: int) -> int:
        """Takes note that a trial has come back; returns its place."""
        return self._under_way.pop(trial)
