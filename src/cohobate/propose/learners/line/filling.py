"""How points are spread over intervals: each takes the place where most would be left otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappush, heapreplace
from itertools import islice, pairwise
from operator import itemgetter, sub
from typing import NamedTuple

EDGE = 1 / 1024
"""A part beside a hole is split no further once it is so small a share of the way between known points."""
GAP = 1 / 32
"""The same for a part between two holes."""
ALONE = 3
"""So many holes between two known points are thought to be accidents, more of them a region without values."""
EQUAL = 1 - 1e-8
"""Parts that differ by less are equally long."""
SPLIT = 2.0**27 + 1
"""Takes half of the digits off a float (Veltkamp)."""

Gap = tuple[float, float, float]
"""The loss of a part of an interval, where it begins, where it ends."""


class Stretch(NamedTuple):
    """An interval between neighbouring known points: the loss of its greatest gap, its number, all its gaps."""

    most: float
    number: int
    gaps: Sequence[Gap]


Chosen = tuple[float, float, int]
"""A point that was chosen, what is gained by it, and the number of the interval it lies in."""


def rounded(loss: float) -> float:
    """Returns a loss with 26 digits of 53, so that what ought to be equal is."""
    carried = loss * SPLIT
    return carried - (carried - loss)


class Interval(NamedTuple):
    """Two neighbouring known points, what lies out between them (and the holes), and the loss."""

    a: float
    b: float
    inner: Sequence[float]
    loss: float


def gaps_of(interval: Interval, holes: Mapping[float, str], order: float, dust: float) -> list[Gap]:
    """Returns the parts of an interval that are worth a point: cut by what is out and by holes.

    The loss of a part is that of the interval times its share of the length to the power ``order``. Beside a
    few holes the share counts twice, up to one: half the way is not better known for a hole in the middle.
    Between holes, and beside them, parts are left alone once they are small.
    """
    start, end, inner, loss = interval
    length = end - start
    counted = 2.0 if 0 < sum(point in holes for point in inner) <= ALONE else 1.0
    found = []
    for a, b in pairwise((start, *inner, end)):
        part = b - a
        share = part / length
        if part > dust and share > _finest(a in holes, b in holes):
            found.append((rounded(loss * min(share * counted, 1.0) ** order), a, b))
    return found


def widest(interval: Interval, holes: Mapping[float, str], order: float, dust: float) -> Gap:
    """Returns the first of the parts that are worth most; its loss is 0 where none is worth anything."""
    a, b, inner, loss = interval
    nodes = [a, *inner, b]
    if not holes.keys().isdisjoint(nodes):
        return max(gaps_of(interval, holes, order, dust), key=itemgetter(0), default=(0.0, a, b))
    parts = list(map(sub, nodes[1:], nodes))
    most = max(parts)
    first = next(i for i, part in enumerate(parts) if part >= most * EQUAL)
    share: float = (most / (b - a)) ** order
    return rounded(loss * share) if most > dust else 0.0, nodes[first], nodes[first + 1]


def fill(n: int, stretches: Iterator[Stretch], order: float, dust: float) -> list[Chosen]:
    """Returns up to ``n`` points, each part cut evenly, so that the largest loss left is smallest.

    ``stretches`` come in the order of falling ``most``; no more of them are taken than are needed, ``n`` at most.
    """
    stretches = islice(stretches, n)
    heap: list[tuple[float, float, float, int, float, int]] = []
    parts: dict[float, tuple[float, int, float, int]] = {}
    following = next(stretches, None)
    for _ in range(n):
        while following is not None and (not heap or following.most >= -heap[0][0]):
            for loss, a, b in following.gaps:
                heappush(heap, (-loss, a, b, 1, loss, following.number))
            following = next(stretches, None)
        if not heap or heap[0][0] == 0.0:
            break
        _, a, b, k, loss, number = heap[0]
        k += 1
        parts[a] = (b, k, loss, number)
        left = rounded(loss / k**order) if (b - a) / k > dust else 0.0
        heapreplace(heap, (-left, a, b, k, loss, number))
    return [(a + (b - a) * (i / k), loss / k, number) for a, (b, k, loss, number) in parts.items() for i in range(1, k)]


def _finest(left: bool, right: bool) -> float:
    if left and right:
        return GAP
    return EDGE if left or right else 0.0
