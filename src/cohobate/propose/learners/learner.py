"""A generator that learns a function: the face that every method of choosing points has in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar, final

from cohobate.core.errors import LearnerError
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.protocols import Answer, Exhausted, Later, Rows, inputs_of
from cohobate.core.trial import Result
from cohobate.propose.learners.method import Method, Point, Told
from cohobate.propose.learners.residuals import Residuals

M = TypeVar("M", bound=Method)
SHARE = 0.9
"""The share of predictions that ``error`` speaks of."""


@final
class Learner(Generic[M]):
    """Learns a function over a domain: a generator for campaigns, and by ``ask`` and ``tell`` without one.

    Made by ``Learner1D`` and its like; ``method`` is how it chooses, and has what only that kind knows.
    The first value told of a point stays. ``refused`` are points whose results made no sense here (a value
    of another shape), with the reason: they are holes, as failures are, and are not asked for again.
    """

    __slots__ = ("_residuals", "method", "refused")

    def __init__(self, method: M) -> None:
        self.method = method
        self.refused: dict[Point, str] = {}
        self._residuals = Residuals()

    # asked and told by hand

    def ask(self, n: int, *, tell_pending: bool = True) -> tuple[list[Point], list[float]]:
        """Returns up to ``n`` points and what is gained by each; fewer where it waits or nothing is left.

        They are pending from then on, unless ``tell_pending`` is false: then nothing has changed.
        """
        points, gains = self.method.ask(n)
        if not tell_pending:
            self.method.release(points)
        return list(points), list(gains)

    def tell(self, point: Point, value: Told) -> None:
        """Takes in the value at a point, asked for or not; a ``None`` value says that there is none.

        Raises ``LearnerError`` for a point outside the domain and a value that makes no sense, and knows
        what it knew before.
        """
        method = self.method
        point = method.admit(point)
        if point in method.data:
            return
        if value is None:
            method.exclude(point, "told to have no value")
        else:
            self._residuals.add(method.tell(point, value))

    def tell_many(self, points: Sequence[Point], values: Sequence[Told]) -> None:
        """Takes in many values at once, which costs less than one after the other."""
        if len(points) != len(values):
            raise LearnerError(f"tell_many: expected as many values as points, got {len(points)} and {len(values)}")
        method = self.method
        told: dict[Point, Told] = {}
        for point, value in zip(map(method.admit, points), values, strict=True):
            if point not in method.data:
                told.setdefault(point, value)
        known = {point: value for point, value in told.items() if value is not None}
        self._residuals.extend(method.tell_many(list(known), list(known.values())))
        for point, value in told.items():
            if value is None:
                method.exclude(point, "told to have no value")

    def tell_pending(self, point: Point) -> None:
        """Takes in that a point is being evaluated: it is not asked for."""
        method = self.method
        point = method.admit(point)
        if point not in method.data and point not in method.pending and point not in method.holes:
            method.tell_pending(point)

    def remove_unfinished(self) -> None:
        """Forgets what is pending, which may then be asked for again."""
        self.method.release(list(self.method.pending))

    def loss(self, *, real: bool = True) -> float:
        """Returns how much is left to learn; unless ``real``, as if all that is pending were known."""
        return self.method.loss(real=real)

    def error(self, share: float = SHARE) -> float:
        """Returns what a ``share`` of the latest predictions were not further off than, relative to the range.

        Each value is predicted from everything known before it came, so this is measured out of sample;
        NaN while fewer than ten were.
        """
        return self._residuals.quantile(share)

    def done(self) -> bool:
        """Whether there is nothing left to learn."""
        return self.method.done()

    @property
    def data(self) -> Mapping[Point, Told]:
        """The values known, by point, in the order they came."""
        return self.method.data

    @property
    def npoints(self) -> int:
        """How many points have a value."""
        return len(self.method.data)

    @property
    def pending_points(self) -> Collection[Point]:
        """The points that were asked for and not told, oldest first."""
        return self.method.pending

    @property
    def holes(self) -> Mapping[Point, str]:
        """The points that gave no value, and why."""
        return self.method.holes

    def new(self) -> Learner[M]:
        """Returns a learner of the same settings that knows nothing."""
        return Learner(self.method.fresh())

    def copy_from(self, other: Learner[M]) -> None:
        """Takes in everything another learner knows; the two share nothing afterwards."""
        known = self.method.data
        told = {point: value for point, value in other.data.items() if self.method.admit(point) not in known}
        self.tell_many(list(told), list(told.values()))
        for point, why in other.holes.items():
            if point not in self.method.data:
                self.method.exclude(point, why)
        self.refused |= other.refused

    def learned(self, kind: str | None = None) -> Payload:
        """Returns what is known now, apart from the learner: an interpolant, an estimate, a list."""
        return self.method.learned(kind)

    # in a campaign

    @property
    def problem(self) -> Problem:
        """The variables and the output that is learned."""
        return self.method.problem

    @property
    def finite(self) -> bool:
        """Whether it comes to an end by itself."""
        return self.method.finite

    def describe(self) -> Mapping[str, Plain]:
        """Returns its kind and settings as plain data."""
        return self.method.describe()

    def suggest(self, n: int) -> Answer:
        """Returns up to ``n`` points as inputs; ``Later`` while all depends on what is pending."""
        method = self.method
        points, _ = method.ask(n)
        if points:
            return [method.inputs(point) for point in points]
        return Later() if method.pending else Exhausted("nothing is left to learn")

    def ingest(self, results: Sequence[Result]) -> None:
        """Takes in final outcomes: a value, or that there is none; what was cancelled may be asked for again."""
        for result in results:
            self._ingest(self.method.point(result.trial.inputs), result)

    def recall(self, rows: Rows) -> None:
        """Goes on after rows that were proposed before."""
        method = self.method
        points = [method.point(inputs_of(row)) for row in rows]
        derived, _ = method.ask(len(points))
        if list(derived) != points:  # made by an older version, or by hand
            method.release(derived)
            for point in points:
                self.tell_pending(point)

    def finalize(self) -> None:
        """Does nothing: what is pending stays so, for the next session."""

    def _ingest(self, point: Point, result: Result) -> None:
        method = self.method
        if point in method.data:
            return
        match result.outcome:
            case Value(outputs):
                self._take(point, outputs)
            case Failure() as failure:
                method.exclude(point, failure.message)
            case Cancelled() if point in method.pending:
                method.release([point])

    def _take(self, point: Point, outputs: Mapping[str, Payload]) -> None:
        try:
            self._residuals.add(self.method.tell(point, outputs[self.problem.output_names[0]]))
        except LearnerError as error:
            self.refused[point] = str(error)
            self.method.exclude(point, str(error))
