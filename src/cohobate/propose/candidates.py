"""The candidates of a problem by number: the rows of its pool, at each level of its fidelity."""

from __future__ import annotations

from typing import final

from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool
from cohobate.core.problem import Problem
from cohobate.core.trial import Inputs


@final
class Candidates:
    """Row ``i`` of a pool of ``n`` at level ``k`` is candidate ``k n + i``; those from ``full`` on are what counts."""

    __slots__ = ("_fidelity", "levels", "pool")

    def __init__(self, problem: Problem) -> None:
        if not isinstance(problem.variables, Pool):
            raise ProblemError(f"ActiveLearning chooses from a Pool, got the variables {list(problem.names)}")
        self.pool = problem.variables
        self._fidelity = problem.fidelity
        self.levels = len(problem.fidelity.levels) if problem.fidelity else 1

    def __len__(self) -> int:
        return self.levels * len(self.pool)

    def __getitem__(self, i: int) -> Inputs:
        row = self.row(i)
        return {**row, self._fidelity.name: self._fidelity.levels[i // len(self.pool)]} if self._fidelity else row

    @property
    def full(self) -> int:
        """The number of the first candidate at the full level."""
        return (self.levels - 1) * len(self.pool)

    @property
    def costs(self) -> tuple[float, ...]:
        """What an evaluation costs at each level."""
        return self._fidelity.costs if self._fidelity else (1.0,)

    def row(self, i: int) -> Inputs:
        """Returns the row of the pool that a candidate is, without its level."""
        return self.pool[i % len(self.pool)]

    def index(self, inputs: Inputs) -> int:
        """Returns the number of a candidate; ``KeyError`` or ``ValueError`` where it is none."""
        if self._fidelity is None:
            return self.pool.index(inputs)
        row = {name: value for name, value in inputs.items() if name != self._fidelity.name}
        return self._fidelity.levels.index(inputs[self._fidelity.name]) * len(self.pool) + self.pool.index(row)
