"""All intervals as a chain of neighbours, with the most promising on top: for one point at a time."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from itertools import pairwise
from math import isqrt
from typing import final

from cohobate.propose.learners.line.facts import Facts
from cohobate.propose.learners.line.filling import (
    SPLIT,
    Chosen,
    Gap,
    Interval,
    Stretch,
    fill,
    gaps_of,
    greatest,
    rounded,
)
from cohobate.propose.learners.line.losses import Loss
from cohobate.propose.learners.line.table import Seen
from cohobate.propose.learners.line.values import Number

FEW = 64
"""Steps along the chain before a search begins elsewhere."""
SLACK = 4
"""Entries per interval before the heap is made anew."""


@final
class Chain:
    """Intervals by where they begin, made of a table; every step costs O(log n) at most.

    The heap is lazy: an entry may be of an interval that was split, or larger than what it is worth now.
    """

    __slots__ = (
        "_awaited",
        "_facts",
        "_heap",
        "_inner",
        "_left",
        "_loss",
        "_losses",
        "_marks",
        "_most",
        "_right",
        "scale",
    )

    def __init__(self, facts: Facts, loss: Loss, seen: Seen) -> None:
        self._facts, self._loss, self.scale = facts, loss, facts.scale
        xs = seen.x.tolist()
        starts = xs[:-1]
        self._right: dict[float, float] = dict(pairwise(xs))
        self._left: dict[float, float] = {b: a for a, b in pairwise(xs)}
        self._losses: dict[float, float] = {xs[i]: float(seen.losses[i]) for i in seen.inner}
        self._most: dict[float, float] = dict(zip(starts, seen.most.tolist(), strict=True))
        self._inner = {xs[i]: points for i, points in seen.inner.items()}
        self._marks: list[float] = xs
        self._awaited: dict[float, float] = {}
        for i, points in seen.inner.items():
            for point in points:
                if point in facts.pending:
                    facts.pending[point] = xs[i]
                    self._awaited[xs[i]] = float(seen.known[i])
        for bound in (facts.lo, facts.hi):
            if bound in facts.pending:
                facts.pending[bound] = bound
        self._heap: list[tuple[float, float, float]] = []
        self._pile()

    # looking

    def top(self) -> float:
        """Returns what the best gap is worth, 0 where none is worth anything."""
        heap, right, most = self._heap, self._right, self._most
        while heap:
            worth, a, b = heap[0]
            if right[a] != b:
                heappop(heap)
                continue
            now = most[a]
            if now == -worth:
                return now
            if 0.0 < now < -worth:
                heapreplace(heap, (-now, a, b))
            else:  # worth nothing, or more: then there is another entry
                heappop(heap)
        return 0.0

    def known(self) -> float:
        """Returns what the best gap would be worth if nothing were out."""
        return max(self.top(), max(self._awaited.values(), default=0.0))

    def between(self, point: float) -> tuple[float, float] | None:
        """Returns the known points next to a known one, ``None`` unless there are two."""
        data, a, b = self._facts.data, self._left.get(point), self._right.get(point)
        return (a, b) if a in data and b in data else None

    # choosing

    def choose(self, n: int) -> list[Chosen]:
        """Returns up to ``n`` points to ask for, which cut their intervals from now on."""
        worth = self.top()
        if not worth:
            return []
        _, a, b = self._heap[0]
        if n == 1 and a not in self._inner:
            chosen = [Chosen(a + (b - a) * 0.5, worth / 2, a)]
        else:
            taken: dict[float, None] = {}
            chosen = fill(n, self._falling(taken), self._loss.order, self._facts.dust)
            for start in taken:
                heappush(self._heap, (-self._most[start], start, self._right[start]))
        for point, _, start in chosen:
            self._insert(point, start)
        return chosen

    # taking in

    def add(self, point: float, start: float | None) -> None:
        """Takes in a point that has come to be known; ``start``: an anchor not above it, where one is at hand."""
        a = start if start is not None and self._right.get(start, point) > point else self._locate(point, start)
        if a != point:
            self._split(a, point)
        xs = self._window(point)
        ys = self._values(xs)
        losses = self._loss.along(xs, ys, self._facts.width, self.scale)
        n = self._loss.neighbours
        first = 0 if xs[0] == self._facts.lo else n
        beyond = len(losses) if xs[-1] == self._facts.hi else len(losses) - n
        self._value(xs, losses, first, beyond)
        if len(self._heap) > SLACK * len(self._most) + FEW:
            self._pile()

    def cut(self, point: float, start: float | None) -> None:
        """Takes in that a point went out, or turned out to be a hole; ``start`` as in ``add``."""
        a = self._locate(point, start)
        if point in self._facts.pending:
            self._facts.pending[point] = a
        if a == point:
            self._worth(a if a == self._facts.lo else self._left[a])
        else:
            self._insert(point, a)

    def join(self, point: float, start: float) -> None:
        """Takes in that a point, once out, may be asked for again; ``start``: an anchor not above it."""
        a = self._locate(point, start)
        if a == point:
            return
        self._inner[a].remove(point)
        if self._inner[a]:
            self._worth(a)
            return
        del self._inner[a], self._awaited[a]
        self._most[a] = self._losses.pop(a)
        heappush(self._heap, (-self._most[a], a, self._right[a]))

    # within

    def _insert(self, point: float, a: float) -> None:
        """Cuts the interval that begins at ``a``."""
        inner = self._inner.get(a)
        if inner is None:
            self._losses[a] = self._most[a]
            if not self._facts.holes:
                self._halve(a, point)
                return
            inner = self._inner[a] = []
        if point not in inner:
            insort(inner, point)
        self._worth(a)

    def _halve(self, a: float, point: float) -> None:
        """Cuts an interval that nothing cut so far, where there are no holes."""
        b = self._right[a]
        part = max(point - a, b - point)
        self._inner[a] = [point]
        self._awaited[a] = self._most[a]
        share: float = (part / (b - a)) ** self._loss.order
        self._most[a] = rounded(self._most[a] * share) if part > self._facts.dust else 0.0

    def _split(self, a: float, point: float) -> None:
        b = self._right[a]
        self._right[a], self._right[point] = point, b
        self._left[point], self._left[b] = a, point
        self._most[a] = self._most[point] = -1.0
        if inner := self._inner.pop(a, None):
            self._awaited.pop(a, None)
            self._losses.pop(a)
            at = bisect_right(inner, point)
            before = inner[: at - 1] if at and inner[at - 1] == point else inner[:at]
            if before:
                self._inner[a] = before
            if after := inner[at:]:
                self._inner[point] = after

    def _window(self, point: float) -> list[float]:
        """Returns a point, and on each side as many as its value has a say in, and their neighbours."""
        reach, left, right = 2 * self._loss.neighbours + 1, self._left, self._right
        xs: list[float] = []
        x = left.get(point)
        while x is not None and len(xs) < reach:
            xs.append(x)
            x = left.get(x)
        xs.reverse()
        reach += len(xs) + 1
        x = point
        while x is not None and len(xs) < reach:
            xs.append(x)
            x = right.get(x)
        return xs

    def _values(self, xs: Sequence[float]) -> list[Number]:
        """Returns the values; a bound without one has that of the point next to it."""
        data = self._facts.data
        if xs[0] in data and xs[-1] in data:
            return [data[x] for x in xs]
        inside = [data[x] for x in xs if x in data]
        before = [inside[0]] if xs[0] not in data else []
        after = [inside[-1]] if xs[-1] not in data else []
        return [*before, *inside, *after]

    def _value(self, xs: Sequence[float], found: Sequence[float], first: int, beyond: int) -> None:
        """Takes in the losses of some intervals."""
        most, heap, inner, dust = self._most, self._heap, self._inner, self._facts.dust
        for i in range(first, beyond):
            a, b, loss = xs[i], xs[i + 1], found[i]
            carried = loss * SPLIT
            worth = carried - (carried - loss) if b - a > dust else 0.0
            if a in inner:
                self._losses[a] = worth
                self._worth(a)
                continue
            if worth > most[a]:
                heappush(heap, (-worth, a, b))
            most[a] = worth

    def _worth(self, a: float) -> None:
        """Works out anew what an interval is worth."""
        inner, facts = self._inner.get(a, []), self._facts
        worth = greatest(self._gaps(a, inner))
        if worth > self._most[a]:
            heappush(self._heap, (-worth, a, self._right[a]))
        self._most[a] = worth
        holes = [point for point in inner if point in facts.holes]
        if len(holes) < len(inner):
            self._awaited[a] = greatest(self._gaps(a, holes))
        else:
            self._awaited.pop(a, None)

    def _gaps(self, a: float, inner: Sequence[float]) -> list[Gap]:
        whole = self._losses[a] if a in self._inner else self._most[a]
        interval = Interval(a, self._right[a], inner, whole)
        return gaps_of(interval, self._facts.holes, self._loss.order, self._facts.dust)

    def _falling(self, taken: dict[float, None]) -> Iterator[Stretch]:
        """Yields the intervals worth most, in falling order, and takes them off the heap."""
        while worth := self.top():
            _, a, _ = heappop(self._heap)
            if a not in taken:
                taken[a] = None
                yield Stretch(worth, a, self._gaps(a, self._inner.get(a, ())))

    def _pile(self) -> None:
        """Makes the heap anew."""
        right = self._right
        self._heap = [(-worth, a, right[a]) for a, worth in self._most.items() if worth]
        heapify(self._heap)

    def _locate(self, point: float, start: float | None = None) -> float:
        """Returns the last anchor that is not above a point."""
        found = None if start is None else self._walk(start, point, FEW)
        if found is None:
            found = self._walk(self._marks[bisect_right(self._marks, point) - 1], point, FEW + isqrt(len(self._right)))
        if found is None:
            self._marks = [self._facts.lo]
            while (b := self._right.get(self._marks[-1])) is not None:
                self._marks.append(b)
            found = self._marks[bisect_right(self._marks, point) - 1]
        return found

    def _walk(self, a: float, point: float, steps: int) -> float | None:
        right = self._right
        for _ in range(steps):
            b = right.get(a)
            if b is None or b > point:
                return a
            a = b
        return None
