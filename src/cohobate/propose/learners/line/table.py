"""All intervals at once, as arrays: for many points at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from cohobate.propose.learners.line.facts import Facts
from cohobate.propose.learners.line.filling import SPLIT, Chosen, Gap, Interval, Stretch, fill, gaps_of, widest
from cohobate.propose.learners.line.losses import Loss
from cohobate.propose.learners.line.values import Array


@final
class Table:
    """Positions and values in rising order; losses are worked out when they are asked for.

    A bound without a value is taken to have that of the point next to it.
    """

    __slots__ = ("_facts", "_loss", "_seen", "x", "y")

    def __init__(self, facts: Facts, loss: Loss) -> None:
        self._facts, self._loss = facts, loss
        x = np.fromiter(facts.data, dtype=float, count=len(facts.data))
        ranked = np.argsort(x)
        self.x: Array = x[ranked]
        self.y: Array = np.array(list(facts.data.values()), dtype=float)[ranked]
        self._seen: Seen | None = None

    def merge(self, x: Array, y: Array) -> None:
        """Takes in new known points."""
        ranked = np.argsort(x)
        x, y = x[ranked], y[ranked]
        if len(self.x):
            new = np.zeros(len(self.x) + len(x), dtype=bool)
            new[np.searchsorted(self.x, x) + np.arange(len(x))] = True
            x, y = _merged(new, x, self.x), _merged(new, y, self.y)
        self.x, self.y, self._seen = x, y, None

    def has(self, x: Array) -> bool:
        """Returns whether any of these positions is known, or is there twice."""
        if len(np.unique(x)) < len(x):
            return True
        return bool(len(self.x)) and bool((self.x[np.searchsorted(self.x[:-1], x)] == x).any())

    def predict(self, x: Array, y: Array) -> Array:
        """Returns by how much values differ from the lines between known points, NaN where there is none."""
        if len(self.x) < 2:
            return np.full(len(x), np.nan)
        at = np.clip(np.searchsorted(self.x, x), 1, len(self.x) - 1)
        a, b = self.x[at - 1], self.x[at]
        t = ((x - a) / (b - a)).reshape(-1, *[1] * (y.ndim - 1))
        off = np.abs(self.y[at - 1] + (self.y[at] - self.y[at - 1]) * t - y).reshape(len(x), -1).max(axis=1)
        return np.where((a <= x) & (x <= b), off, np.nan)

    def forget(self) -> None:
        """Takes in that points went out, came back, or turned out to be holes."""
        self._seen = None

    def seen(self) -> Seen:
        """Returns every interval with what it is worth."""
        if self._seen is None:
            self._seen = Seen(self._facts, self._loss, *self._anchors())
        return self._seen

    def _anchors(self) -> tuple[Array, Array]:
        facts, x, y = self._facts, self.x, self.y
        if not len(x):
            return np.array([facts.lo, facts.hi]), np.zeros(2)
        if x[0] != facts.lo:
            x, y = np.concatenate([[facts.lo], x]), np.concatenate([y[:1], y])
        if x[-1] != facts.hi:
            x, y = np.concatenate([x, [facts.hi]]), np.concatenate([y, y[-1:]])
        return x, y


@final
class Seen:
    """The intervals of a table at one time.

    ``losses`` are theirs (rounded, 0 for dust); ``most`` those of the greatest gap in each, ``known`` as if
    nothing were out; ``inner`` what is out, and the holes, by the number of the interval.
    """

    __slots__ = ("_facts", "_order", "inner", "known", "losses", "most", "x")

    def __init__(self, facts: Facts, loss: Loss, x: Array, y: Array) -> None:
        self._facts, self._order, self.x = facts, loss.order, x
        found = loss.over(x, y, facts.width, facts.scale) if facts.data else np.ones(1)
        carried = found * SPLIT
        self.losses: Array = np.where(np.diff(x) > facts.dust, carried - (carried - found), 0.0)
        self.inner = self._cuts()
        self.most, self.known = self.losses.copy(), self.losses.copy()
        for i, points in self.inner.items():
            self.known[i] = self._widest(i, [p for p in points if p in facts.holes])
            self.most[i] = self._widest(i, points)

    def fill(self, n: int) -> list[Chosen]:
        """Returns up to ``n`` points to ask for."""
        return fill(n, self._falling(n), self._order, self._facts.dust)

    def _falling(self, n: int) -> Iterator[Stretch]:
        """Yields the ``n`` intervals worth most, in falling order."""
        most, left = self.most, max(0, len(self.most) - n)
        at = np.flatnonzero(most >= max(np.partition(most, left)[left], 5e-324))
        at = at[np.argsort(-most[at], kind="stable")]
        for i, worth, a, b in zip(*(one.tolist() for one in (at, most[at], self.x[at], self.x[at + 1])), strict=True):
            inner = self.inner.get(i)
            yield Stretch(worth, 0, [(worth, a, b)] if inner is None else self._gaps(i, inner))

    def _widest(self, i: int, inner: Sequence[float]) -> float:
        return widest(self._interval(i, inner), self._facts.holes, self._order, self._facts.dust)[0]

    def _gaps(self, i: int, inner: Sequence[float]) -> list[Gap]:
        return gaps_of(self._interval(i, inner), self._facts.holes, self._order, self._facts.dust)

    def _interval(self, i: int, inner: Sequence[float]) -> Interval:
        return Interval(float(self.x[i]), float(self.x[i + 1]), inner, float(self.losses[i]))

    def _cuts(self) -> dict[int, list[float]]:
        """Returns what lies inside the intervals."""
        facts = self._facts
        cuts = sorted(point for point in (*facts.pending, *facts.holes) if facts.lo < point < facts.hi)
        found: dict[int, list[float]] = {}
        for i, point in zip((np.searchsorted(self.x, cuts, "right") - 1).tolist(), cuts, strict=True):
            found.setdefault(i, []).append(point)
        return found


def _merged(new: npt.NDArray[np.bool_], some: Array, others: Array) -> Array:
    """Returns rows of two arrays in one: ``some`` where ``new`` is true, in the order they have."""
    both = np.empty((len(new), *some.shape[1:]))
    both[new], both[~new] = some, others
    return both
