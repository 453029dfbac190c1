"""Chooses points in the simplices of largest loss, in one triangulation of all that is known, pending or a hole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import inf, nan
from typing import final

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.trial import Inputs
from cohobate.propose.learners.domain import problem_over
from cohobate.propose.learners.mesh.balls import Point
from cohobate.propose.learners.mesh.field import BLIND, UNSEEN, Field, Step
from cohobate.propose.learners.mesh.learned import interpolated
from cohobate.propose.learners.mesh.losses import SimplexLoss
from cohobate.propose.learners.mesh.placing import middle
from cohobate.propose.learners.mesh.region import Region
from cohobate.propose.learners.mesh.starting import started, triangulated
from cohobate.propose.learners.mesh.triangulation import Triangulation
from cohobate.propose.learners.mesh.values import Flat, Values

MANY = 100
"""Points from which on all are triangulated at once, if they are most of what there is."""
HALVES = (0.5, 0.5)


@final
class Mesh:
    """See ``LearnerND``.

    Points are tuples of floats in units of the domain. A point within rounding of another one is no vertex
    of the triangulation: it is in ``data`` and otherwise of no consequence.
    """

    def __init__(self, region: Region, loss: SimplexLoss, anisotropic: bool, output: str) -> None:
        self._settings = (region, loss, anisotropic, output)
        self._region = region
        self.problem = problem_over(region.axes, output)
        self.finite = loss.ends
        self.data: dict[Point, Payload] = {}
        self.holes: dict[Point, str] = {}
        self._pending: dict[Point, None] = {}
        self._values = Values()
        self._flat: dict[Point, Flat] = {}
        self._open = dict.fromkeys(region.corners)
        self._journal: list[tuple[Point, Step | None]] = []
        self._rebuild()

    @property
    def pending(self) -> Collection[Point]:
        """The points that are out."""
        return self._pending.keys()

    def describe(self) -> Mapping[str, Plain]:
        """Returns the domain, the loss by name and settings (a hash of its code for one's own), and the rest."""
        region, loss, anisotropic, output = self._settings
        return {
            "learner": "LearnerND",
            "domain": region.describe(),
            "loss": loss.describe(),
            "anisotropic": anisotropic,
            "output": output,
        }

    def fresh(self) -> Mesh:
        """Returns one that knows nothing."""
        return Mesh(*self._settings)

    def inputs(self, point: Point) -> Inputs:
        """Returns the coordinates by the names of their axes."""
        return dict(zip(self._region.axes, point, strict=True))

    def point(self, inputs: Inputs) -> Point:
        """Returns the coordinates in the order of the axes."""
        return self.admit(tuple([inputs[name] for name in self._region.axes]))

    def admit(self, point: Payload) -> Point:
        """Returns a point of the domain as a tuple of floats."""
        return self._region.admit(point)

    def ask(self, n: int) -> tuple[list[Point], list[float]]:
        """Chooses corners first, then what divides the simplices of largest loss; the gain is that loss."""
        points: list[Point] = []
        gains: list[float] = []
        while len(points) < n and (point := self._corner()) is not None:
            self._pending[point] = None
            self._journal.append((point, None))
            points.append(point)
            gains.append(inf)
        while len(points) < n and (found := self._next()) is not None:
            k, i, j, at, point = found
            loss = self._field.queue.losses[k]
            step = self._field.divide(at, k, (i, j), HALVES)
            if step is None:
                self._field.spend(k)
                continue
            self._vertex[point] = step.inserted.vertex
            self._pending[point] = None
            self._journal.append((point, step))
            points.append(point)
            gains.append(self._shown(loss))
        return points, gains

    def tell(self, point: Point, value: Payload) -> float:
        """Takes in a value; what was predicted is the interpolation in the simplex the point was put into.

        Pending points have been put there when asked for; the values are those known now.
        """
        kept, flat = self._values.check(value)
        p = self._settle(point)
        guess = None if p is None else self._field.predicted(p)
        residual = nan if guess is None else self._values.difference(flat, guess)
        self._values.take(kept, flat)
        self.holes.pop(point, None)
        self.data[point] = kept
        self._flat[point] = flat
        if p is not None:
            self._field.know(p, flat)
        self._learn(p)
        return residual

    def tell_many(self, points: Sequence[Point], values: Sequence[Payload]) -> list[float]:
        """Takes in many values: where they are most of all points the triangulation is made anew, by Qhull."""
        checked = self._values.check_all(values)
        new = len([point for point in points if point not in self._vertex])
        if new < MANY or 2 * new < len(self._vertex):
            return [self.tell(point, value) for point, value in zip(points, values, strict=True)]
        for point, (kept, flat) in zip(points, checked, strict=True):
            self._values.take(kept, flat)
            self._pending.pop(point, None)
            self._open.pop(point, None)
            self.holes.pop(point, None)
            self.data[point] = kept
            self._flat[point] = flat
        self._rebuild()
        return [nan] * len(points)

    def tell_pending(self, point: Point) -> None:
        """Makes a point a pending vertex."""
        self._journal.clear()
        self._pending[point] = None
        self._vertex_at(point)

    def release(self, points: Sequence[Point]) -> None:
        """Forgets pending points: undone where they are the latest that were asked for, else all is made anew."""
        n = len(points)
        if not n:
            return
        if [point for point, _ in self._journal[-n:]] == list(points):
            for _ in range(n):
                point, step = self._journal.pop()
                del self._pending[point]
                if step is not None:
                    del self._vertex[point]
                    self._field.undo(step)
            return
        for point in points:
            del self._pending[point]
        self._rebuild()

    def exclude(self, point: Point, why: str) -> None:
        """Makes a point a hole: simplices there count with predictions, and are divided to a coarse resolution only."""
        p = self._settle(point)
        self.holes[point] = why
        if p is not None:
            self._field.hollow(p)
        self._learn(p)

    def loss(self, *, real: bool = True) -> float:
        """Returns the largest loss of a simplex, infinite while a corner is neither known nor a hole.

        A simplex that pending points divide counts whole, unless not ``real``.
        """
        return self._shown(self._field.loss(real=real))

    def gain(self) -> float:
        """Returns the loss of the simplex that would be divided next."""
        if self._corner() is not None:
            return inf
        found = self._next()
        return 0.0 if found is None else self._shown(self._field.queue.losses[found[0]])

    def done(self) -> bool:
        """Whether no simplex has a loss, and nothing is out."""
        return not self._open and not self._pending and self._next() is None

    def learned(self, kind: str | None = None) -> Payload:
        """Returns an interpolant of what is known."""
        if not self.data:
            raise LearnerError("LearnerND: nothing is known yet, so nothing can be interpolated")
        return interpolated(self._region, self.data, kind)

    def _corner(self) -> Point | None:
        """Returns the first corner that is open and not asked for."""
        if not self._open:
            return None
        return next((corner for corner in self._open if corner not in self._pending), None)

    def _next(self) -> tuple[int, int, int, Point, Point] | None:
        """Returns the simplex to divide, the vertices to do it between, and the new point in both coordinates."""
        field, points = self._field, self._field.tri.points
        while (found := field.next()) is not None:
            k, i, j = found
            point = self._region.place(middle(points[i], points[j]))
            if not (point in self._vertex or point in self.data or point in self._pending or point in self.holes):
                return k, i, j, self._region.unit(point), point
            field.spend(k)
        return None

    def _settle(self, point: Point) -> int | None:
        """Takes a point out of what is pending and open, and returns its vertex."""
        self._journal.clear()
        self._pending.pop(point, None)
        self._open.pop(point, None)
        return self._vertex_at(point)

    def _vertex_at(self, point: Point) -> int | None:
        """Returns the vertex at a point, made if need be; ``None`` where another is as good as there."""
        p = self._vertex.get(point)
        if p is None:
            step = self._field.place(self._region.unit(point))
            if step is None:
                return None
            p = self._vertex[point] = step.inserted.vertex
        return p

    def _learn(self, p: int | None) -> None:
        """Brings losses up to date with what came to be known at a vertex."""
        field = self._field
        if not field.ready:
            if self.data and not self._open:
                field.start()
        elif self._values.outgrown():
            field.rescore_all()
        elif p is not None:
            field.rescore(p)

    def _rebuild(self) -> None:
        """Makes the triangulation and all losses anew."""
        self._journal.clear()
        corners = self._region.corners
        told = [point for point in (*self.data, *self.holes) if point not in self._region.is_corner]
        tri = self._bulk(told) if len(told) >= MANY else None
        self._vertex = {point: i for i, point in enumerate(corners if tri is None else [*corners, *told])}
        self._field = Field(tri or started(self._region), self._settings[1], self._values, self._settings[2])
        for point in self.data:
            if (p := self._vertex_at(point)) is not None:
                self._field.know(p, self._flat[point])
        for point in self.holes:
            if (p := self._vertex_at(point)) is not None:
                self._field.hollow(p)
        self._learn(None)
        for point in self._pending:
            self._vertex_at(point)

    def _bulk(self, told: Sequence[Point]) -> Triangulation | None:
        unit = self._region.unit
        return triangulated([unit(point) for point in (*self._region.corners, *told)], self._region.volume)

    def _shown(self, loss: float) -> float:
        """Returns a loss as others see it: infinite while a corner is open, of what is unseen otherwise its volume."""
        if loss < BLIND:
            return loss
        return inf if self._open else loss / UNSEEN
