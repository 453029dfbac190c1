"""A generator that learns a function: the face that every method of choosing points has in common."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any, Generic, TypeVar, final

import numpy as np

from cohobate.core.card import Card, space_of
from cohobate.core.errors import LearnerError
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.protocols import Answer, Exhausted, Later, Rows, inputs_of
from cohobate.core.trial import Result
from cohobate.propose.learners.files import Names, filed, read_known, write_known
from cohobate.propose.learners.frames import array_of, frame_of, points_in
from cohobate.propose.learners.known import Known, memory_of, recollect
from cohobate.propose.learners.method import Absorbs, Method, Point, Told, told_to, value_for, why_over
from cohobate.propose.learners.residuals import Residuals
from cohobate.propose.learners.sampled import Sampled

M = TypeVar("M", bound=Method)
WITHOUT = "told to have no value"
SHARE = 0.9
"""The share of predictions that ``error`` speaks of."""


@final
class Learner(Generic[M]):
    """Learns a function over a domain: a generator for campaigns, and by ``ask`` and ``tell`` without one.

    Made by ``Learner1D`` and its like; ``method`` is how it chooses, and has what only that kind knows.
    The first value told of a point stays. ``refused`` are points whose results made no sense here (a value
    of another shape), with the reason: they are holes, as failures are, and are not asked for again.
    ``residuals`` are by how much the latest predictions were off.
    """

    __slots__ = ("method", "refused", "residuals")

    def __init__(self, method: M) -> None:
        self.method = method
        self.refused: dict[Point, str] = {}
        self.residuals = Residuals()

    # asked and told by hand

    def ask(self, n: int, *, tell_pending: bool = True) -> tuple[list[Point], list[float]]:
        """Returns up to ``n`` points and what is gained by each; fewer where it waits or nothing is left.

        They are pending from then on, unless ``tell_pending`` is false: then nothing has changed.
        """
        points, gains = self.method.ask(n)
        if not tell_pending:
            self.method.release(points)
        return points, gains

    def tell(self, point: Point, value: Told) -> None:
        """Takes in the value at a point, asked for or not.

        ``None`` says that there is none, as NaN does where it could not be one: the point is a hole then.
        Raises ``LearnerError`` for a point outside the domain and a value that makes no sense, and knows
        what it knew before.
        """
        method = self.method
        point = method.admit(point)
        if point in method.data:
            return
        if value is None:
            method.exclude(point, WITHOUT)
            return
        try:
            self.residuals.add(method.tell(point, value))
        except LearnerError:
            if not _is_nan(value):
                raise
            method.exclude(point, WITHOUT)
            return
        if self.refused:
            self.refused.pop(point, None)

    def tell_many(self, points: Sequence[Point], values: Sequence[Told]) -> None:
        """Takes in many values at once, which costs less than one after the other."""
        if len(points) != len(values):
            raise LearnerError(f"tell_many: expected as many values as points, got {len(points)} and {len(values)}")
        try:
            self._tell_at_once(points, values)
        except LearnerError:
            if not any(map(_is_nan, values)):
                raise
            for point, value in zip(points, values, strict=True):
                self.tell(point, value)

    def _tell_at_once(self, points: Sequence[Point], values: Sequence[Told]) -> None:
        if isinstance(self.method, Absorbs) and type(None) not in set(map(type, values)):
            self._took(self.method.absorb(points, values))
            return
        told = self._unknown(zip(points, values, strict=True))
        known = {point: value for point, value in told.items() if value is not None}
        self.take_many(list(known), list(known.values()))
        for point in [point for point in told if point not in known]:
            self.method.exclude(point, WITHOUT)

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
        return self.residuals.quantile(share)

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
        self._learn(other.known())

    def learned(self, kind: str | None = None) -> Payload:
        """Returns what is known now, apart from the learner: an interpolant, an estimate, a list."""
        return self.method.learned(kind)

    # kept and shown

    def save(self, path: Names, *, compress: bool = True) -> None:
        """Makes a file of all that is known: holes and their reasons too, but not what is pending.

        The file is JSON, whole or not there, and replaces one of that name; folders that are missing are
        made. A balanced learner is one file, or one for each child: ``path`` is then a list of names, or makes
        a name of a child's labels. Raises ``NotStorable`` for values that no file can hold, and ``OSError``.
        """
        for learner, name in filed(self, path):
            write_known(name, learner.known(), learner.describe(), compress=compress)

    def load(self, path: Names) -> None:
        """Takes in what ``save`` wrote, compressed or not, as ``copy_from`` would: what is known already stays.

        Raises ``LearnerError`` for a file that is missing, torn, foreign, newer, or of a learner of another
        kind or other settings.
        """
        for learner, name in filed(self, path):
            learner._learn(read_known(name, learner.describe()))

    def frame(self) -> Payload:
        """Returns a pandas ``DataFrame`` with a row for each known point; ``MissingExtra`` without pandas.

        Its columns are the inputs and what is learned, then all else that was told; arrays are kept in their cells.
        """
        return frame_of(self.method)

    def load_frame(self, frame: Payload) -> None:
        """Takes in the rows of such a table; ``LearnerError`` where it lacks a column."""
        for point, value in points_in(self.method, frame):
            self.tell(point, value)

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """Returns what is known as an array (points, variables + numbers of a value), in the order it was told."""
        return array_of(self.method)

    def known(self) -> Known:
        """Returns all that is known, sharing nothing with the learner but the values."""
        return Known(dict(told_to(self.method)), dict(self.method.holes), memory_of(self))

    def __repr__(self) -> str:
        counts, measured = self._counts(), self._measured()
        facts = [f"{n} {name}" for name, n in counts if n] + [f"{name} {text}" for name, text in measured if text]
        return f"<{self.describe()['learner']}: {', '.join(facts)}>"

    def _repr_html_(self) -> str:
        over = ("over", space_of(self.problem))
        return Card(str(self.describe()["learner"]), [over, *self._counts(), *self._measured()]).html()

    def plot(
        self,
        path: str | Path | None = None,
        *,
        kind: str | None = None,
        over: str | Sequence[str] | None = None,
        at: Mapping[str, float] | None = None,
        points: bool = True,
    ) -> Payload:
        """Draws what ``learned(kind)`` returns, where that is a function: see ``Sampled.plot``."""
        sampled = Sampled(self.learned(kind), self.problem, self.data, self.holes)
        return sampled.plot(path, over=over, at=at, points=points)

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
        return Later() if method.pending else Exhausted(why_over(method))

    def ingest(self, results: Sequence[Result]) -> None:
        """Takes in final outcomes: a value, or that there is none; what was cancelled may be asked for again."""
        for result in results:
            self._ingest(self.method.point(result.trial.inputs), result)

    def recall(self, rows: Rows) -> None:
        """Goes on after rows that were proposed before."""
        method = self.method
        points = [method.point(inputs_of(row)) for row in rows]
        derived, _ = method.ask(len(points))
        if [method.point(method.inputs(point)) for point in derived] != points:  # by an older version, or by hand
            method.release(derived)
            for point in points:
                self.tell_pending(point)

    def finalize(self) -> None:
        """Does nothing: what is pending stays so, for the next session."""

    # as a part of another learner

    def take(self, point: Point, value: Told) -> float:
        """Takes in the value at an admitted point that has none yet; returns as ``Method.tell`` does."""
        residual = self.method.tell(point, value)
        if self.refused:
            self.refused.pop(point, None)
        self.residuals.add(residual)
        return residual

    def take_many(self, points: Sequence[Point], values: Sequence[Told]) -> Sequence[float]:
        """Takes in values at distinct admitted points that have none yet; returns as ``Method.tell_many`` does."""
        residuals = self.method.tell_many(points, values)
        self._took(residuals)
        return residuals

    def _took(self, residuals: Sequence[float]) -> None:
        if self.refused:
            self.refused = {point: why for point, why in self.refused.items() if point not in self.method.data}
        self.residuals.extend(residuals)

    def _unknown(self, told: Iterable[tuple[Point, Told]]) -> dict[Point, Told]:
        """Returns the admitted points without a value, and the first that is told of each."""
        known, admit = self.method.data, self.method.admit
        unknown: dict[Point, Told] = {}
        for point, value in told:
            admitted = admit(point)
            if admitted not in known:
                unknown.setdefault(admitted, value)
        return unknown

    def _learn(self, known: Known) -> None:
        before = memory_of(self)
        told = self._unknown(known.told.items())
        self.take_many(list(told), list(told.values()))
        for point, why in known.holes.items():
            admitted = self.method.admit(point)
            if admitted not in self.method.data and admitted not in self.method.holes:
                self.method.exclude(admitted, why)
        recollect(self, before, known.memory)

    def _counts(self) -> list[tuple[str, int]]:
        return [("points", self.npoints), ("pending", len(self.pending_points)), ("without a value", len(self.holes))]

    def _measured(self) -> list[tuple[str, str]]:
        error = self.error()
        return [("loss", f"{self.loss():.3g}"), ("error", "" if isnan(error) else f"{error:.3g}")]

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
            self.take(point, value_for(self.method, outputs))
        except LearnerError as error:
            self.refused[point] = str(error)
            self.method.exclude(point, str(error))


def _is_nan(value: Told) -> bool:
    return isinstance(value, float) and value != value
