"""What became of the rows of a pool so far."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import GeneratorError
from cohobate.core.outcome import Value
from cohobate.core.pool import Pool
from cohobate.core.protocols import Rows, inputs_of
from cohobate.core.trial import Inputs, Result


@final
class Standing:
    """Which rows were proposed (``taken``), which of them are ``out``, and what is known.

    ``targets`` has the value of each proposed row, ``None`` while it is out, in the order of
    proposal; rows that gave no value are no longer in it.
    """

    __slots__ = ("_pool", "out", "taken", "targets")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.taken: NDArray[np.bool_] = np.zeros(len(pool), bool)
        self.out: set[int] = set()
        self.targets: dict[int, float | None] = {}

    def known(self) -> list[float]:
        """Returns the values that are in."""
        return [value for value in self.targets.values() if value is not None]

    def propose(self, i: int) -> None:
        """Row ``i`` is handed out."""
        self.taken[i] = True
        self.out.add(i)
        self.targets[i] = None

    def find(self, inputs: Inputs) -> int:
        """Returns the number of a row; ``GeneratorError`` where the pool has no such row."""
        try:
            return self._pool.index(inputs)
        except (KeyError, TypeError) as error:
            raise GeneratorError(f"{dict(inputs)!r:.200} is no row of {self._pool!r}") from error

    def recall(self, rows: Rows) -> None:
        """These rows were handed out before."""
        for row in rows:
            self.propose(self.find(inputs_of(row)))

    def ingest(self, result: Result, output: str, sign: float) -> None:
        """A row is back: its value times ``sign`` is known, or nothing is to be expected of it."""
        i = self.find(result.trial.inputs)
        self.out.discard(i)
        self.taken[i] = True
        value = sign * float(result[output]) if isinstance(result.outcome, Value) else float("nan")
        if np.isfinite(value):
            self.targets[i] = value
        else:
            self.targets.pop(i, None)
