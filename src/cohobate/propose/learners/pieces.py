"""The intervals that a quadrature is made of: a tree, halved where it has to be."""

from __future__ import annotations

from bisect import bisect_left
from math import inf, isinf
from typing import final

from cohobate.propose.learners.rules import DEEPEST, INNER, LAST, MIDDLE, NEW, NODES, STRIDES, Vector

NARROWEST = 1e-13
"""The smallest ratio of a width to the size of the bounds: below, nodes are no longer different numbers."""


@final
class Piece:
    """An interval: which rules it has (``depth``), which are asked for (``asked``), and what they give.

    ``c`` are the coefficients of the finest rule that is complete, ``error`` what it may be off by, ``hope``
    what is expected to be left of that when all that is out is told. ``live``: the integral is made of it.
    """

    __slots__ = (
        "asked",
        "c",
        "depth",
        "error",
        "final",
        "first",
        "floor",
        "grown",
        "halves",
        "hi",
        "hope",
        "level",
        "live",
        "lo",
        "missing",
        "parent",
        "side",
        "split",
        "ticket",
        "value",
        "width",
        "x",
    )

    def __init__(self, lo: float, hi: float, parent: Piece | None = None, side: int = 0) -> None:
        self.lo, self.hi, self.width = lo, hi, hi - lo
        self.parent = parent
        self.side = side
        self.level: int = parent.level + 1 if parent else 0
        self.halves: tuple[Piece, Piece] | None = None
        self.x: list[float] = [lo] * 33
        self.x[LAST] = hi
        self.depth, self.asked = -1, -1
        self.missing = [0, 0, 0, 0]
        self.c: Vector | None = None
        self.value, self.error, self.hope = 0.0, inf, inf
        self.first, self.floor = 0.0, 0.0
        self.grown = 0
        self.split = self.final = self.live = False
        self.ticket = 0

    def place(self, depth: int) -> list[float]:
        """Returns the new nodes of a rule; of the coarsest of a half only the inner ones."""
        middle, half = 0.5 * (self.lo + self.hi), 0.5 * self.width
        new = INNER if depth == 0 else NEW[depth]
        x = self.x
        for i in new:
            x[i] = middle + half * NODES[i]
        return [x[i] for i in new]

    def nodes(self, depth: int) -> list[float]:
        """Returns all nodes of a rule whose nodes were placed."""
        return self.x[:: STRIDES[depth]]

    def halved(self) -> tuple[Piece, Piece]:
        """Returns the two halves."""
        middle = self.x[MIDDLE]
        return Piece(self.lo, middle, self, 0), Piece(middle, self.hi, self, 1)

    def is_resolved(self) -> bool:
        """Whether both halves have a rule."""
        return self.halves is not None and self.halves[0].depth >= 0 and self.halves[1].depth >= 0

    def is_finished(self) -> bool:
        """Whether it cannot be gone on with: it is as good as rounding allows, or as narrow."""
        return self.final or (self.ends() and self.is_smallest())

    def is_free(self) -> bool:
        """Whether nothing is out, and more could be."""
        return self.halves is None and self.depth == self.asked and not self.is_finished()

    def ends(self) -> bool:
        """Whether it is to be halved next: a finer rule would not help, or there is none."""
        return self.split or self.asked == DEEPEST

    def is_smallest(self) -> bool:
        """Whether its halves would be too narrow."""
        middle = 0.5 * (self.lo + self.hi)
        return is_narrow(self.lo, middle) or is_narrow(middle, self.hi)


def is_narrow(lo: float, hi: float) -> bool:
    """Whether an interval is too narrow for the nodes of the finest rule."""
    return not hi - lo > NARROWEST * max(abs(lo), abs(hi)) or hi - lo < 1e-300


def is_node(x: float, lo: float, hi: float) -> bool:
    """Whether a number is a node of a rule on an interval, or on a half of it, of a half of it, and so on."""
    while not is_narrow(lo, hi):
        middle, half = 0.5 * (lo + hi), 0.5 * (hi - lo)
        if x in (lo, hi) or any(x == middle + half * node for node in _near((x - middle) / half)):
            return True
        lo, hi = (lo, middle) if x < middle else (middle, hi)
    return False


def _near(t: float) -> tuple[float, ...]:
    """Returns the nodes about a place of [-1, 1]."""
    i = bisect_left(NODES, t)
    return NODES[max(i - 1, 0) : i + 2]


@final
class Total:
    """A sum of numbers that come and go, with its rounding error carried along; infinite ones are counted."""

    __slots__ = ("_high", "_infinite", "_low")

    def __init__(self) -> None:
        self._high, self._low, self._infinite = 0.0, 0.0, 0

    def add(self, x: float) -> None:
        """Adds a number."""
        if isinf(x):
            self._infinite += 1
        else:
            self._add(x)

    def drop(self, x: float) -> None:
        """Takes back a number that was added."""
        if isinf(x):
            self._infinite -= 1
        else:
            self._add(-x)

    def get(self) -> float:
        """Returns the sum."""
        return inf if self._infinite else self._high + self._low

    def state(self) -> tuple[float, float, int]:
        """Returns all there is to it."""
        return self._high, self._low, self._infinite

    def restore(self, state: tuple[float, float, int]) -> None:
        """Goes back to a state."""
        self._high, self._low, self._infinite = state

    def _add(self, x: float) -> None:
        total = self._high + x
        rest = total - self._high
        self._low += (self._high - (total - rest)) + (x - rest)
        self._high = total
