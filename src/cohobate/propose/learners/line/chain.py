"""All intervals as a chain of neighbours, with the most promising on top: for one point at a time."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from math import isqrt, nan
from typing import final

import numpy as np

from cohobate.propose.learners.line.facts import Facts
from cohobate.propose.learners.line.filling import (
    SPLIT,
    Chosen,
    Gap,
    Interval,
    Stretch,
    fill,
    gaps_of,
    rounded,
    widest,
)
from cohobate.propose.learners.line.losses import Loss
from cohobate.propose.learners.line.table import Seen
from cohobate.propose.learners.line.values import Number, components

FEW = 64
"""Steps along the chain before a search begins elsewhere."""
SLACK = 4
"""Entries per interval before the heap is made anew."""
LAST = -1
"""The number of what follows the upper bound, and comes before the lower one."""


@final
class Chain:
    """Known points and bounds by number, in the order they came: 0 is the lower bound. Made of a table.

    An interval has the number of the point where it begins. The heap is lazy: there always is an entry not
    below what an interval is worth now, and perhaps others.
    """

    __slots__ = (
        "_awaited",
        "_facts",
        "_heap",
        "_inner",
        "_left",
        "_loss",
        "_losses",
        "_marked",
        "_marks",
        "_most",
        "_right",
        "_x",
        "_y",
        "scale",
    )

    def __init__(self, facts: Facts, loss: Loss, seen: Seen) -> None:
        self._facts, self._loss, self.scale = facts, loss, facts.scale
        self._x: list[float] = seen.x.tolist()
        n = len(self._x)
        self._y: list[Number | None] = list(map(facts.data.get, self._x))
        self._left = list(range(-1, n - 1))
        self._right = [*range(1, n), LAST]
        self._most: list[float] = [*seen.most.tolist(), 0.0]
        self._inner = dict(seen.inner)
        self._losses: dict[int, float] = {i: float(seen.losses[i]) for i in seen.inner}
        self._awaited: dict[int, float] = {}
        facts.pending.update(dict.fromkeys(facts.pending.keys() & {facts.lo, facts.hi}, 0))
        for i, points in seen.inner.items():
            for point in points:
                if point in facts.pending:
                    facts.pending[point] = i
                    self._awaited[i] = float(seen.known[i])
        self._marks, self._marked = self._x.copy(), list(range(n))
        self._heap: list[tuple[float, float, int]] = []
        self._pile()

    # looking

    def top(self) -> float:
        """Returns what the best gap is worth, 0 where none is worth anything."""
        heap, most = self._heap, self._most
        while heap:
            worth, x, i = heap[0]
            now = most[i]
            if now == -worth:
                return now
            if 0.0 < now < -worth:
                heapreplace(heap, (-now, x, i))
            else:  # worth nothing, or more: then there is another entry
                heappop(heap)
        return 0.0

    def known(self) -> float:
        """Returns what the best gap would be worth if nothing were out."""
        return max(self.top(), max(self._awaited.values(), default=0.0))

    # choosing

    def choose(self, n: int) -> list[Chosen]:
        """Returns up to ``n`` points to ask for, which cut their intervals from now on."""
        if not (worth := self.top()):
            return []
        chosen = [self._best(worth)] if n == 1 else self._several(n)
        for point, _, i in chosen:
            self._insert(point, i)
        return chosen

    def _best(self, worth: float) -> Chosen:
        """Returns the middle of the first of the best gaps."""
        _, a, i = self._heap[0]
        b = self._x[self._right[i]]
        if inner := self._inner.get(i):
            _, a, b = self._widest(i, inner)
        return a + (b - a) * 0.5, worth / 2, i

    def _several(self, n: int) -> list[Chosen]:
        taken: dict[int, None] = {}
        chosen = fill(n, self._falling(taken), self._loss.order, self._facts.dust)
        for i in taken:
            heappush(self._heap, (-self._most[i], self._x[i], i))
        return chosen

    # taking in

    def add(self, point: float, value: Number, near: int | None) -> float:
        """Takes in a value; ``near``: the number of a point not above, where one is at hand.

        Returns by how much it is off the line between its known neighbours, NaN unless there are two.
        """
        x, loss = self._x, self._loss
        i = near if near is not None and self._is_right(near, point) else self._locate(point, near)
        if x[i] != point:
            i = self._split(i, point)
        self._y[i] = value
        window = self._window(i)
        xs = [x[j] for j in window]
        run = loss.run if type(value) is float and loss.run is not None else loss.along
        found = run(xs, self._values(window), self._facts.width, self.scale)  # type: ignore[arg-type]  # all numbers
        n = loss.neighbours
        first = 0 if window[0] == 0 else n
        self._value(window, xs, found, first, len(found) - (0 if self._right[window[-1]] == LAST else n))
        if len(self._heap) > SLACK * len(x) + FEW:
            self._pile()
        return self._off(i)

    def cut(self, point: float, near: int | None) -> None:
        """Takes in that a point went out, or turned out to be a hole; ``near`` as in ``add``."""
        i = self._locate(point, near)
        if point in self._facts.pending:
            self._facts.pending[point] = i
        if self._x[i] == point:
            self._worth(i if i == 0 else self._left[i])
        else:
            self._insert(point, i)

    def join(self, point: float, near: int) -> None:
        """Takes in that a point, once out, may be asked for again; ``near`` as in ``add``."""
        i = self._locate(point, near)
        if self._x[i] == point:
            return
        self._inner[i].remove(point)
        if self._inner[i]:
            self._worth(i)
            return
        del self._inner[i], self._awaited[i]
        self._most[i] = self._losses.pop(i)
        heappush(self._heap, (-self._most[i], self._x[i], i))

    # within

    def _off(self, i: int) -> float:
        """Returns by how much a value is off the line between its neighbours."""
        a, b, x, y = self._left[i], self._right[i], self._x, self._y
        if a < 0 or b < 0:
            return nan
        one, other, value = y[a], y[b], y[i]
        t = (x[i] - x[a]) / (x[b] - x[a])
        if isinstance(value, float) and isinstance(one, float) and isinstance(other, float):
            off: float = abs(one + (other - one) * t - value)
            return off
        if value is None or one is None or other is None:
            return nan
        before, after = components(one), components(other)
        return float(np.abs(before + (after - before) * t - components(value)).max())

    def _insert(self, point: float, i: int) -> None:
        """Cuts an interval."""
        inner = self._inner.get(i)
        if inner is None:
            self._losses[i] = self._most[i]
            if self._halve(i, point):
                return
            inner = self._inner[i] = []
        if point not in inner:
            insort(inner, point)
        self._worth(i)

    def _halve(self, i: int, point: float) -> bool:
        """Cuts an interval that nothing cut so far; returns whether it did: not where there is a hole."""
        a, b, whole, holes = self._x[i], self._x[self._right[i]], self._most[i], self._facts.holes
        if holes and not holes.keys().isdisjoint((a, b, point)):
            return False
        part = max(point - a, b - point)
        self._inner[i] = [point]
        self._awaited[i] = whole
        share: float = (part / (b - a)) ** self._loss.order
        self._most[i] = rounded(whole * share) if part > self._facts.dust else 0.0
        return True

    def _split(self, i: int, point: float) -> int:
        """Splits an interval at a point that has come to be known; returns the point's number."""
        new, after = len(self._x), self._right[i]
        self._x.append(point)
        self._y.append(None)
        self._most.append(-1.0)
        self._left.append(i)
        self._right.append(after)
        self._right[i] = self._left[after] = new
        if inner := self._inner.pop(i, None):
            self._awaited.pop(i, None)
            self._losses.pop(i)
            at = bisect_right(inner, point)
            if before := inner[: at - 1] if at and inner[at - 1] == point else inner[:at]:
                self._inner[i] = before
            if later := inner[at:]:
                self._inner[new] = later
        return new

    def _window(self, i: int) -> list[int]:
        """Returns a point, and on each side as many as its value has a say in, and their neighbours."""
        reach, left, right = 2 * self._loss.neighbours + 1, self._left, self._right
        window: list[int] = []
        j = left[i]
        while j >= 0 and len(window) < reach:
            window.append(j)
            j = left[j]
        window.reverse()
        reach += len(window) + 1
        while i >= 0 and len(window) < reach:
            window.append(i)
            i = right[i]
        return window

    def _values(self, window: Sequence[int]) -> list[Number]:
        """Returns the values; a bound without one has that of the point next to it."""
        ys = self._y
        found = [ys[i] for i in window]
        if found[0] is not None and found[-1] is not None:
            return found  # type: ignore[return-value]  # only the bounds can be without a value
        inside = [y for y in found if y is not None]
        before = [inside[0]] if found[0] is None else []
        after = [inside[-1]] if found[-1] is None else []
        return [*before, *inside, *after]

    def _value(self, window: Sequence[int], xs: Sequence[float], found: Sequence[float], first: int, end: int) -> None:
        """Takes in the losses of some intervals."""
        most, inner, dust = self._most, self._inner, self._facts.dust
        for k in range(first, end):
            i, a, loss = window[k], xs[k], found[k]
            carried = loss * SPLIT
            worth = carried - (carried - loss) if xs[k + 1] - a > dust else 0.0
            if i in inner:
                self._losses[i] = worth
                self._worth(i)
                continue
            if worth > most[i]:
                heappush(self._heap, (-worth, a, i))
            most[i] = worth

    def _worth(self, i: int) -> None:
        """Works out anew what an interval is worth."""
        inner, facts = self._inner.get(i, []), self._facts
        worth = self._widest(i, inner)[0]
        if worth > self._most[i]:
            heappush(self._heap, (-worth, self._x[i], i))
        self._most[i] = worth
        holes = [point for point in inner if point in facts.holes] if facts.holes else []
        if len(holes) < len(inner):
            self._awaited[i] = self._widest(i, holes)[0]
        else:
            self._awaited.pop(i, None)

    def _widest(self, i: int, inner: Sequence[float]) -> Gap:
        return widest(self._interval(i, inner), self._facts.holes, self._loss.order, self._facts.dust)

    def _gaps(self, i: int, inner: Sequence[float]) -> list[Gap]:
        return gaps_of(self._interval(i, inner), self._facts.holes, self._loss.order, self._facts.dust)

    def _interval(self, i: int, inner: Sequence[float]) -> Interval:
        whole = self._losses[i] if i in self._inner else self._most[i]
        return Interval(self._x[i], self._x[self._right[i]], inner, whole)

    def _falling(self, taken: dict[int, None]) -> Iterator[Stretch]:
        """Yields the intervals worth most, in falling order, and takes them off the heap."""
        while worth := self.top():
            _, _, i = heappop(self._heap)
            if i not in taken:
                taken[i] = None
                yield Stretch(worth, i, self._gaps(i, self._inner.get(i, ())))

    def _pile(self) -> None:
        """Makes the heap anew."""
        self._heap = [(-worth, self._x[i], i) for i, worth in enumerate(self._most) if worth]
        heapify(self._heap)

    def _locate(self, point: float, near: int | None) -> int:
        """Returns the number of the last point that is not above."""
        found = None if near is None else self._walk(near, point, FEW)
        if found is None:
            found = self._walk(self._marked[bisect_right(self._marks, point) - 1], point, FEW + isqrt(len(self._x)))
        if found is None:
            self._marked = [0]
            while (after := self._right[self._marked[-1]]) >= 0:
                self._marked.append(after)
            self._marks = [self._x[i] for i in self._marked]
            found = self._marked[bisect_right(self._marks, point) - 1]
        return found

    def _is_right(self, i: int, point: float) -> bool:
        """Whether a point, which is not below the i-th, lies before the next."""
        after: int = self._right[i]
        return after < 0 or point < self._x[after]

    def _walk(self, i: int, point: float, steps: int) -> int | None:
        right, x = self._right, self._x
        for _ in range(steps):
            after = right[i]
            if after < 0 or x[after] > point:
                return i
            i = after
        return None
