"""The values of a function at every item of a sequence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import nan
from typing import Any, final

from cohobate.core.canonical import content_hash
from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Output, Problem, Structured
from cohobate.core.trial import Inputs
from cohobate.propose.learners.domain import OUTPUT
from cohobate.propose.learners.learner import Learner

ITEM = "item"


def SequenceLearner(sequence: Sequence[Payload], *, output: str = OUTPUT) -> Learner[Items]:
    """Returns a learner of a function's values at every item of ``sequence``, in its order.

    Points are positions (0, 1, ...); a simulator is called with the item. ``learned()`` is the list of values,
    ``None`` where there is none. The items are part of its settings: another sequence is another run.
    """
    return Learner(Items(tuple(sequence), output))


@final
class Items:
    """Asks for each item once; see ``SequenceLearner``."""

    finite = True

    def __init__(self, sequence: tuple[Payload, ...], output: str) -> None:
        self._sequence = sequence
        self._output = output
        self._named: dict[str, list[int]] = {}
        hashes = [content_hash(item) for item in sequence]
        for i, hashed in enumerate(hashes):
            self._named.setdefault(hashed, []).append(i)
        self._identity = content_hash(hashes)
        self.problem = Problem({ITEM: Structured(ITEM, _same, _same)}, (Output(output),))
        self.data: dict[int, Payload] = {}
        self.holes: dict[int, str] = {}
        self._pending: dict[int, None] = {}
        self._next = 0
        self._again: dict[int, None] = {}

    @property
    def pending(self) -> Collection[int]:
        """The positions that are out."""
        return self._pending.keys()

    def describe(self) -> Mapping[str, Plain]:
        """Returns the output and a hash of the items."""
        return {"learner": "SequenceLearner", "output": self._output, "items": self._identity}

    def fresh(self) -> Items:
        """Returns one over the same items."""
        return Items(self._sequence, self._output)

    def inputs(self, point: int) -> Inputs:
        """Returns the item."""
        return {ITEM: self._sequence[point]}

    def point(self, inputs: Inputs) -> int:
        """Returns the first position of an item that has no value yet."""
        positions = self._named.get(content_hash(inputs[ITEM]))
        if positions is None:
            raise LearnerError(f"SequenceLearner: {inputs[ITEM]!r:.80} is no item of the sequence")
        return next((i for i in positions if i not in self.data and i not in self.holes), positions[0])

    def admit(self, point: int) -> int:
        """Returns a position within the sequence."""
        if not (isinstance(point, int) and 0 <= point < len(self._sequence)):
            raise LearnerError(
                f"SequenceLearner: expected a position from 0 to {len(self._sequence) - 1}, got {point!r}"
            )
        return point

    def ask(self, n: int) -> tuple[list[int], list[float]]:
        """Returns the next positions."""
        points: list[int] = []
        while len(points) < n and (point := self._following()) is not None:
            self._again.pop(point, None)
            self.tell_pending(point)
            points.append(point)
        return points, [1 / len(self._sequence)] * len(points)

    def tell(self, point: int, value: Payload) -> float:
        """Keeps a value, whatever it is."""
        self._pending.pop(point, None)
        self.holes.pop(point, None)
        self.data[point] = value
        return nan

    def tell_many(self, points: Sequence[int], values: Sequence[Payload]) -> list[float]:
        """Keeps values."""
        return [self.tell(point, value) for point, value in zip(points, values, strict=True)]

    def tell_pending(self, point: int) -> None:
        """Keeps a position from being asked for."""
        self._pending[point] = None

    def release(self, points: Sequence[int]) -> None:
        """Lets positions be asked for again, before all others."""
        for point in points:
            del self._pending[point]
        self._again = dict.fromkeys(sorted({*points, *self._again}))

    def exclude(self, point: int, why: str) -> None:
        """Keeps why there is no value."""
        self._pending.pop(point, None)
        self.holes[point] = why

    def loss(self, *, real: bool = True) -> float:
        """Returns the share of items that are open."""
        out = 0 if real else len(self._pending)
        return 1 - (len(self.data) + len(self.holes) + out) / max(1, len(self._sequence))

    def gain(self) -> float:
        """Returns the share of one item, 0 where all are out."""
        return 0.0 if self._following() is None else 1 / len(self._sequence)

    def done(self) -> bool:
        """Whether every item has a value, or never will."""
        return len(self.data) + len(self.holes) == len(self._sequence)

    def learned(self, kind: str | None = None) -> list[Any]:
        """Returns the values in the order of the items."""
        return [self.data.get(i) for i in range(len(self._sequence))]

    def _following(self) -> int | None:
        """Returns the next position to ask for."""
        if self._again:
            return next(iter(self._again))
        while self._next < len(self._sequence) and self._is_known(self._next):
            self._next += 1
        return self._next if self._next < len(self._sequence) else None

    def _is_known(self, point: int) -> bool:
        return point in self.data or point in self._pending or point in self.holes


def _same(item: Payload) -> Payload:
    return item
