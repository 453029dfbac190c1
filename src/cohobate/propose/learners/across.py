"""The points of many learners as one, each with the number of its learner."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, final

from cohobate.core.payload import Payload
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.method import Method, Point


@final
class Across(Mapping[Point, Payload]):
    """What is said of points (i, point of child i), child by child; counting them asks every child."""

    __slots__ = ("_get", "_learners")

    def __init__(self, learners: Sequence[Learner[Any]], get: Callable[[Method], Mapping[Point, Payload]]) -> None:
        self._learners = learners
        self._get = get

    def __getitem__(self, point: Point) -> Payload:
        i, inner = _child(point, len(self._learners))
        return self._get(self._learners[i].method)[inner]

    def __contains__(self, point: object) -> bool:
        try:
            i, inner = _child(point, len(self._learners))
        except KeyError:
            return False
        return inner in self._get(self._learners[i].method)

    def __iter__(self) -> Iterator[Point]:
        return ((i, point) for i, one in enumerate(self._learners) for point in self._get(one.method))

    def __len__(self) -> int:
        return sum(len(self._get(one.method)) for one in self._learners)

    def __repr__(self) -> str:
        return repr(dict(self))


@final
class Pending(Collection[Point]):
    """The pending points (i, point of child i), child by child."""

    __slots__ = ("_learners",)

    def __init__(self, learners: Sequence[Learner[Any]]) -> None:
        self._learners = learners

    def __contains__(self, point: object) -> bool:
        try:
            i, inner = _child(point, len(self._learners))
        except KeyError:
            return False
        return inner in self._learners[i].method.pending

    def __iter__(self) -> Iterator[Point]:
        return ((i, point) for i, one in enumerate(self._learners) for point in one.method.pending)

    def __len__(self) -> int:
        return sum(len(one.method.pending) for one in self._learners)


def _child(point: Point, n: int) -> tuple[int, Point]:
    """Returns the number and the point of a child; ``KeyError`` where there is no such child."""
    match point:
        case (int(i), inner) if 0 <= i < n:
            return i, inner
    raise KeyError(point)
