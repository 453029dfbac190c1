"""Everything a learner knows, apart from the learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from cohobate.core.payload import Payload
from cohobate.propose.learners.method import Method, Point, Told
from cohobate.propose.learners.residuals import Residuals


@dataclass(frozen=True, slots=True)
class Memory:
    """What a learner remembers beside what its method knows; ``inner`` is that of the learners within it."""

    refused: Mapping[Point, str]
    residuals: Sequence[float]
    inner: tuple[Memory, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What was told at each point, in that order, the points without a value and why, and the memory."""

    told: Mapping[Point, Told]
    holes: Mapping[Point, str]
    memory: Memory


class Remembers(Protocol):
    """A learner, as far as its memory goes."""

    refused: dict[Point, str]
    residuals: Residuals

    @property
    def method(self) -> Method: ...


@runtime_checkable
class Parent(Protocol):
    """A method that has other learners do its work."""

    @property
    def learners(self) -> Sequence[Any]:
        """Those learners."""
        ...


@runtime_checkable
class Labelled(Parent, Protocol):
    """A method whose learners have labels."""

    @property
    def labels(self) -> Sequence[Mapping[str, Payload]]:
        """The labels of each learner."""
        ...


def memory_of(learner: Remembers) -> Memory:
    """Returns what a learner and those within it remember."""
    inner = tuple(memory_of(one) for one in _within(learner))
    return Memory(dict(learner.refused), learner.residuals.latest(), inner)


def recollect(learner: Remembers, *memories: Memory) -> None:
    """Has a learner remember what is in these, the latest last; of residuals nothing else."""
    holes = learner.method.holes
    for memory in memories:
        learner.refused.update({point: why for point, why in memory.refused.items() if point in holes})
    learner.residuals = Residuals(residual for memory in memories for residual in memory.residuals)
    for one, *remembered in zip(_within(learner), *(memory.inner for memory in memories), strict=False):
        recollect(one, *remembered)


def _within(learner: Remembers) -> Sequence[Remembers]:
    return learner.method.learners if isinstance(learner.method, Parent) else ()
