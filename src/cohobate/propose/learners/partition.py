"""Which intervals an integral is made of, what each gives, and which of them is the worst."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf, sqrt
from typing import final

from cohobate.propose.learners.pieces import Piece, Total
from cohobate.propose.learners.rules import Vector, coefficients, distance, norm, on_half, slope

HINT = 0.1
"""The relative difference of two rules above which a still finer one would not help: the interval is halved."""
GROWTH, GROWN = 1.99, 30
"""A half whose mean is that many times its parent's has grown; an integral where that many did, one in the
other, and more than every second, diverges (the paper has 2 and 20)."""
ROOT2 = sqrt(2)
EPS = 2.0**-52
NOISE = 10 * EPS
"""The relative error below which an interval is as good as it gets."""
RESOLVED = 1e-8
"""The relative error above which it is not asked whether it is rounding."""
START = 2
"""The depth of the first rule."""
ABREAST = 2
"""How many rules of an interval may be out at once.

With 16 workers, 1 takes as many evaluations as one worker (in an eighth of the time), 2 a fifth more (in 1/11.5).
"""
SHRINK = 0.2
"""What a rule that is out is expected to leave of an error."""


@final
class Partition:
    """A tree of intervals: a parent counts until both of its halves have a rule of their own."""

    def __init__(self, lo: float, hi: float, value_at: Callable[[float], float | None]) -> None:
        self.root = Piece(lo, hi)
        self.root.live = True
        self.value, self.error, self.hope, self._floor = Total(), Total(), Total(), Total()
        self.wrong = ""
        self.leaves = 1
        self._value_at = value_at
        self._heap: list[tuple[float, float, int, Piece]] = []
        self._tickets = count(1)
        self.error.add(inf)
        self.hope.add(inf)

    def worst(self) -> Piece | None:
        """Returns the interval to go on with, and takes it out of the queue."""
        if self.is_empty():
            return None
        piece = heappop(self._heap)[3]
        piece.ticket = 0
        return piece

    def is_idle(self, target: float) -> bool:
        """Whether the worst interval that can be gone on with is good enough, whatever becomes of the others."""
        return self.is_empty() or -self._heap[0][0] * self.leaves <= target

    def is_hopeless(self, target: float) -> bool:
        """Whether intervals that cannot be gone on with are off by more than allowed, and all others are not."""
        floor = self._floor.get()
        return floor > target and self.error.get() - floor <= target

    def is_empty(self) -> bool:
        """Whether no interval is left to go on with."""
        heap = self._heap
        while heap and heap[0][3].ticket != heap[0][2]:
            heappop(heap)
        return not heap

    def queue(self, piece: Piece) -> None:
        """Says what is hoped for of an interval, and lets it be the worst if it can be gone on with."""
        known = piece.depth >= 0 or piece.parent is None
        base = piece.error if known or piece.parent is None else 0.5 * piece.parent.error
        self.hope.drop(piece.hope)
        piece.hope = base if base == inf else base * SHRINK ** (piece.asked - piece.depth)
        self.hope.add(piece.hope)
        self.requeue(piece)

    def requeue(self, piece: Piece) -> None:
        """Lets an interval be the worst again."""
        piece.ticket = 0
        if piece.is_finished() or piece.asked - piece.depth >= ABREAST:
            return
        piece.ticket = next(self._tickets)
        heappush(self._heap, (-piece.hope, piece.lo, piece.ticket, piece))
        if piece.ticket % 1000 == 0:  # most of them may be out of date
            self._heap = [entry for entry in self._heap if entry[3].ticket == entry[2]]
            heapify(self._heap)

    def fork(self, piece: Piece) -> tuple[Piece, Piece]:
        """Halves an interval; the halves have no nodes yet, and nothing is hoped for."""
        piece.ticket = 0
        self.hope.drop(piece.hope)
        piece.halves = halves = piece.halved()
        self.leaves += 1
        for half in halves:
            half.hope = 0.0
        return halves

    def undo(self, piece: Piece, hope: float) -> None:
        """Takes back a fork or a rule that was asked for; the sum of hopes is left to the caller."""
        if piece.halves is None:
            piece.asked -= 1
        else:
            for half in piece.halves:
                half.ticket = 0
            piece.halves = None
            self.leaves -= 1
        piece.hope = hope
        self.requeue(piece)

    def around(self, x: float) -> Piece:
        """Returns the interval without halves that a number lies in."""
        piece = self.root
        while piece.halves is not None:
            piece = piece.halves[x > piece.halves[0].hi]
        return piece

    def complete(self, piece: Piece) -> None:
        """Makes the next rule of an interval, all of whose nodes are known or holes."""
        piece.depth += 1
        values = [self._value_at(x) for x in piece.nodes(piece.depth)]
        before = _before(piece)
        c = coefficients(piece.depth, values)
        if len(c):
            self._judge(piece, c, before)
            if values.count(None) > len(values) // 4:
                self._distrust(piece)
        else:
            self.wrong = f"there is no value between {piece.lo:.6g} and {piece.hi:.6g}"
        if not piece.live:
            self._activate(piece)
        if piece.halves is None:
            self._floor.drop(piece.floor)
            piece.floor = piece.error if piece.is_finished() else 0.0
            self._floor.add(piece.floor)
            self.queue(piece)

    def _judge(self, piece: Piece, c: Vector, before: Vector | None) -> None:
        """Sets what a rule gives, from its coefficients and those that were known before."""
        size = norm(c)
        off = inf if before is None or _is_early(piece) else distance(c, before)
        piece.c = c
        piece.split = piece.depth > 0 and HINT * size < off < inf
        if piece.parent is None and piece.split:
            off = max(off, size)
        piece.final = _is_noise(piece, off, size)
        self._replace(piece, piece.width * float(c[0]) / ROOT2, piece.width * off)
        if piece.depth == 0:
            self._watch(piece, float(c[0]))

    def _distrust(self, piece: Piece) -> None:
        """Lets an interval with too many holes be halved, until there are fewer or nothing else."""
        piece.split, piece.final = True, False
        size = 0.0 if piece.c is None else norm(piece.c)
        self._replace(piece, piece.value, max(piece.error, piece.width * size))

    def _watch(self, piece: Piece, first: float) -> None:
        """Counts by how much means grow from parents to halves."""
        piece.first = abs(first)
        parent = piece.parent
        if parent is None:
            return
        piece.grown = parent.grown + (piece.first > GROWTH * parent.first)
        if piece.grown > GROWN and 2 * piece.grown > piece.level:
            self.wrong = f"the values grow without bound near {piece.lo:.6g}: the integral seems to diverge"

    def _replace(self, piece: Piece, value: float, error: float) -> None:
        if piece.live:
            self.value.drop(piece.value)
            self.error.drop(piece.error)
            self.value.add(value)
            self.error.add(error)
        piece.value, piece.error = value, error

    def _activate(self, piece: Piece) -> None:
        """Lets halves stand for their parent, where it counts and both have a rule."""
        parent = piece.parent
        if parent is None or not parent.live:
            return
        ready = [parent]
        while ready:
            one = ready.pop()
            if one.halves and one.is_resolved():
                self._retire(one)
                ready.extend(one.halves)
            elif not one.live:
                one.live = True
                self.value.add(one.value)
                self.error.add(one.error)

    def _retire(self, piece: Piece) -> None:
        if piece.live:
            piece.live = False
            self.value.drop(piece.value)
            self.error.drop(piece.error)


def _before(piece: Piece) -> Vector | None:
    """Returns the coefficients on an interval that were known before its next rule."""
    parent = piece.parent
    if piece.depth > 0 or parent is None:
        return piece.c
    return None if parent.c is None else on_half(piece.side, parent.c)


def _is_noise(piece: Piece, off: float, size: float) -> bool:
    """Whether interpolants differ by no more than rounding makes of values, and of places where they are steep."""
    if off > RESOLVED * size or piece.c is None:
        return False
    steep = slope(piece.c) * max(abs(piece.lo), abs(piece.hi)) * 2 / piece.width
    return off <= NOISE * size + EPS * steep


def _is_early(piece: Piece) -> bool:
    """Whether a rule comes before the first that is to be trusted."""
    return piece.parent is None and piece.depth < START
