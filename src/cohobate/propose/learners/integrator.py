"""The integral of a function over an interval."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from math import inf, isfinite, nan
from typing import NamedTuple, final

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Real
from cohobate.core.trial import Inputs
from cohobate.propose.learners.domain import OUTPUT, Interval, axes_of, problem_over
from cohobate.propose.learners.estimate import Estimate
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.partition import START, Partition
from cohobate.propose.learners.pieces import Piece, is_narrow, is_node
from cohobate.propose.learners.rules import AT_INNER, AT_NEW, DEEPEST, Vector, at
from cohobate.propose.learners.told import expect_kind, number, positive

WHO = "IntegratorLearner"
TOL = 1e-8
LARGEST = 1e290
"""Values and their integrals must be below."""


def IntegratorLearner(
    bounds: Interval, tol: float = TOL, *, atol: float = 0.0, output: str = OUTPUT
) -> Learner[Quadrature]:
    """Returns a learner of the integral of a function over an interval, any number of points at a time.

    It is done when the estimated error is at most ``tol`` times the integral, or at most ``atol``; where the
    integral is 0 and no ``atol`` is given, at most ``tol``. ``loss`` is the error as a multiple of what is
    allowed. ``learned()`` is an ``Estimate``. It also ends where the integral diverges, where a whole
    interval gave no value, and where rounding errors are larger than what is allowed: ``method.why`` says
    so, and the error is infinite in the first two cases.

    Points are the nodes of Clenshaw-Curtis rules on the interval and its halves; others cannot be told.
    Points without a value (a singularity) are left out of the rules. Doubly adaptive: P. Gonnet, ACM TOMS
    37(3), 26 (2010), doi 10.1145/1824801.1824804. The cost of a point does not grow with their number, but
    for the logarithm in a queue of intervals. A function with noise above what is allowed is halved for
    ever: give its campaign a goal.

    >>> learner = IntegratorLearner((0, 1), 1e-6)
    >>> while not learner.done():
    ...     for x in learner.ask(4)[0]:
    ...         learner.tell(x, x**0.5)
    >>> round(learner.learned().value, 5)
    0.66667
    """
    axes = axes_of(bounds, WHO)
    if len(axes) != 1:
        raise LearnerError(f"{WHO}: expected one interval, got {len(axes)}: {bounds!r:.80}")
    ((name, axis),) = axes.items()
    if axis.log or not isfinite(axis.hi - axis.lo) or is_narrow(axis.lo, axis.hi):
        raise LearnerError(f"{WHO}: expected a plain interval, neither log nor without width, got {bounds!r:.80}")
    if atol != 0:
        positive(atol, f"{WHO}: atol")
    return Learner(Quadrature(name, axis, (positive(tol, f"{WHO}: tol"), float(atol)), output))


class Wanted(NamedTuple):
    """What a point is wanted for: a rule of an interval; what it is expected to be, and is worth."""

    piece: Piece
    depth: int
    expected: float
    worth: float


class Step(NamedTuple):
    """A rule or two halves that points were placed for, and what was hoped for before."""

    piece: Piece
    hope: float
    points: list[float]


@final
class Quadrature:
    """Asks for the nodes of rules; see ``IntegratorLearner``."""

    finite = True

    def __init__(self, name: str, axis: Real, tolerances: tuple[float, float], output: str) -> None:
        self._settings = name, axis, tolerances, output
        self._name = name
        self._width = float(axis.hi) - float(axis.lo)
        self.problem = problem_over({name: axis}, output, ())
        self.data: dict[float, float] = {}
        self.holes: dict[float, str] = {}
        self._pending: dict[float, None] = {}
        self._wanted: dict[float, Wanted] = {}
        self._stack: deque[float] = deque()
        self._strays: set[float] = set()
        self._range = inf, -inf
        self._last: tuple[list[float], list[Step], tuple[float, float, int]] | None = None
        self._partition = Partition(float(axis.lo), float(axis.hi), self.data.get)
        self._begin(self._partition.root)

    @property
    def pending(self) -> Collection[float]:
        """The points that are out."""
        return self._pending.keys()

    @property
    def why(self) -> str:
        """Why it ends without the accuracy that is wanted; empty where it does not."""
        if self._partition.wrong:
            return self._partition.wrong
        if self._is_met() or not self._is_over():
            return ""
        error = self._partition.error.get()
        return f"rounding is in the way: the error is {error:.2g}, and {self._target():.2g} is allowed"

    def describe(self) -> Mapping[str, Plain]:
        """Returns the bounds, the tolerances and the names."""
        name, axis, (tol, atol), output = self._settings
        return {
            "learner": WHO,
            "variable": name,
            "bounds": [axis.lo, axis.hi],
            "tol": tol,
            "atol": atol,
            "output": output,
        }

    def fresh(self) -> Quadrature:
        """Returns one for the same integral."""
        return Quadrature(*self._settings)

    def inputs(self, point: float) -> Inputs:
        """Returns the variable."""
        return {self._name: point}

    def point(self, inputs: Inputs) -> float:
        """Returns the variable."""
        return float(inputs[self._name])

    def admit(self, point: float) -> float:
        """Returns a node as a float."""
        x = number(point, f"{WHO}: a point")
        root = self._partition.root
        if not root.lo <= x <= root.hi:
            raise LearnerError(f"{WHO}: {x!r} is not within [{root.lo}, {root.hi}]")
        if x not in self._wanted and x not in self.data and not is_node(x, root.lo, root.hi):
            raise LearnerError(f"{WHO}: {x!r} is no node of a rule; tell the points that ask() gives")
        return x

    def ask(self, n: int) -> tuple[list[float], list[float]]:
        """Returns the next nodes; fewer where what is out is expected to be enough."""
        hope = self._partition.hope.state()
        points: list[float] = []
        steps: list[Step] = []
        left = 0 if self.done() else n
        while len(points) < left:
            if (x := self._following()) is not None:
                points.append(x)
                self._pending[x] = None
            elif (step := self._go_on()) is not None:
                steps.append(step)
            else:
                break
        self._last = (list(points), steps, hope) if all(step.points for step in steps) else None
        target = self._target()
        return points, [self._wanted[x].worth / target for x in points]

    def tell(self, point: float, value: Payload) -> float:
        """Takes in a value; returns how far it is off the interpolant before, relative to the range."""
        value = number(value, f"{WHO}: the value at {point!r}")
        if max(self._width, 1.0) * abs(value) > LARGEST:
            raise LearnerError(f"{WHO}: the value at {point!r} is too large to be integrated: {value!r}")
        is_late = self.holes.pop(point, None) is not None
        self.data[point] = value
        lo, hi = self._range
        self._range = lo, hi = min(lo, value), max(hi, value)
        wanted = None if is_late else self._known(point)
        return nan if wanted is None else abs(value - wanted.expected) / ((hi - lo) or abs(value) or 1.0)

    def tell_many(self, points: Sequence[float], values: Sequence[Payload]) -> list[float]:
        """Takes in values."""
        return [self.tell(point, value) for point, value in zip(points, values, strict=True)]

    def tell_pending(self, point: float) -> None:
        """Keeps a node from being asked for."""
        self._pending[point] = None
        self._last = None

    def release(self, points: Sequence[float]) -> None:
        """Lets nodes be asked for again, before all others."""
        out = [x for x in points if self._pending.pop(x, x) is None]
        self._stack.extendleft(x for x in reversed(out) if x in self._wanted)
        if self._last is not None and self._last[0] == out:
            self._undo(*self._last[1:])
        self._last = None

    def exclude(self, point: float, why: str) -> None:
        """Leaves a node out of all rules that are still to be made."""
        is_new = point not in self.holes
        self.holes[point] = why
        if is_new:
            self._known(point)

    def loss(self, *, real: bool = True) -> float:
        """Returns the error as a multiple of what is allowed."""
        return (self._partition.error if real else self._partition.hope).get() / self._target()

    def gain(self) -> float:
        """Returns the part of the loss that the next node is asked for."""
        last = self._last
        points, gains = self.ask(1)
        self.release(points)
        self._last = last
        return gains[0] if points else 0.0

    def done(self) -> bool:
        """Whether the error is as small as wanted, or as it gets."""
        return bool(self._partition.wrong) or self._is_met() or self._is_over()

    def learned(self, kind: str | None = None) -> Estimate:
        """Returns the integral and the estimate of its error."""
        expect_kind(kind, "estimate", WHO)
        partition = self._partition
        if partition.root.c is None:
            raise LearnerError(f"{WHO}: nothing is known yet; tell the first points that ask() gives")
        return Estimate(partition.value.get(), inf if partition.wrong else partition.error.get(), len(self.data))

    def _target(self) -> float:
        """Returns the error that is allowed."""
        tol, atol = self._settings[2]
        return max(tol * abs(self._partition.value.get()), atol) or tol

    def _is_met(self) -> bool:
        return self._partition.error.get() <= self._target()

    def _is_over(self) -> bool:
        over = not self._wanted and self._partition.is_empty()
        return over or self._partition.is_hopeless(self._target())

    def _following(self) -> float | None:
        """Returns the first node that waits to be asked for."""
        stack = self._stack
        while stack:
            x = stack.popleft()
            if x in self._wanted and x not in self._pending:
                return x
        return None

    def _go_on(self) -> Step | None:
        """Places the nodes of a rule, or of two halves, where the error is worst; none where it is better to wait."""
        partition = self._partition
        target = self._target()
        if self._wanted and (partition.hope.get() <= target or partition.is_idle(target)):
            return None
        piece = partition.worst()
        if piece is None:
            return None
        step = self._halve(piece) if piece.ends() else self._refine(piece)
        if not step.points:
            for one in piece.halves or (piece,):
                self._advance(one)
        return step

    def _begin(self, root: Piece) -> None:
        """Places the nodes of the first rules."""
        root.asked = START
        root.x[32] = root.hi
        for depth in range(START + 1):
            ends = [root.lo, root.hi] if depth == 0 else []
            self._want(root, depth, ends + root.place(depth), None, inf)

    def _refine(self, piece: Piece) -> Step:
        hope = piece.hope
        piece.asked += 1
        depth = piece.asked
        points = self._want(piece, depth, piece.place(depth), AT_NEW[depth], hope)
        self._partition.queue(piece)
        return Step(piece, hope, points)

    def _halve(self, piece: Piece) -> Step:
        hope = piece.hope
        points: list[float] = []
        for side, half in enumerate(self._partition.fork(piece)):
            half.asked = 0
            points += self._want(half, 0, half.place(0), AT_INNER[side], 0.5 * hope)
            self._partition.queue(half)
        return Step(piece, hope, points)

    def _want(self, piece: Piece, depth: int, places: list[float], rows: Vector | None, hope: float) -> list[float]:
        """Lets nodes be asked for that are not known; returns them."""
        c = piece.c if depth or piece.parent is None else piece.parent.c
        expected = [nan] * len(places) if c is None or rows is None else at(rows, c)
        worth = hope / len(places)
        points: list[float] = []
        for x, y in zip(places, expected, strict=True):
            if x not in self.data and x not in self.holes:
                self._wanted[x] = Wanted(piece, depth, y, worth)
                points.append(x)
        self._stack.extend(points)
        piece.missing[depth] = len(points)
        return points

    def _undo(self, steps: list[Step], hope: tuple[float, float, int]) -> None:
        """Takes back what was placed for points that nothing came of."""
        placed = {x for step in steps for x in step.points}
        for x in placed:
            del self._wanted[x]
        self._stack = deque(x for x in self._stack if x not in placed)
        for piece, before, _ in reversed(steps):
            self._partition.undo(piece, before)
        self._partition.hope.restore(hope)

    def _known(self, point: float) -> Wanted | None:
        """Goes on with the rule of a node that is known, or a hole, from now on."""
        self._last = None
        self._pending.pop(point, None)
        wanted = self._wanted.pop(point, None)
        if wanted is not None:
            wanted.piece.missing[wanted.depth] -= 1
            self._advance(wanted.piece)
        else:
            self._strays.add(point)
            self._advance(self._partition.around(point))
        return wanted

    def _advance(self, piece: Piece) -> None:
        """Makes all rules whose nodes are known, also those of nodes that were told before they were asked for."""
        todo = [piece]
        while todo:
            one = todo.pop()
            while one.depth < one.asked and not one.missing[one.depth + 1]:
                self._partition.complete(one)
            if self._strays and one.is_free():
                todo.extend(self._use_strays(one))

    def _use_strays(self, piece: Piece) -> Sequence[Piece]:
        """Goes on with an interval where all nodes of its next rule, or its halves, were told already."""
        for halved in (True, False) if piece.ends() else (False, True):
            if (halved and piece.is_smallest()) or (not halved and piece.asked == DEEPEST):
                continue
            parts = piece.halved() if halved else (piece,)
            if all(self._are_strays(part.place(0 if halved else piece.asked + 1)) for part in parts):
                (self._halve if halved else self._refine)(piece)
                return piece.halves or (piece,)
        return ()

    def _are_strays(self, places: list[float]) -> bool:
        return all(x in self._strays for x in places)
