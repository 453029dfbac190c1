"""A learner that learns from a part of each result, and keeps the whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter, itemgetter
from typing import Generic, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import LearnerError, did_you_mean
from cohobate.core.identity import code_hash
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.trial import Inputs
from cohobate.propose.learners.learner import Learner, M
from cohobate.propose.learners.method import Point, Told, why_of
from cohobate.propose.learners.words import short

Pick = str | Callable[[Payload], Told]
"""The name of an output, or what makes a value of a whole result."""
WHO = "DataSaver"


def DataSaver(learner: Learner[M], pick: Pick) -> Learner[Saved[M]]:
    """Returns a learner that is told whole results: ``learner`` learns ``pick(result)``, or ``result[pick]``.

    ``method.extra`` are the whole results by point. In a campaign a result is the mapping of all outputs
    (``{"value": ...}`` where the simulator returns a bare value, and ``pick`` is a function).
    """
    if not (isinstance(pick, str) or callable(pick)):
        raise LearnerError(f"{WHO}: expected the name of an output or a function of a result, got {short(pick)}")
    return Learner(Saved(learner, pick))


@final
class Saved(Generic[M]):
    """Hands on what is picked; see ``DataSaver``."""

    def __init__(self, learner: Learner[M], pick: Pick) -> None:
        self.learner = learner
        self.extra: dict[Point, Payload] = {}
        self._pick = pick
        self._named = ""
        inner = learner.problem
        outputs = tuple(replace(one, name=pick) for one in inner.outputs[:1]) if isinstance(pick, str) else ()
        self.problem = Problem(inner.variables, outputs, inner.fidelity)

    @property
    def learners(self) -> tuple[Learner[M]]:
        """The learner within."""
        return (self.learner,)

    @property
    def finite(self) -> bool:
        """Whether the learner within comes to an end."""
        return self.learner.finite

    @property
    def data(self) -> Mapping[Point, Told]:
        """What was picked."""
        return self.learner.data

    @property
    def told(self) -> Mapping[Point, Payload]:
        """The whole results."""
        return self.extra

    @property
    def pending(self) -> Collection[Point]:
        """The points that are out."""
        return self.learner.pending_points

    @property
    def holes(self) -> Mapping[Point, str]:
        """The points without a value."""
        return self.learner.holes

    @property
    def why(self) -> str:
        """Why the learner within ended without having learned what it should."""
        return why_of(self.learner.method)

    def describe(self) -> Mapping[str, Plain]:
        """Returns the settings within, and what is picked: by name, or a hash of the function's source."""
        if not self._named:
            self._named = _named(self._pick)
        return {"learner": WHO, "of": dict(self.learner.describe()), "pick": self._named}

    def fresh(self) -> Saved[M]:
        """Returns one around a fresh learner."""
        return Saved(self.learner.new(), self._pick)

    def inputs(self, point: Point) -> Inputs:
        """Returns the inputs of a point."""
        return self.learner.method.inputs(point)

    def point(self, inputs: Inputs) -> Point:
        """Returns the point of inputs."""
        return self.learner.method.point(inputs)

    def admit(self, point: Point) -> Point:
        """Returns a point within the domain."""
        return self.learner.method.admit(point)

    def ask(self, n: int) -> tuple[list[Point], list[float]]:
        """Returns the next points."""
        return self.learner.method.ask(n)

    def tell(self, point: Point, value: Payload) -> float:
        """Hands on what is picked of a result, and keeps the result."""
        residual = self.learner.take(point, self._picked(value))
        self.extra[point] = value
        return residual

    def tell_many(self, points: Sequence[Point], values: Sequence[Payload]) -> Sequence[float]:
        """Hands on what is picked of results, and keeps them."""
        residuals = self.learner.take_many(points, [self._picked(value) for value in values])
        self.extra.update(zip(points, values, strict=True))
        return residuals

    def tell_pending(self, point: Point) -> None:
        """Hands on that a point is out."""
        self.learner.method.tell_pending(point)

    def release(self, points: Sequence[Point]) -> None:
        """Hands on that points are not out any more."""
        self.learner.method.release(points)

    def exclude(self, point: Point, why: str) -> None:
        """Hands on that there is no value."""
        self.learner.method.exclude(point, why)

    def loss(self, *, real: bool = True) -> float:
        """Returns the loss within."""
        return self.learner.loss(real=real)

    def gain(self) -> float:
        """Returns the gain within."""
        return self.learner.method.gain()

    def done(self) -> bool:
        """Whether nothing is left to learn."""
        return self.learner.done()

    def learned(self, kind: str | None = None) -> Payload:
        """Returns what is learned within."""
        return self.learner.learned(kind)

    def value(self, outputs: Mapping[str, Payload]) -> Mapping[str, Payload]:
        """Returns all outputs of a simulator."""
        return dict(outputs)

    def _picked(self, whole: Payload) -> Told:
        if isinstance(self._pick, str):
            return _part(whole, self._pick)
        match capture(self._pick, whole):
            case Returned(value):
                return value
            case Raised(error, message):
                raise LearnerError(f"{WHO}: picking from {short(whole)} raised {message}") from error


def _named(pick: Pick) -> str:
    """Returns what identifies what is picked; looking at the source of a function takes a millisecond."""
    match pick:
        case str():
            return pick
        case itemgetter() | attrgetter():
            return repr(pick)
    return code_hash(pick)


def _part(whole: Payload, name: str) -> Told:
    if not isinstance(whole, Mapping):
        raise LearnerError(f"{WHO}: expected a mapping with {name!r}, got {short(whole)}")
    if name not in whole:
        hint = did_you_mean(name, map(str, whole))
        raise LearnerError(f"{WHO}: expected a result with {name!r}, got one with {short(list(whole))}{hint}")
    return whole[name]
