"""Chooses points of a domain by a Gaussian process of what is known there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import inf, nan
from typing import final

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.trial import Inputs
from cohobate.host.blas import one_thread
from cohobate.learn.interpolants import interpolate_line, interpolate_mesh
from cohobate.learn.kernels import Floats
from cohobate.learn.process.field import Field
from cohobate.learn.process.gaussian import GaussianProcess, process_of
from cohobate.propose.learners.domain import problem_over
from cohobate.propose.learners.gaussian.outlook import CANDIDATES, Outlook
from cohobate.propose.learners.gaussian.settings import WHO, Settings
from cohobate.propose.learners.method import Point, Told
from cohobate.propose.sampling import sobol

GAUSSIAN = "gaussian"


@final
class Gaussian:
    """Asks where a value lowers the variance by most; see ``GPLearner``."""

    finite = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.problem = problem_over(settings.axes, settings.output, settings.shape)
        self.data: dict[Point, Told] = {}
        self.holes: dict[Point, str] = {}
        self._values: dict[Point, Floats] = {}
        self._pending: dict[Point, None] = {}
        self._settled: dict[Point, None] = {}
        self._asked: dict[Point, None] = {}
        self._outlook = Outlook(settings)
        self._design: list[Point] = []
        self._listed: tuple[Floats, list[Point]] | None = None
        self._least, self._most = inf, -inf

    @property
    def pending(self) -> Collection[Point]:
        """The points that are out."""
        return self._pending.keys()

    def describe(self) -> Mapping[str, Plain]:
        """Returns the settings."""
        return self.settings.describe()

    def fresh(self) -> Gaussian:
        """Returns one of the same settings."""
        return Gaussian(self.settings)

    def inputs(self, point: Point) -> Inputs:
        """Returns the coordinates by name."""
        return dict(zip(self.settings.axes, self._coordinates(point), strict=True))

    def point(self, inputs: Inputs) -> Point:
        """Returns the coordinates."""
        return self._point([float(inputs[name]) for name in self.settings.axes])

    def admit(self, point: Point) -> Point:
        """Returns a float over one axis, a tuple of floats over several."""
        axes = self.settings.axes
        try:
            coordinates = [float(one) for one in self._coordinates(point)]
        except (TypeError, ValueError) as error:
            raise LearnerError(f"{WHO}: expected {len(axes)} numbers, got {point!r:.80}") from error
        if len(coordinates) != len(axes):
            raise LearnerError(f"{WHO}: expected a point of {len(axes)} axes, got {point!r:.80}")
        for (name, axis), one in zip(axes.items(), coordinates, strict=True):
            if not axis.lo <= one <= axis.hi:
                raise LearnerError(f"{WHO}: {name} = {one!r} is not within [{axis.lo}, {axis.hi}]")
        return self._point(coordinates)

    def ask(self, n: int) -> tuple[list[Point], list[float]]:
        """Returns the first points of a design, then those that lower the variance by most."""
        points: list[Point] = []
        gains: list[float] = []
        with one_thread():
            while len(points) < n:
                point, gain = self._next()
                self.tell_pending(point)
                points.append(point)
                gains.append(gain)
        return points, gains

    def tell(self, point: Point, value: Told) -> float:
        """Takes in a value, with its gradient where there is one."""
        rows = self.settings.value(value)
        with one_thread():
            off = self._surprise(point, rows)
        self.holes.pop(point, None)
        self._pending.pop(point, None)
        self._settled.pop(point, None)
        self._settled[point] = None
        self._asked.setdefault(point)
        self._values[point] = rows
        self._least, self._most = min(self._least, float(rows[0])), max(self._most, float(rows[0]))
        self.data[point] = rows if self.settings.gradients else float(rows[0])
        return off

    def tell_many(self, points: Sequence[Point], values: Sequence[Told]) -> list[float]:
        """Takes in values; all are looked at before the first one is taken in."""
        for value in values:
            self.settings.value(value)
        return [self.tell(point, value) for point, value in zip(points, values, strict=True)]

    def tell_pending(self, point: Point) -> None:
        """Counts a point as if it came back as expected."""
        self._pending[point] = None
        self._asked.setdefault(point)

    def release(self, points: Sequence[Point]) -> None:
        """Takes points out of what is known to come."""
        for point in points:
            del self._pending[point]
            if point not in self._settled:
                del self._asked[point]

    def exclude(self, point: Point, why: str) -> None:
        """Counts a point as if nothing could be learned there, or near."""
        self._pending.pop(point, None)
        self.holes[point] = why
        self._settled.setdefault(point)
        self._asked.setdefault(point)

    def loss(self, *, real: bool = True) -> float:
        """Returns the largest standard deviation relative to the range; infinite before the first fit."""
        if len(self._values) < self.settings.initial:
            return inf
        with one_thread():
            return float(self._shares(self._known() if real else self._all()).max())

    def gain(self) -> float:
        """Returns the standard deviation at the next point, relative to the range."""
        with one_thread():
            return self._next()[1]

    def done(self) -> bool:
        """Says that there is always more to learn."""
        return False

    def learned(self, kind: str | None = None) -> Payload:
        """Returns a ``GaussianProcess``, or an interpolant of a ``kind`` through the values."""
        if len(self._values) < 2:
            raise LearnerError(f"{WHO}: too little is known: expected at least 2 values, got {len(self._values)}")
        if kind is None or kind == GAUSSIAN:
            with one_thread():
                return self._process()
        points, values = np.array(list(self._values)), np.array(list(self._values.values()))[:, 0]
        axes = [(axis.lo, axis.hi) for axis in self.settings.axes.values()]
        if len(axes) > 1:
            return interpolate_mesh(points, values, kind, axes=axes)
        order = np.argsort(points)
        return interpolate_line(points[order], values[order], kind, list(np.argsort(order)))

    def _process(self) -> GaussianProcess:
        fitted, points = self._outlook.fitted(self._values), list(self._values)
        rows = self._outlook.plain(fitted.standard, points, np.array(list(self._values.values())))
        return process_of(self._outlook.cube, fitted.standard, fitted.scales, self._outlook.places(points), rows)

    def _next(self) -> tuple[Point, float]:
        """Returns the point that would be asked for, and what it is worth."""
        if len(self._asked) < self.settings.initial:
            return self._initial(), inf
        field = self._all()
        candidates = self._candidates(field.candidates)
        scores = np.where([point in self._asked for point in candidates], -inf, field.reductions())
        at = int(scores.argmax())
        if len(self._values) < self.settings.initial:
            return candidates[at], inf
        return candidates[at], float(self._shares(field)[at])

    def _initial(self) -> Point:
        """Returns the first point of the design that was not asked for."""
        if not self._design:
            self._design = self._points(sobol(len(self.settings.axes), self.settings.seed, 0, CANDIDATES))
        return next(point for point in self._design if point not in self._asked)

    def _surprise(self, point: Point, rows: Floats) -> float:
        """Returns how far the value is from what is expected of it, relative to the range of those known."""
        width = self._most - self._least
        if len(self._values) < self.settings.initial or width == 0:
            return nan
        fitted, field = self._outlook.fitted(self._values), self._known()
        expected = field.append(self._outlook.places([point])[0], None)
        field.truncate(len(field) - 1)
        return abs(float(fitted.standard.values(np.array([expected]))[0]) - float(rows[0])) / width

    def _known(self) -> Field:
        return self._outlook.settled(self._values, list(self._settled))

    def _all(self) -> Field:
        return self._outlook.asked(self._values, list(self._asked))

    def _shares(self, field: Field) -> Floats:
        """Returns standard deviations at the candidates, relative to the range of the values."""
        width = self._most - self._least
        deviations = self._outlook.fitted(self._values).standard.widths(field.deviations())
        return deviations / width if width > 0 else np.zeros(len(deviations))

    def _candidates(self, places: Floats) -> list[Point]:
        if self._listed is None or self._listed[0] is not places:
            self._listed = places, self._points(places)
        return self._listed[1]

    def _points(self, places: Floats) -> list[Point]:
        return [self._point(one) for one in self._outlook.cube.points(places).tolist()]

    def _point(self, coordinates: Sequence[float]) -> Point:
        return coordinates[0] if len(self.settings.axes) == 1 else tuple(coordinates)

    def _coordinates(self, point: Point) -> Sequence[float]:
        return [point] if len(self.settings.axes) == 1 else point
