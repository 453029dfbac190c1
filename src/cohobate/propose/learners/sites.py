"""The places where a noisy function was sampled, and the intervals between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import pairwise
from math import inf
from typing import final

import numpy as np

from cohobate.propose.learners.line.losses import Loss
from cohobate.propose.learners.moments import Moments
from cohobate.propose.learners.student import quantile

DUST = 1e-14
"""The share of the bounds below which an interval is not split."""
EDGE = 1 / 64
"""The same for a part beside a dead place, as a share of the way between places with values."""
FAILED = 5
"""A place without a value after so many failures, or with more of them than values, is dead."""
GROWTH = 1.1
"""By how much the range of means may grow before all losses are made anew."""
SLACK = 8
"""Entries of a heap for each that counts, before it is made anew."""


@final
class Site:
    """A place: the moments of its values, how many seeds are out and failed there, and how many it should have.

    ``mean`` and ``error`` are those of the moments, as ``tell`` left them.
    """

    __slots__ = ("error", "failed", "mean", "moments", "out", "seed", "want", "x")

    def __init__(self, x: float, want: int) -> None:
        self.x, self.want = x, want
        self.moments = Moments()
        self.mean, self.error = 0.0, inf
        self.out = self.failed = self.seed = 0

    def tell(self, value: float, share: float) -> None:
        """Takes in a value; ``error`` is then half of Student's interval up to the quantile of a share."""
        moments = self.moments
        moments.add(value)
        self.mean = float(moments.mean)
        if moments.n > 1:
            self.error = quantile(share, moments.n - 1) * float(moments.error())

    def is_dead(self) -> bool:
        """Whether it fails too often to be sampled."""
        return self.failed >= FAILED and self.failed > self.moments.n

    def is_idle(self) -> bool:
        """Whether nothing came of it, and nothing will."""
        return not (self.moments.n or self.out or self.failed)


@final
class Sites:
    """All places in order. Intervals lie between those with a value (and the bounds); the others cut them.

    ``scale`` is the range of the means, 1 where there is none, as it was when all losses were made last.
    """

    def __init__(self, lo: float, hi: float, loss: Loss, want: int) -> None:
        self.lo, self.hi, self.width = lo, hi, hi - lo
        self.scale = 1.0
        self.at = {lo: Site(lo, want), hi: Site(hi, want)}
        self._loss = loss
        self._anchors = [lo, hi]
        self._others: list[float] = []
        self._losses = {lo: 1.0}
        self._worth = {lo: 1.0}
        self._end = {lo: hi}
        self._awaited: dict[float, float] = {}
        self._heap = [(-1.0, lo, hi)]
        self._reach = inf, -inf
        self._told = 0

    def known(self) -> list[float]:
        """Returns the places that have a value, in order."""
        return [x for x in self._anchors if self.at[x].moments.n]

    def is_bounded(self, *, real: bool) -> bool:
        """Whether both bounds have a value, or none to be expected; unless ``real``, also if they are out."""
        return all(
            site.moments.n or site.is_dead() or (site.out and not real) for site in (self.at[self.lo], self.at[self.hi])
        )

    def worth(self, *, real: bool) -> float:
        """Returns the largest loss; unless ``real``, with intervals cut by places where values are out."""
        top = self._top()
        return max(top, max(self._awaited.values(), default=0.0)) if real else top

    def place(self) -> float | None:
        """Returns where a new place is best, ``None`` where none is worth anything."""
        if not self._top():
            return None
        a = self._heap[0][1]
        _, p, q = max(self._gaps(a, self._inner(a)), key=lambda gap: gap[0])
        return 0.5 * (p + q)

    def open(self, x: float, want: int) -> Site:
        """Returns a new place, without a value."""
        self.at[x] = site = Site(x, want)
        insort(self._others, x)
        self._weigh(self._before(x))
        return site

    def shut(self, site: Site) -> None:
        """Forgets a place of which nothing came, or takes in that it is dead, or that nothing is out there."""
        if site.is_idle() and site.x not in self._end and site.x != self.hi:
            del self.at[site.x]
            del self._others[bisect_left(self._others, site.x)]
        if not site.moments.n:
            self._weigh(self._before(min(site.x, self._anchors[-2])))

    def around(self, x: float) -> tuple[Site, ...]:
        """Returns the nearest places with a value on either side of one, or of any number."""
        i, j = bisect_left(self._anchors, x), bisect_right(self._anchors, x)
        near = [self.at[one] for one in (*self._anchors[max(0, i - 1) : i], *self._anchors[j : j + 1])]
        return tuple(site for site in near if site.moments.n)

    def expected(self, x: float) -> float | None:
        """Returns the mean at a place, else what the line between its neighbours says; ``None`` outside of them."""
        site = self.at.get(x)
        if site is not None and site.moments.n:
            return site.mean
        near = self.around(x)
        if len(near) < 2:
            return None
        left, right = near
        return left.mean + (right.mean - left.mean) * (x - left.x) / (right.x - left.x)

    def closeness(self, site: Site) -> float:
        """Returns the distance to the nearest neighbour, in units of the bounds and the range; 1 without one."""
        steps = [
            ((other.x - site.x) / self.width) ** 2 + ((other.mean - site.mean) / self.scale) ** 2
            for other in self.around(site.x)
        ]
        return float(min(steps)) ** 0.5 if steps else 1.0

    def settle(self, site: Site) -> bool:
        """Takes in a new mean at a place; says whether all losses were made anew."""
        x = site.x
        if site.moments.n == 1 and x not in self._end and x != self.hi:
            self._split(x)
        low, high = self._reach
        self._reach = low, high = min(low, site.mean), max(high, site.mean)
        self._told += 1
        if self._told > len(self.at) + 16 or high - low > GROWTH * self.scale or len(self._anchors) <= 3:
            self._renew()
            return True
        self._revalue(x)
        return False

    def _split(self, x: float) -> None:
        """Lets a place with its first value be one between which intervals lie."""
        del self._others[bisect_left(self._others, x)]
        a = self._before(x)
        self._end[x], self._end[a] = self._end[a], x
        self._losses[x] = self._losses[a]
        self._worth[x] = self._worth[a] = -1.0
        insort(self._anchors, x)

    def _renew(self) -> None:
        """Makes all losses anew, for the range of the means there are."""
        means = [self.at[x].mean for x in self.known()]
        low, high = min(means), max(means)
        self._reach, self._told = (low, high), 0
        self.scale = (high - low) or 1.0
        x, y = np.array(self._anchors), np.array(self._values(self._anchors))
        self._losses = dict(zip(self._anchors, self._loss.over(x, y, self.width, self.scale).tolist(), strict=False))
        self._heap = []
        self._worth = dict.fromkeys(self._losses, -1.0)
        self._awaited = {}
        for a in self._anchors[:-1]:
            self._weigh(a)

    def _revalue(self, x: float) -> None:
        """Makes the losses anew that the mean at a place has a say in."""
        n = self._loss.neighbours
        i = bisect_left(self._anchors, x)
        start, stop = max(0, i - 2 * n - 1), min(len(self._anchors), i + 2 * n + 2)
        xs = self._anchors[start:stop]
        losses = self._loss.along(xs, self._values(xs), self.width, self.scale)
        first = 0 if start == 0 else n
        beyond = len(losses) if stop == len(self._anchors) else len(losses) - n
        for k in range(first, beyond):
            self._losses[xs[k]] = losses[k]
            self._weigh(xs[k])

    def _values(self, xs: list[float]) -> list[float]:
        """Returns the means; a bound without one has that of the place next to it."""
        first, last = self.at[xs[0]], self.at[xs[-1]]
        means = [self.at[x].mean for x in xs]
        if not first.moments.n:
            means[0] = means[1] if len(xs) > 2 or last.moments.n else 0.0
        if not last.moments.n:
            means[-1] = means[-2]
        return means

    def _weigh(self, a: float) -> None:
        """Works out what an interval is worth."""
        inner = self._inner(a)
        worth = max((gap[0] for gap in self._gaps(a, inner)), default=0.0)
        self._worth[a] = worth
        heappush(self._heap, (-worth, a, self._end[a]))
        if len(self._heap) > SLACK * len(self._anchors) + 64:
            self._heap = [(-worth, a, self._end[a]) for a, worth in self._worth.items()]
            heapify(self._heap)
        if inner:
            dead = [x for x in inner if self.at[x].is_dead()]
            self._awaited[a] = max((gap[0] for gap in self._gaps(a, dead)), default=0.0)
        else:
            self._awaited.pop(a, None)

    def _gaps(self, a: float, inner: list[float]) -> Iterator[tuple[float, float, float]]:
        """Yields the parts of an interval: the share of its loss, and where it begins and ends."""
        b = self._end[a]
        loss, order = self._losses[a], self._loss.order
        for p, q in pairwise((a, *inner, b)):
            share = (q - p) / (b - a)
            is_edge = self.at[p].is_dead() or self.at[q].is_dead()
            is_left = q - p <= DUST * max(abs(self.lo), abs(self.hi)) or (is_edge and share < EDGE)
            yield (0.0 if is_left else loss * share**order), p, q

    def _inner(self, a: float) -> list[float]:
        return self._others[bisect_right(self._others, a) : bisect_left(self._others, self._end[a])]

    def _before(self, x: float) -> float:
        """Returns the place with a value, or the bound, that an interval around a number begins with."""
        return self._anchors[bisect_right(self._anchors, x) - 1]

    def _top(self) -> float:
        heap = self._heap
        while heap and (self._end.get(heap[0][1]) != heap[0][2] or self._worth[heap[0][1]] != -heap[0][0]):
            heappop(heap)
        return -heap[0][0] if heap else 0.0
