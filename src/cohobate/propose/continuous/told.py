"""What was proposed of a space of variables, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from cohobate.core.errors import GeneratorError
from cohobate.core.protocols import Rows, inputs_of
from cohobate.core.trial import Inputs, Result
from cohobate.propose.continuous.encoding import Encoding
from cohobate.propose.scaling import Numbers
from cohobate.propose.values import values_of

Key = tuple[Any, ...]


@final
class Told:
    """Points by number, in the order they were proposed; one that nobody proposed comes when it is told.

    ``targets`` has the values of each, one for each of ``outputs``, ``None`` while it is out; ``holes``
    are those that gave none.
    """

    __slots__ = ("_encoding", "_names", "_open", "_outputs", "_points", "count", "holes", "taken", "targets")

    def __init__(self, encoding: Encoding, names: Sequence[str], outputs: Sequence[str]) -> None:
        self._encoding = encoding
        self._names = tuple(names)
        self._outputs = tuple(outputs)
        self._open: dict[Key, int] = {}
        self._points: list[Numbers] = []
        self.count = 0
        self.holes: list[int] = []
        self.taken: set[Key] = set()
        self.targets: dict[int, tuple[float, ...] | None] = {}

    @property
    def out(self) -> int:
        """How many are not back."""
        return len(self._open)

    def known(self) -> Numbers:
        """Returns the values that are in: (rows, outputs)."""
        values = [values for values in self.targets.values() if values is not None]
        return np.array(values, float).reshape(len(values), len(self._outputs))

    def points(self, numbers: Sequence[int]) -> Numbers:
        """Returns points by number: (n, axes), of the unit cube."""
        return np.array([self._points[at] for at in numbers]).reshape(len(numbers), len(self._encoding.axes))

    def propose(self, inputs: Inputs) -> None:
        """A point is handed out."""
        self.count += 1
        key, number = self._add(inputs)
        self._open[key] = number
        self.targets[number] = None

    def recall(self, rows: Rows) -> None:
        """These rows were handed out before."""
        for row in rows:
            self.propose(inputs_of(row))

    def ingest(self, result: Result) -> tuple[float, ...] | None:
        """A point is back: returns its values, or ``None`` where there are none."""
        number = self._number(result.trial.inputs)
        values = values_of(result, self._outputs)
        if values is None:
            self.targets.pop(number, None)
            self.holes.append(number)
        else:
            self.targets[number] = values
        return values

    def _number(self, inputs: Inputs) -> int:
        number = self._open.pop(self._key(inputs), None)
        return self._add(inputs)[1] if number is None else number

    def _add(self, inputs: Inputs) -> tuple[Key, int]:
        key = self._key(inputs)
        self.taken.add(key)
        self._points.append(self._encoding.point(inputs))
        return key, len(self._points) - 1

    def _key(self, inputs: Inputs) -> Key:
        try:
            return self._encoding.key(inputs)
        except (KeyError, ValueError) as error:
            raise GeneratorError(f"{dict(inputs)!r:.200} is no point of the variables {list(self._names)}") from error
