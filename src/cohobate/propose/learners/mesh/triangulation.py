"""A Delaunay triangulation that grows by one point at a time and can take the last ones back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, final

from cohobate.propose.learners.mesh.balls import Ball, Point, ball_of_triangle, balls_of, volume_of, weights
from cohobate.propose.learners.mesh.cavity import search_of

TOUCHES = 1e-8
"""A facet is seen from the side where the new volume is less than this share of the old one beyond it."""
FILLS = 1e-7
"""By what share of its volume new simplices may differ from the cavity that they fill: what is cut off at the hull."""
BESIDE = 1e-9
"""How far outside a simplex, in barycentric coordinates, a point may be and is still found in it."""
STEPS = 1000
"""Simplices that are walked through before all are looked at."""


Facet = tuple[int, int, int, Ball]
"""Of which simplex, opposite to which of its vertices, the simplex beyond (-1: none), the ball it will be part of."""
Gone = tuple[int, tuple[int, ...], list[int], Ball]
"""A simplex that is no more: its number, vertices, links and ball."""


Ridges = dict[object, tuple[int, int]]
"""New simplices whose facet is still without the other side: by its vertices but the new one, the simplex and where."""


class Inserted(NamedTuple):
    """One insertion: the simplices that went, the facets they left, and the simplices made of these."""

    vertex: int
    gone: list[Gone]
    facets: list[Facet]
    made: list[int]
    latest: int


@final
class Triangulation:
    """The simplices of a convex domain, by the insertion of Bowyer and Watson (Comput. J. 24, 162 and 167, 1981).

    ``vertices[k]`` are the vertices of simplex ``k``, positively oriented; ``links[k][i]`` is the simplex
    opposite to the i-th of them, -1 at the hull; ``balls[k]`` its circumsphere and volume. Inserting costs
    what the cavity has simplices, whatever there are in all. Simplices that touch the new point's facets
    within rounding are joined to the cavity, so that flat simplices are never made: where this would lose
    a vertex, or not fill the cavity, the point is refused.
    """

    __slots__ = (
        "_balls_of",
        "_newest",
        "_search",
        "_volume",
        "balls",
        "d",
        "latest",
        "links",
        "next",
        "points",
        "star_of",
        "vertices",
    )

    def __init__(
        self,
        points: Iterable[Point],
        simplices: Iterable[Sequence[int]],
        links: Iterable[list[int]] | None = None,
        balls: Iterable[Sequence[float]] = (),
    ) -> None:
        """Takes points and the simplices between them, which fill a convex domain.

        With ``links`` and ``balls`` where these are known, for simplices that are positively oriented then.
        """
        self.points = list(points)
        self.d = len(self.points[0])
        self._balls_of = balls_of(self.d)
        self._search = search_of(self.d)
        self._volume = volume_of(self.d)
        self.vertices: dict[int, tuple[int, ...]] = {}
        self.links: dict[int, list[int]] = {}
        self.balls: dict[int, Ball] = {}
        self.star_of = [-1] * len(self.points)
        self.next = 0
        self.latest = 0
        self._newest: tuple[int, list[int]] = (-1, [])
        if links is None:
            for simplex in simplices:
                self._start(tuple(simplex))
            self._link()
        else:
            for simplex, linked, ball in zip(simplices, links, balls, strict=True):
                self.links[self._add(tuple(simplex), tuple(ball))] = linked

    def insert(self, at: Point, start: int) -> Inserted | None:
        """Makes ``at``, which lies in simplex ``start``, a vertex; ``None`` where it is as good as one already."""
        cavity = self._search(at, start, self.links, self.balls)
        facets = self._facets(at, cavity)
        if not facets or not self._fits(cavity, facets):
            return None
        p = len(self.points)
        self.points.append(at)
        self.star_of.append(-1)
        latest, self.latest = self.latest, self.next
        made = self._fill(p, facets)
        vertices, links, balls = self.vertices, self.links, self.balls
        self._newest = (p, made)
        gone = [(k, vertices.pop(k), links.pop(k), balls.pop(k)) for k in cavity]
        return Inserted(p, gone, facets, made, latest)

    def undo(self, last: Inserted) -> None:
        """Takes the latest insertion back: everything is as it was."""
        for made, (k, _, beyond, _) in zip(last.made, last.facets, strict=True):
            if beyond >= 0:
                theirs = self.links[beyond]
                theirs[theirs.index(made)] = k
        for k in last.made:
            del self.vertices[k], self.links[k], self.balls[k]
        for k, vertices, links, ball in last.gone:
            self.vertices[k], self.links[k], self.balls[k] = vertices, links, ball
            for v in vertices:
                self.star_of[v] = k
        self.next -= len(last.made)
        self.latest = last.latest
        self._newest = (-1, [])
        self.points.pop()
        self.star_of.pop()

    def locate(self, at: Point) -> int:
        """Returns a simplex that holds a point of the domain, by a walk from the latest one."""
        k = self.latest if self.latest in self.vertices else next(iter(self.vertices))
        for _ in range(STEPS):
            inside = self.weights(k, at)
            least = min(inside)
            if least >= -BESIDE:
                return k
            beyond = self.links[k][inside.index(least)]
            if beyond < 0:
                break
            k = beyond
        return max(self.vertices, key=lambda k: min(self.weights(k, at)))

    def star(self, p: int) -> list[int]:
        """Returns the simplices that have a vertex."""
        if p == self._newest[0]:
            return self._newest[1]
        first = self.star_of[p]
        found = {first: None}
        stack = [first]
        while stack:
            k = stack.pop()
            for v, other in zip(self.vertices[k], self.links[k], strict=True):
                if v != p and other >= 0 and other not in found:
                    found[other] = None
                    stack.append(other)
        return list(found)

    def corners(self, k: int) -> list[Point]:
        """Returns the coordinates of the vertices of a simplex."""
        points = self.points
        return [points[v] for v in self.vertices[k]]

    def across(self, k: int) -> list[int]:
        """Returns, for each vertex of a simplex, the vertex beyond the facet opposite to it; -1 at the hull."""
        own = self.vertices[k]
        return [-1 if j < 0 else next(v for v in self.vertices[j] if v not in own) for j in self.links[k]]

    def weights(self, k: int, at: Point) -> list[float]:
        """Returns the barycentric coordinates of a point in a simplex."""
        return weights(self.corners(k), at, self._volume)

    def _start(self, vertices: tuple[int, ...]) -> None:
        (ball,) = self._balls_of([[self.points[v] for v in vertices]])
        if ball[-1] < 0:
            vertices = (vertices[1], vertices[0], *vertices[2:])
            ball = (*ball[:-1], -ball[-1])
        self._add(vertices, ball)

    def _link(self) -> None:
        """Finds out which simplices share a facet."""
        open_ones: dict[tuple[int, ...], tuple[int, int]] = {}
        for k, vertices in self.vertices.items():
            ordered = sorted(vertices)
            for i, v in enumerate(vertices):
                key = tuple([u for u in ordered if u != v])
                other = open_ones.pop(key, None)
                if other is None:
                    open_ones[key] = (k, i)
                else:
                    self.links[k][i] = other[0]
                    self.links[other[0]][other[1]] = k

    def _add(self, vertices: tuple[int, ...], ball: Ball) -> int:
        k = self.next
        self.next = k + 1
        self.vertices[k] = vertices
        self.links[k] = [-1] * len(vertices)
        self.balls[k] = ball
        for v in vertices:
            self.star_of[v] = k
        return k

    def _facets(self, at: Point, cavity: dict[int, None]) -> list[Facet]:
        """Returns the facets to join to the point; where it sees one from the side, the cavity grows beyond that."""
        while True:
            facets, beyond = self._seen(at, cavity)
            if beyond < 0:
                return facets
            cavity[beyond] = None

    def _seen(self, at: Point, cavity: dict[int, None]) -> tuple[list[Facet], int]:
        """Returns the facets, and the simplex beyond one that is seen from the side (-1: none)."""
        if self.d == 2:
            return self._seen_edges(at, cavity)
        points, vertices = self.points, self.vertices
        border = [(k, i, beyond) for k in cavity for i, beyond in enumerate(self.links[k]) if beyond not in cavity]
        balls = self._balls_of([[points[v] if j != i else at for j, v in enumerate(vertices[k])] for k, i, _ in border])
        facets = []
        for (k, i, beyond), ball in zip(border, balls, strict=True):
            if ball[-1] > self.balls[k][-1] * TOUCHES:
                facets.append((k, i, beyond, ball))
            elif beyond >= 0:
                return facets, beyond
        return facets, -1

    def _seen_edges(self, at: Point, cavity: Mapping[int, None]) -> tuple[list[Facet], int]:
        """Does the same for triangles, in one loop: most of the time that a point takes would go here."""
        points, vertices, links, balls = self.points, self.vertices, self.links, self.balls
        facets = []
        for k in cavity:
            corners = vertices[k]
            least = balls[k][3] * TOUCHES
            for i, beyond in enumerate(links[k]):
                if beyond in cavity:
                    continue
                ball = ball_of_triangle(at, points[corners[i - 2]], points[corners[i - 1]])
                if ball[3] > least:
                    facets.append((k, i, beyond, ball))
                elif beyond >= 0:
                    return facets, beyond
        return facets, -1

    def _fits(self, cavity: Mapping[int, None], facets: Sequence[Facet]) -> bool:
        """Whether what is made of the facets fills the cavity, and keeps all its vertices.

        It does unless roundings have had their way with simplices that are nearly flat.
        """
        balls = self.balls
        lost = sum([balls[k][-1] for k in cavity])
        if not abs(sum([facet[3][-1] for facet in facets]) - lost) <= lost * FILLS:
            return False
        if self.d == 2 and len(facets) == len(cavity) + 2:  # Euler
            return True
        outer: set[int] = set()
        for k, i, _, _ in facets:
            vertices = self.vertices[k]
            outer.update(vertices[:i], vertices[i + 1 :])
        return all(map(outer.issuperset, [self.vertices[k] for k in cavity]))

    def _fill(self, p: int, facets: Iterable[Facet]) -> list[int]:
        """Joins facets to a vertex, and links what is made."""
        ridges: Ridges = {}
        links = self.links
        match = _match_edges if self.d == 2 else _match_facets
        made = []
        for of, i, beyond, ball in facets:
            old = self.vertices[of]
            vertices = (*old[:i], p, *old[i + 1 :])
            k = self._add(vertices, ball)
            made.append(k)
            own = links[k]
            if beyond >= 0:
                own[i] = beyond
                theirs = links[beyond]
                theirs[theirs.index(of)] = k
            match(k, vertices, i, ridges, links)
        return made


def _match_edges(k: int, vertices: Sequence[int], i: int, ridges: Ridges, links: Mapping[int, list[int]]) -> None:
    """Links a new triangle to those of the new ones that share an edge with it; ``i`` is where the new vertex is."""
    own = links[k]
    for j, ridge in ((i - 2, vertices[i - 1]), (i - 1, vertices[i - 2])):
        other = ridges.pop(ridge, None)
        if other is None:
            ridges[ridge] = (k, j)
        else:
            own[j], at = other
            links[own[j]][at] = k


def _match_facets(k: int, vertices: Sequence[int], i: int, ridges: Ridges, links: Mapping[int, list[int]]) -> None:
    """Links a new simplex to those of the new ones that share a facet with it; ``i`` is where the new vertex is."""
    own = links[k]
    base = [*vertices[:i], *vertices[i + 1 :]]
    base.sort()
    for j, v in enumerate(vertices):
        if j == i:
            continue
        ridge = tuple([u for u in base if u != v])
        other = ridges.pop(ridge, None)
        if other is None:
            ridges[ridge] = (k, j)
        else:
            own[j], at = other
            links[own[j]][at] = k
