"""Many learners that share the evaluations: the next point goes where it is worth most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, Literal, final, get_args

from cohobate.core.errors import LearnerError, did_you_mean
from cohobate.core.payload import Payload, Plain
from cohobate.core.trial import Inputs
from cohobate.propose.learners.across import Across, Pending
from cohobate.propose.learners.labels import WHO, Labels, combined, numbered, spanned
from cohobate.propose.learners.learner import Learner, M
from cohobate.propose.learners.method import Point, Told, told_to, value_for, why_of
from cohobate.propose.learners.ranking import Key, Ranking
from cohobate.propose.learners.words import short

Strategy = Literal["loss_improvements", "loss", "npoints", "cycle"]
STRATEGIES: Final[tuple[Strategy, ...]] = get_args(Strategy)


def BalancingLearner(
    learners: Sequence[Learner[M]],
    *,
    labels: Sequence[Mapping[str, Payload]] | None = None,
    strategy: Strategy = "loss_improvements",
) -> Learner[Balanced[M]]:
    """Returns a learner whose points are (i, point of ``learners[i]``), which share the evaluations.

    ``strategy`` says where the next point goes, and may be changed at any time (``learner.method.strategy``):
    where it gains most (``loss_improvements``), where most is left to learn (``loss``), where there are
    fewest points (``npoints``), or where it has not gone for longest (``cycle``). Each child gets its first
    point before any gets a second.

    The simulator is called with the labels of the child (without ``labels``: its number, ``learner``) and
    with the inputs of its point. The loss is the greatest of the children's. ``learner.method.learners`` are
    the children; after telling one of them directly, call ``learner.method.refresh()``.
    """
    if not learners:
        raise LearnerError(f"{WHO}: expected at least one learner, got none")
    if len({id(one) for one in learners}) < len(learners):
        raise LearnerError(f"{WHO}: expected different learners, one of them is there twice: make each anew")
    if len(kinds := {type(one.method) for one in learners}) > 1:
        names = sorted(str(one.describe()["learner"]) for one in learners)
        raise LearnerError(f"{WHO}: expected learners of one kind, got {len(kinds)}: {short(names)}")
    named = numbered(len(learners)) if labels is None else Labels(labels)
    if len(named) != len(learners):
        raise LearnerError(f"{WHO}: expected labels for {len(learners)} learners, got {len(named)}")
    return Learner(Balanced(tuple(learners), named, strategy))


def balancing_product(
    make: Learner[M] | Callable[..., Learner[M]],
    over: Mapping[str, Sequence[Payload]],
    *,
    strategy: Strategy = "loss_improvements",
) -> Learner[Balanced[M]]:
    """Returns a ``BalancingLearner`` with a child for every combination of the values in ``over``: its labels.

    ``make`` is a learner that all are like, or makes one from the labels (as keywords).
    """
    labels = combined(over)
    learners = [make.new() if isinstance(make, Learner) else make(**one) for one in labels]
    return BalancingLearner(learners, labels=labels, strategy=strategy)


@final
class Balanced(Generic[M]):
    """Asks the child that comes first, at O(log) of their number; see ``BalancingLearner``."""

    def __init__(self, learners: tuple[Learner[M], ...], labels: Labels, strategy: Strategy) -> None:
        self.learners = learners
        self.labels = labels
        self.problem = spanned([one.problem for one in learners], labels)
        self.data = Across(learners, _data)
        self.told = Across(learners, told_to)
        self.holes = Across(learners, _holes)
        self.pending = Pending(learners)
        self._made_with = strategy
        self._asks = 0
        self._latest = [-1] * len(learners)
        self._turns: dict[Point, tuple[int, int]] = {}
        self.strategy = strategy
        self.refresh()

    @property
    def strategy(self) -> Strategy:
        """Where the next point goes."""
        return self._strategy

    @strategy.setter
    def strategy(self, strategy: Strategy) -> None:
        if strategy not in STRATEGIES:
            raise LearnerError(
                f"{WHO}: expected a strategy of {list(STRATEGIES)}, got {strategy!r}"
                f"{did_you_mean(str(strategy), STRATEGIES)}"
            )
        self._strategy = strategy
        self._next = Ranking(len(self.learners), self._rank)

    def refresh(self) -> None:
        """Looks at every child anew: to be called when one was told something directly."""
        n = len(self.learners)
        self._next = Ranking(n, self._rank)
        self._real = Ranking(n, self._loss)
        self._expected = Ranking(n, self._expected_loss)
        self._open = Ranking(n, self._done)

    @property
    def finite(self) -> bool:
        """Whether every child comes to an end."""
        return all(one.finite for one in self.learners)

    @property
    def why(self) -> str:
        """Why a child ended without having learned what it should: the first that did, with its number."""
        said = ((i, why_of(one.method)) for i, one in enumerate(self.learners))
        return next((f"child {i}: {why}" for i, why in said if why), "")

    def describe(self) -> Mapping[str, Plain]:
        """Returns the strategy it began with, the labels, and the settings of each child."""
        children = [dict(one.describe()) for one in self.learners]
        labels = [dict(one) for one in self.labels]
        return {"learner": WHO, "strategy": self._made_with, "labels": labels, "children": children}

    def fresh(self) -> Balanced[M]:
        """Returns one over fresh children."""
        return Balanced(tuple(one.new() for one in self.learners), self.labels, self._strategy)

    def inputs(self, point: Point) -> Inputs:
        """Returns the labels of the child and the inputs of its point."""
        i, inner = point
        return {**self.labels[i], **self.learners[i].method.inputs(inner)}

    def point(self, inputs: Inputs) -> Point:
        """Returns the child with these labels, and its point."""
        i = self.labels.number(inputs)
        return i, self.learners[i].method.point({k: v for k, v in inputs.items() if k not in self.labels.names})

    def admit(self, point: Point) -> Point:
        """Returns the number of a child and a point within its domain."""
        if not (isinstance(point, tuple | list) and len(point) == 2):
            raise LearnerError(f"{WHO}: expected a pair (number of a child, its point), got {short(point)}")
        i, inner = point
        if isinstance(i, bool) or not isinstance(i, int) or not 0 <= i < len(self.learners):
            raise LearnerError(f"{WHO}: expected the number of a child below {len(self.learners)}, got {short(i)}")
        return i, self.learners[i].method.admit(inner)

    def ask(self, n: int) -> tuple[list[Point], list[float]]:
        """Returns the next points, each of the child that comes first then."""
        points: list[Point] = []
        gains: list[float] = []
        while len(points) < n and (first := self._next.first()) is not None:
            i = first[1]
            asked, gained = self.learners[i].method.ask(1)
            if not asked:
                self._next.close(i)
                continue
            points.append((i, asked[0]))
            gains.append(gained[0])
            self._turn(points[-1])
        return points, gains

    def tell(self, point: Point, value: Told) -> float:
        """Tells the child."""
        i, inner = point
        residual: float = self.learners[i].take(inner, value)
        self._turns.pop(point, None)
        self._touch(i)
        return residual

    def tell_many(self, points: Sequence[Point], values: Sequence[Told]) -> list[float]:
        """Tells each child its share at once."""
        shares: dict[int, list[int]] = {}
        for k, point in enumerate(points):
            shares.setdefault(point[0], []).append(k)
            self._turns.pop(point, None)
        residuals = [0.0] * len(points)
        for i, share in shares.items():
            self._touch(i)
            found = self.learners[i].take_many([points[k][1] for k in share], [values[k] for k in share])
            for k, residual in zip(share, found, strict=True):
                residuals[k] = residual
        return residuals

    def tell_pending(self, point: Point) -> None:
        """Tells the child that a point is out."""
        i, inner = point
        self.learners[i].method.tell_pending(inner)
        self._turn(point)

    def release(self, points: Sequence[Point]) -> None:
        """Has the children forget that these are out, the last one first."""
        for point in reversed(points):
            i, inner = point
            self.learners[i].method.release([inner])
            turn, before = self._turns.pop(point, (-1, -1))
            if self._latest[i] == turn:
                self._latest[i] = before
            self._touch(i)

    def exclude(self, point: Point, why: str) -> None:
        """Tells the child that there is no value."""
        i, inner = point
        self.learners[i].method.exclude(inner, why)
        self._turns.pop(point, None)
        self._touch(i)

    def loss(self, *, real: bool = True) -> float:
        """Returns the greatest loss of a child."""
        first = (self._real if real else self._expected).first()
        return -float(first[0]) if first else 0.0

    def gain(self) -> float:
        """Returns what the child that comes first gains; one that seems to gain nothing is asked, and let go again."""
        while (first := self._next.first()) is not None:
            method = self.learners[first[1]].method
            if gain := method.gain():
                return gain
            asked, gained = method.ask(1)
            if asked:
                method.release(asked)
                return float(gained[0])
            self._next.close(first[1])
        return 0.0

    def done(self) -> bool:
        """Whether every child is."""
        first = self._open.first()
        return bool(first and first[0])

    def learned(self, kind: str | None = None) -> list[Any]:
        """Returns what each child has learned."""
        return [one.learned(kind) for one in self.learners]

    def value(self, outputs: Mapping[str, Payload]) -> Told:
        """Returns what a child is told of the outputs of a simulator."""
        return value_for(self.learners[0].method, outputs)

    def _turn(self, point: Point) -> None:
        i = point[0]
        self._turns[point] = self._asks, self._latest[i]
        self._latest[i] = self._asks
        self._asks += 1
        self._touch(i)

    def _touch(self, i: int) -> None:
        for ranking in (self._next, self._real, self._expected, self._open):
            ranking.touch(i)

    def _rank(self, i: int) -> Key:
        """Returns what puts a child before others: it has no point, its merit, it has few points."""
        method = self.learners[i].method
        count = len(method.data) + len(method.pending) + len(method.holes)
        match self._strategy:
            case "loss_improvements":
                return count > 0, -method.gain(), count
            case "loss":
                return count > 0, -method.loss(real=False), count
            case "npoints":
                return (count,)
            case "cycle":
                return self._latest[i], count

    def _loss(self, i: int) -> float:
        return -self.learners[i].loss()

    def _expected_loss(self, i: int) -> float:
        return -self.learners[i].loss(real=False)

    def _done(self, i: int) -> bool:
        return self.learners[i].done()


def _data(method: M) -> Mapping[Point, Told]:
    return method.data


def _holes(method: M) -> Mapping[Point, str]:
    return method.holes
