"""Learns a function over an interval, from numbers to numbers or vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import inf
from numbers import Real as RealNumber
from typing import final

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Real
from cohobate.core.trial import Inputs
from cohobate.models.interpolants import interpolate_line
from cohobate.propose.learners.domain import OUTPUT, Domain, axes_of, problem_over
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.line.chain import Chain
from cohobate.propose.learners.line.facts import Facts
from cohobate.propose.learners.line.filling import Chosen
from cohobate.propose.learners.line.losses import Loss, Of, as_loss
from cohobate.propose.learners.line.table import Table
from cohobate.propose.learners.line.values import Array, Number, checked, checked_many, components, listed, shape_of

WHO = "Learner1D"
MANY = 1000
"""Values that are always taken in at once."""
SOME = 64
"""Values that are taken in at once, and points that are chosen so, where no chain has been made."""
EXACT = 1000
"""Known points up to which losses are always those of the range known."""
GROWTH = 1.1
"""With more points losses are made anew when the range has grown by this."""


def Learner1D(bounds: Domain, loss: Loss | Of | None = None, *, output: str = OUTPUT) -> Learner[Line]:
    """Returns a learner of a function over an interval: ``(lo, hi)``, a ``Real``, or ``{name: (lo, hi)}``.

    Values are numbers, or vectors of one length. ``loss`` (one of ``cohobate.losses``, or a function
    ``(xs, ys) -> float``) says what is to be learned between two points; without one it is the estimated
    error of straight lines relative to the range of values, so that ``loss_below(1e-3)`` says what it means.
    """
    axes = axes_of(bounds, WHO)
    if len(axes) != 1:
        raise LearnerError(f"{WHO}: expected one interval such as (-1, 1), got {len(axes)}: {bounds!r:.80}")
    return Learner(Line(axes, as_loss(loss), output))


@final
class Line:
    """Splits the interval with the largest loss; see ``Learner1D``.

    The bounds come first. What is out, and each hole, cuts its interval, whose parts have a share of its
    loss. A table of all intervals serves many points at a time and a chain one at a time: each is made of
    what is known when it is needed. Predictions are straight lines between known neighbours; residuals are
    relative to the range that includes the new value, and to that of all values told together.
    """

    finite = False

    def __init__(self, axes: Mapping[str, Real], loss: Loss, output: str) -> None:
        ((self._name, self._axis),) = axes.items()
        if self._axis.log:
            raise LearnerError(f"{WHO}: {self._name} is logarithmic: learn over its logarithm instead")
        self._loss, self._output = loss, output
        self._facts = Facts(float(self._axis.lo), float(self._axis.hi))
        self.data: Mapping[float, Number] = self._facts.data
        self.holes: Mapping[float, str] = self._facts.holes
        self.problem = problem_over(axes, output)
        self._chain: Chain | None = None
        self._table: Table | None = None

    @property
    def pending(self) -> Collection[float]:
        """The positions that are out."""
        return self._facts.pending.keys()

    def describe(self) -> Mapping[str, Plain]:
        """Returns the interval, the loss and the output."""
        bounds = [self._facts.lo, self._facts.hi]
        return {"learner": WHO, "bounds": bounds, "loss": self._loss.describe(), "output": self._output}

    def fresh(self) -> Line:
        """Returns one over the same interval."""
        return Line({self._name: self._axis}, self._loss, self._output)

    def inputs(self, point: float) -> Inputs:
        """Returns a point by the name of the variable."""
        return {self._name: point}

    def point(self, inputs: Inputs) -> float:
        """Returns the position."""
        return self.admit(inputs[self._name])

    def admit(self, point: Payload) -> float:
        """Returns a position within the bounds."""
        if type(point) is float and self._facts.lo <= point <= self._facts.hi:
            return point + 0.0
        if isinstance(point, bool) or not isinstance(point, RealNumber):
            raise LearnerError(f"{WHO}: expected a number as point, got {point!r:.80}")
        number = float(point) + 0.0
        if not self._facts.lo <= number <= self._facts.hi:
            raise LearnerError(
                f"{WHO}: expected a point within [{self._facts.lo}, {self._facts.hi}], got {number}; extend() widens it"
            )
        return number

    # asked

    def ask(self, n: int) -> tuple[list[float], list[float]]:
        """Chooses points: the bounds, then the middle of the best gap; several at once cut gaps evenly."""
        facts = self._facts
        points = self._open_bounds(n) if facts.lo not in facts.data or facts.hi not in facts.data else []
        gains = [inf] * len(points)
        if n > len(points):
            for point, gain, near in self._choose(n - len(points)):
                facts.pending[point] = near
                points.append(point)
                gains.append(gain)
            if self._table is not None:
                self._table.forget()
        return points, gains

    def loss(self, *, real: bool = True) -> float:
        """Returns the largest loss of an interval (cut by holes, and unless ``real`` by what is out).

        Infinite until both bounds have been told, or are known to have no value; 1 while all that was told were holes.
        """
        if not self._facts.is_bounded(real=real):
            return inf
        if real and not self._facts.data:
            return 1.0
        if self._chain is None and self._table is not None:
            seen = self._table.seen()
            return float((seen.known if real else seen.most).max())
        chain = self._linked()
        return chain.known() if real else chain.top()

    def gain(self) -> float:
        """Returns what is gained by the next point."""
        return self.loss(real=False) / 2

    def done(self) -> bool:
        """Whether no interval is worth a point, and nothing is out."""
        return not self._facts.pending and self.gain() == 0.0

    # told

    def tell(self, point: float, value: Payload) -> float:
        """Takes in a value: a finite number or vector."""
        facts, number = self._facts, value
        chain = self._chain or self._linked()
        if not (type(number) is float and facts.low <= number <= facts.high):
            number = self._reached(point, value)
        self._chain = None  # made anew of what is known, should a loss raise now
        facts.data[point] = number
        near = facts.pending.pop(point, None)
        if facts.holes:
            facts.holes.pop(point, None)
        off = chain.add(point, number, near)
        self._chain = chain
        return off / facts.scale

    def tell_many(self, points: Sequence[float], values: Sequence[Payload]) -> list[float]:
        """Takes in values as one ``tell`` after the other does; many are predicted from what was known before."""
        return self.absorb(points, values)

    def absorb(self, points: Sequence[Payload], values: Sequence[Payload]) -> list[float]:
        """Does the same with points as they are given."""
        facts = self._facts
        admitted = self._admitted(points)
        array, shape = checked_many(admitted, values, facts.shape)
        if not self._is_bulk(len(admitted)):
            admitted, array = self._first(admitted, array)
            return [self.tell(point, value) for point, value in zip(admitted, listed(array), strict=True)]
        table, x = self._tabled(), np.array(admitted)
        if table.has(x):
            admitted, array = self._first(admitted, array)
            x = np.array(admitted)
        if not admitted:
            return []
        facts.reach(array)
        off = table.predict(x, array)
        facts.shape = shape
        facts.data.update(zip(admitted, listed(array), strict=True))
        facts.settle(admitted)
        table.merge(x, array)
        self._chain, self._table = None, table
        residuals: list[float] = (off / facts.scale).tolist()
        return residuals

    def tell_pending(self, point: float) -> None:
        """Takes in that a point is out."""
        self._facts.pending[point] = 0
        self._cut(point, None)

    def release(self, points: Sequence[float]) -> None:
        """Lets points be asked for again."""
        for point in points:
            near = self._facts.pending.pop(point)
            if self._chain is not None:
                self._chain.join(point, near)
        if self._table is not None:
            self._table.forget()

    def exclude(self, point: float, why: str) -> None:
        """Keeps why there is no value: the point is a hole, and cuts its interval as one that is out does."""
        near = self._facts.pending.pop(point, None)
        self._facts.holes[point] = why
        self._cut(point, near)

    def extend(self, lo: float, hi: float) -> None:
        """Widens the interval; what is known, out, or a hole stays so."""
        facts = self._facts
        (wider,) = axes_of((lo, hi), f"{WHO}.extend").values()
        if wider.lo > facts.lo or wider.hi < facts.hi:
            raise LearnerError(f"{WHO}.extend: expected bounds around [{facts.lo}, {facts.hi}], got ({lo}, {hi})")
        facts.bound(wider.lo, wider.hi)
        self._axis = replace(self._axis, lo=facts.lo, hi=facts.hi)
        self.problem = problem_over({self._name: self._axis}, self._output)
        self._chain = self._table = None

    def learned(self, kind: str | None = None) -> Payload:
        """Returns an interpolant through the known points; ``kind`` chooses one."""
        if len(self._facts.data) < 2:
            raise LearnerError(f"{WHO}: expected two known points at least, got {len(self._facts.data)}: tell more")
        table = self._tabled()
        told = np.searchsorted(table.x, np.fromiter(self._facts.data, dtype=float))
        return interpolate_line(table.x, table.y, kind, told.tolist())

    # within

    def _reached(self, point: float, value: Payload) -> Number:
        """Returns a value as it is kept, and takes in how far it reaches."""
        facts = self._facts
        number = checked(point, value, facts.shape)
        if not (isinstance(number, float) and facts.low <= number <= facts.high):
            facts.reach(components(number)[None])
            facts.shape = shape_of(number)
        return number

    def _open_bounds(self, n: int) -> list[float]:
        """Asks for the bounds that nobody asked for, ``n`` at most."""
        points = [bound for bound in (self._facts.lo, self._facts.hi) if not self._facts.is_taken(bound)][: max(n, 0)]
        for bound in points:
            self.tell_pending(bound)
        return points

    def _choose(self, n: int) -> list[Chosen]:
        if self._chain is None and n >= SOME:
            self._table = self._tabled()
            return self._table.seen().fill(n)
        return self._linked().choose(n)

    def _linked(self) -> Chain:
        """Returns the chain, its losses those of the range known (of many points: nearly)."""
        chain, scale = self._chain, self._facts.scale
        if chain is None or (chain.scale != scale and (len(self._facts.data) <= EXACT or scale > GROWTH * chain.scale)):
            chain = self._chain = Chain(self._facts, self._loss, self._tabled().seen())
            self._table = None
        return chain

    def _tabled(self) -> Table:
        if self._table is None:
            return Table(self._facts, self._loss)
        return self._table

    def _cut(self, point: float, near: int | None) -> None:
        if self._chain is not None:
            self._chain.cut(point, near)
        if self._table is not None:
            self._table.forget()

    def _is_bulk(self, n: int) -> bool:
        if self._chain is None or n >= MANY:
            return n >= SOME
        return n >= max(SOME, len(self._facts.data) / 16)

    def _admitted(self, points: Sequence[Payload]) -> list[float]:
        if set(map(type, points)) == {float}:
            x = np.array(points) + 0.0
            if ((self._facts.lo <= x) & (x <= self._facts.hi)).all():
                admitted: list[float] = x.tolist()
                return admitted
        return [self.admit(point) for point in points]

    def _first(self, points: Sequence[float], values: Array) -> tuple[list[float], Array]:
        """Returns the points that are not known, each once, and their values."""
        at: dict[float, int] = {}
        for i, point in enumerate(points):
            if point not in self._facts.data:
                at.setdefault(point, i)
        return list(at), values[list(at.values())]
