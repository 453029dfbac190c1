"""The values of a function at every item of a sequence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import nan
from typing import Any, final

from cohobate.core.canonical import content_hash
from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Output, Problem, Structured
from cohobate.core.trial import Inputs
from cohobate.propose.learners.domain import OUTPUT
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.told import expect_kind, whole

ITEM = "item"
WHO = "SequenceLearner"


def SequenceLearner(sequence: Iterable[Payload], *, output: str = OUTPUT) -> Learner[Items]:
    """Returns a learner of a function's values at every item of ``sequence``, in its order.

    Points are positions (0, 1, ...); in a campaign the simulator is called with the item, which may be
    anything that can be stored: numbers, text, arrays, mappings and lists of these. ``learned()`` is the
    list of values, ``None`` where there is none. ``loss`` is the share of items that are open. The items
    are part of the settings: a run is not continued with others.

    >>> learner = SequenceLearner(["a", {"b": 1}])
    >>> learner.ask(1)
    ([0], [0.5])
    >>> learner.tell(1, 2.5)
    >>> learner.learned()
    [None, 2.5]
    """
    return Learner(Items(tuple(sequence), output))


@final
class Items:
    """Asks for each item once; see ``SequenceLearner``."""

    finite = True

    def __init__(self, sequence: tuple[Payload, ...], output: str) -> None:
        self._sequence = sequence
        self._output = output
        self._positions: dict[str, list[int]] = {}
        hashes = [_named(i, item) for i, item in enumerate(sequence)]
        for i, hashed in enumerate(hashes):
            self._positions.setdefault(hashed, []).append(i)
        self._identity = content_hash(hashes)
        self.problem = Problem({ITEM: Structured(ITEM, _same, _same)}, (Output(output, shape=None),))
        self.data: dict[int, Payload] = {}
        self.holes: dict[int, str] = {}
        self._pending: dict[int, None] = {}
        self._next = 0

    @property
    def pending(self) -> Collection[int]:
        """The positions that are out."""
        return self._pending.keys()

    def describe(self) -> Mapping[str, Plain]:
        """Returns the output and a hash of the items."""
        return {"learner": WHO, "output": self._output, "items": self._identity}

    def fresh(self) -> Items:
        """Returns one over the same items."""
        return Items(self._sequence, self._output)

    def inputs(self, point: int) -> Inputs:
        """Returns the item."""
        return {ITEM: self._sequence[point]}

    def point(self, inputs: Inputs) -> int:
        """Returns the position of an item: of equal ones the first that is out, else the first that is open."""
        positions = self._positions.get(content_hash(inputs[ITEM]))
        if positions is None:
            raise LearnerError(f"{WHO}: {inputs[ITEM]!r:.80} is no item of the sequence")
        if len(positions) == 1:
            return positions[0]
        out = (i for i in positions if i in self._pending)
        is_open = (i for i in positions if not self._is_known(i))
        return next(out, next(is_open, positions[0]))

    def admit(self, point: int) -> int:
        """Returns a position within the sequence."""
        return whole(point, 0, len(self._sequence) - 1, f"{WHO}: a position")

    def ask(self, n: int) -> tuple[list[int], list[float]]:
        """Returns the next positions."""
        points: list[int] = []
        while len(points) < n and (point := self._following()) is not None:
            self.tell_pending(point)
            points.append(point)
        return points, [self._share(1)] * len(points)

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
        """Lets positions be asked for again, before all that follow."""
        for point in points:
            if self._pending.pop(point, point) is None:
                self._next = min(self._next, point)

    def exclude(self, point: int, why: str) -> None:
        """Keeps why there is no value."""
        self._pending.pop(point, None)
        self.holes[point] = why

    def loss(self, *, real: bool = True) -> float:
        """Returns the share of items that are open."""
        out = 0 if real else len(self._pending)
        return self._share(len(self._sequence) - len(self.data) - len(self.holes) - out)

    def gain(self) -> float:
        """Returns the share of one item, 0 where all are out."""
        return 0.0 if self._following() is None else self._share(1)

    def done(self) -> bool:
        """Whether every item has a value, or never will."""
        return len(self.data) + len(self.holes) == len(self._sequence)

    def learned(self, kind: str | None = None) -> list[Any]:
        """Returns the values in the order of the items, ``None`` where there is none."""
        expect_kind(kind, "values", WHO)
        return [self.data.get(i) for i in range(len(self._sequence))]

    def _share(self, items: int) -> float:
        return items / len(self._sequence) if self._sequence else 0.0

    def _following(self) -> int | None:
        """Returns the next position to ask for."""
        while self._next < len(self._sequence) and self._is_known(self._next):
            self._next += 1
        return self._next if self._next < len(self._sequence) else None

    def _is_known(self, point: int) -> bool:
        return point in self.data or point in self._pending or point in self.holes


def _named(i: int, item: Payload) -> str:
    """Returns the hash of an item."""
    if item is None:
        raise LearnerError(f"{WHO}: item {i} is None; leave it out, or name it")
    try:
        return content_hash(item)
    except TypeError as error:
        raise LearnerError(f"{WHO}: item {i} cannot be told from others: {error}; give it as plain data") from None


def _same(item: Payload) -> Payload:
    return item
