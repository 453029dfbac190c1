"""What a way of choosing points does, so that ``Learner`` can make a generator of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.trial import Inputs

Point = Any
"""A number, a tuple of numbers, an index: hashable, and equal only to itself."""
Told = Any
"""What is known at a point: a number, an array of numbers, or anything else that a method takes."""


class Method(Protocol):
    """Chooses points of a domain and takes in what is found there: pure, deterministic, and knows no campaign.

    Each point is in one of four states: unknown, ``pending`` (asked for, not yet told), known (in
    ``data``), or a hole (in ``holes``, with the reason: there never will be a value). A method never asks
    for a point that is not unknown, and its choices are a function of its settings and of the calls made.
    """

    @property
    def problem(self) -> Problem:
        """What its points are called as inputs, and the output that it looks at."""
        ...

    @property
    def finite(self) -> bool:
        """Whether it comes to an end by itself."""
        ...

    @property
    def data(self) -> Mapping[Point, Told]:
        """The known points, in the order they were told."""
        ...

    @property
    def pending(self) -> Collection[Point]:
        """The points that are asked for, oldest first."""
        ...

    @property
    def holes(self) -> Mapping[Point, str]:
        """The points without a value, and why."""
        ...

    def describe(self) -> Mapping[str, Plain]:
        """Returns its settings as plain data, its ``learner`` (the name of the kind) among them."""
        ...

    def fresh(self) -> Self:
        """Returns one of the same settings that knows nothing."""
        ...

    def inputs(self, point: Point) -> Inputs:
        """Returns a point as inputs of a simulator."""
        ...

    def point(self, inputs: Inputs) -> Point:
        """Returns the point that inputs are."""
        ...

    def admit(self, point: Point) -> Point:
        """Returns a point as it is kept (a float, a tuple of floats); ``LearnerError`` for one outside the domain."""
        ...

    def ask(self, n: int) -> tuple[list[Point], list[float]]:
        """Chooses up to ``n`` points, which are pending then, and says what is gained by each.

        Fewer where it waits for results or nothing is left.
        """
        ...

    def tell(self, point: Point, value: Told) -> float:
        """Takes in the value at an admitted point, known to nobody: pending, a hole, or unknown so far.

        Returns by how much it differs from what was predicted from everything else that was known
        (largest component, relative to the range of values known), NaN where nothing could be. Raises
        ``LearnerError`` for a value it cannot take (no finite number, another shape), and has not changed then.
        """
        ...

    def tell_many(self, points: Sequence[Point], values: Sequence[Told]) -> Sequence[float]:
        """Takes in values at distinct admitted points, none of them in ``data``; returns as ``tell`` does.

        Leads to the same data as one ``tell`` after the other; predictions may be those before the first.
        """
        ...

    def tell_pending(self, point: Point) -> None:
        """Takes in that an unknown, admitted point is asked for elsewhere."""
        ...

    def release(self, points: Sequence[Point]) -> None:
        """Forgets that these points are pending: they may be asked for again.

        What ``ask`` gave last and nothing happened since leaves the method as it was before.
        """
        ...

    def exclude(self, point: Point, why: str) -> None:
        """Takes in that an admitted point, not in ``data``, will never have a value."""
        ...

    def loss(self, *, real: bool = True) -> float:
        """Returns how much is left to learn, smaller is better.

        Unless ``real``, as if all that is pending were told.
        """
        ...

    def gain(self) -> float:
        """Returns what the next point that ``ask`` would give is worth, 0 where there is none; changes nothing."""
        ...

    def done(self) -> bool:
        """Whether there is nothing left to learn."""
        ...

    def learned(self, kind: str | None = None) -> Payload:
        """Returns what is known now, as a value of its own: an interpolant, an estimate, a list.

        ``kind`` chooses among several. Raises ``LearnerError`` where too little is known.
        """
        ...


@runtime_checkable
class Absorbs(Protocol):
    """A method that takes in many points as they are given at less cost than one by one.

    It admits them itself, leaves out those that are in ``data``, and of equal ones takes the first.
    """

    def absorb(self, points: Sequence[Point], values: Sequence[Told]) -> Sequence[float]:
        """Takes in values, all of which are some; otherwise as ``tell_many``."""
        ...


@runtime_checkable
class Keeper(Protocol):
    """A method that is told more at a point than it learns from."""

    @property
    def told(self) -> Mapping[Point, Told]:
        """What it was told at each known point: another one knows the same once it is told this."""
        ...

    def value(self, outputs: Mapping[str, Payload]) -> Told:
        """Returns what it is to be told of all the outputs of a simulator."""
        ...


def told_to(method: Method) -> Mapping[Point, Told]:
    """Returns what a method was told at each known point."""
    return method.told if isinstance(method, Keeper) else method.data


def value_for(method: Method, outputs: Mapping[str, Payload]) -> Told:
    """Returns what a method is told of all the outputs of a simulator: the one it looks at, unless it says more."""
    return method.value(outputs) if isinstance(method, Keeper) else outputs[method.problem.output_names[0]]


@runtime_checkable
class Ends(Protocol):
    """A method that may end without having learned what it should."""

    @property
    def why(self) -> str:
        """Why it ended so, in one line; empty where it has not, or where it has learned all."""
        ...


def why_of(method: Method) -> str:
    """Returns why a method ended without having learned what it should, nothing where it did not."""
    return method.why if isinstance(method, Ends) else ""


def why_over(method: Method) -> str:
    """Returns why nothing is left to ask for."""
    return why_of(method) or "nothing is left to learn"
