"""How many rows may be proposed now: one for each free worker, or a batch at a time."""

from __future__ import annotations

from typing import final

from cohobate.core.errors import ProblemError


@final
class Rounds:
    """Counts rows: ``initial`` make the first round, ``batch`` each further one.

    Without ``batch`` there is no waiting. ``Unfit`` rows count in the round they come in.
    """

    __slots__ = ("_batch", "_initial", "_left", "_proposed")

    def __init__(self, initial: int, batch: int | None) -> None:
        if initial < 1:
            raise ProblemError(f"initial={initial!r}: a model needs at least one row to start from")
        if batch is not None and batch < 1:
            raise ProblemError(f"batch={batch!r}: expected at least 1, or None for a choice for each free worker")
        self._initial = initial
        self._batch = batch
        self._proposed = 0
        self._left = initial

    def room(self, n: int, out: int) -> int:
        """Returns how many of ``n`` wanted rows may be proposed while ``out`` are not back."""
        if self._batch is None:
            return n
        if self._left > 0:
            return min(n, self._left)
        return 0 if out else min(n, self._batch)

    def starting(self, n: int) -> int:
        """Returns how many of the next ``n`` rows belong to the initial ones."""
        return min(n, max(self._initial - self._proposed, 0))

    def advance(self, rows: int) -> None:
        """So many rows were proposed at once; a round that was full makes way for the next."""
        if self._batch is not None and self._left <= 0:
            self._left = self._batch
        self._left -= rows
        self._proposed += rows
