"""What became of the candidates so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import GeneratorError
from cohobate.core.protocols import Rows, inputs_of
from cohobate.core.trial import Inputs, Result
from cohobate.models.kernels import Floats
from cohobate.propose.candidates import Candidates
from cohobate.propose.values import values_of


@final
class Standing:
    """Which candidates were proposed (``taken``, ``count`` of them), which are ``out``, and what is known.

    ``targets`` has the values of each proposed row, one for each of ``outputs``, ``None`` while it is
    out, in the order of proposal; what gave no value is no longer in it.
    """

    __slots__ = ("_candidates", "_outputs", "count", "out", "taken", "targets")

    def __init__(self, candidates: Candidates, outputs: Sequence[str]) -> None:
        self._candidates = candidates
        self._outputs = tuple(outputs)
        self.count = 0
        self.taken: NDArray[np.bool_] = np.zeros(len(candidates), bool)
        self.out: set[int] = set()
        self.targets: dict[int, tuple[float, ...] | None] = {}

    def known(self) -> Floats:
        """Returns the values that are in, at the full level: (rows, outputs)."""
        full = self._candidates.full
        values = [values for i, values in self.targets.items() if values is not None and i >= full]
        return np.array(values, float).reshape(len(values), len(self._outputs))

    def pending(self) -> list[int]:
        """Returns the candidates at the full level whose values are not in, in the order of proposal."""
        full = self._candidates.full
        return [i for i, values in self.targets.items() if values is None and i >= full]

    def work(self) -> tuple[int, ...]:
        """Returns how many candidates at each level have a value or are out: what was rejected cost nothing."""
        pool = len(self._candidates.pool)
        at = Counter(i // pool for i in self.targets)
        return tuple(at[level] for level in range(self._candidates.levels))

    def propose(self, i: int) -> None:
        """Candidate ``i`` is handed out."""
        self.count += 1
        self.taken[i] = True
        self.out.add(i)
        self.targets[i] = None

    def find(self, inputs: Inputs) -> int:
        """Returns the number of a candidate; ``GeneratorError`` where the pool has no such row."""
        try:
            return self._candidates.index(inputs)
        except (KeyError, TypeError, ValueError) as error:
            raise GeneratorError(f"{dict(inputs)!r:.200} is no row of {self._candidates.pool!r}") from error

    def recall(self, rows: Rows) -> None:
        """These rows were handed out before."""
        for row in rows:
            self.propose(self.find(inputs_of(row)))

    def ingest(self, result: Result) -> tuple[float, ...] | None:
        """A row is back: returns its values, or ``None`` where nothing is to be expected of it."""
        i = self.find(result.trial.inputs)
        self.out.discard(i)
        self.taken[i] = True
        values = values_of(result, self._outputs)
        if values is None:
            self.targets.pop(i, None)
        else:
            self.targets[i] = values
        return values
