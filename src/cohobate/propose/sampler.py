"""A generator that hands out the points of a design: each a function of its number alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from cohobate.core.problem import Problem
from cohobate.core.protocols import Answer, Exhausted, Rows
from cohobate.core.trial import Inputs, Result

BLOCK = 1024
"""Points made at a time: a power of two, as Sobol' points are balanced in such numbers."""

Block = Callable[[int], Sequence[Inputs]]
"""Points ``BLOCK * k`` to ``BLOCK * (k + 1) - 1`` of a design; fewer only at its end."""


@final
class Sampler:
    """Hands out a design point by point, whatever becomes of them; ``Exhausted`` at its end.

    ``settings`` is what identifies the design apart from the problem; ``finite`` says that it has an
    end. Where the problem has a fidelity, points are at its full level. A point depends on its number
    only, so a resume needs no more than the count of recalled rows.
    """

    __slots__ = ("_block", "_first", "_level", "_next", "_rows", "_settings", "finite", "problem")

    def __init__(self, problem: Problem, block: Block, settings: Mapping[str, Any], *, finite: bool) -> None:
        self.problem = problem
        self.finite = finite
        self._block = block
        self._settings = dict(settings)
        self._level = {problem.fidelity.name: problem.fidelity.full} if problem.fidelity else {}
        self._rows: Sequence[Inputs] = ()
        self._first = 0
        self._next = 0

    def suggest(self, n: int) -> Answer:
        """Returns the next ``n`` points, fewer at the end of the design."""
        at = self._next - self._first
        rows = self._rows[at : at + n]
        if len(rows) < n:
            rows = self._across_blocks(n)
        self._next += len(rows)
        if self._level:
            rows = [{**row, **self._level} for row in rows]
        return rows or Exhausted(f"all {self._next} points of the design were proposed")

    def ingest(self, results: Sequence[Result]) -> None:
        """Does nothing: a design does not learn."""

    def finalize(self) -> None:
        """Does nothing: a design holds nothing open."""

    def recall(self, rows: Rows) -> None:
        """Goes on after rows that were proposed before."""
        self._next += len(rows)

    def describe(self) -> Mapping[str, Any]:
        """Returns the design's name, seed and sizes."""
        return self._settings

    def _across_blocks(self, n: int) -> list[Inputs]:
        rows: list[Inputs] = []
        while len(rows) < n:
            number, at = divmod(self._next + len(rows), BLOCK)
            self._rows, self._first = self._block(number), number * BLOCK
            rows += self._rows[at : at + n - len(rows)]
            if len(self._rows) < BLOCK:
                break
        return rows
