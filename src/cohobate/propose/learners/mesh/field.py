"""What is known at the vertices of a triangulation, and what is left to learn in its simplices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, final

from cohobate.propose.learners.mesh.balls import Point
from cohobate.propose.learners.mesh.losses import Simplex, SimplexLoss
from cohobate.propose.learners.mesh.placing import longest_edge
from cohobate.propose.learners.mesh.queue import Queue
from cohobate.propose.learners.mesh.quick import QuickError
from cohobate.propose.learners.mesh.triangulation import Inserted, Triangulation
from cohobate.propose.learners.mesh.values import Flat, Values, as_tuple, mixed

UNSEEN = 1e200
"""The loss of the unit cube while nothing is known of it: larger than any other."""
BLIND = 1e100
"""A loss above this is one of something unseen."""
FINEST = 1e-6
"""An edge shorter than this, relative to the domain, is not divided."""
HOLE = 0.05
"""A simplex that has a hole for a vertex is not divided once its longest edge is shorter than this."""


class Step(NamedTuple):
    """A vertex that was inserted, and the losses of the simplices that it took the place of."""

    inserted: Inserted
    losses: list[float]


@final
class Field:
    """A triangulation whose vertices are known, holes, or neither yet (pending); and the losses of its simplices.

    While no value is known or a corner is open the loss of a simplex is ``UNSEEN`` times its volume. Then
    that of a simplex without pending vertices is made from the values at them (predictions at
    holes); one with a pending vertex has inherited its share, by volume, of what was there before.
    """

    __slots__ = (
        "_anisotropic",
        "_covered",
        "_hollow",
        "_known",
        "_loss",
        "_parents",
        "_quick",
        "_settled",
        "_values",
        "_y",
        "queue",
        "ready",
        "tri",
    )

    def __init__(self, tri: Triangulation, loss: SimplexLoss, values: Values, anisotropic: bool = False) -> None:
        self.tri = tri
        self.queue = Queue()
        self.ready = False
        self._loss = loss
        self._anisotropic = anisotropic
        self._values = values
        self._y: list[Flat | None] = [None] * len(tri.points)
        self._settled = [False] * len(tri.points)
        self._known = [False] * len(tri.points)
        self._hollow: set[int] = set()
        self._quick: QuickError | None = None
        self._parents: dict[int, tuple[Sequence[int], Sequence[float]]] = {}
        self._covered: dict[int, float] = {}
        for k, ball in tri.balls.items():
            self.queue.put(k, UNSEEN * ball[-1])

    def __getstate__(self) -> dict[str, object]:
        """Returns all there is; of what makes it quick, what that remembers."""
        memory = None if self._quick is None else self._quick.memory
        return {name: memory if name == "_quick" else getattr(self, name) for name in self.__slots__}

    def __setstate__(self, state: Mapping[str, object]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._quick = self._quickly() if self.ready else None
        if self._quick is not None:
            self._quick.memory = state["_quick"]  # type: ignore[assignment]  # as __getstate__ gives it

    def divide(self, at: Point, k: int, parents: Sequence[int], shares: Sequence[float]) -> Step | None:
        """Makes ``at``, within simplex ``k``, a pending vertex, ``None`` where it is as good as one.

        It is ``shares`` of ``parents``, known vertices or pending ones: so its value is predicted.
        """
        inserted = self.tri.insert(at, k)
        if inserted is None:
            return None
        p = inserted.vertex
        self._parents[p] = (parents, shares)
        self._y.append(self.predicted(p))
        self._settled.append(False)
        self._known.append(False)
        step = Step(inserted, [self.queue.take(gone[0]) for gone in inserted.gone])
        most = self._covered[p] = self._largest(step)
        density = sum(step.losses) / sum([gone[3][-1] for gone in inserted.gone]) if self.ready else UNSEEN
        balls, put = self.tri.balls, self.queue.put
        for new in inserted.made:
            share = density * balls[new][-1]
            put(new, share if share < most else most)
        return step

    def place(self, at: Point) -> Step | None:
        """Makes a point wherever it lies a pending vertex, ``None`` where it is as good as one."""
        k = self.tri.locate(at)
        return self.divide(at, k, self.tri.vertices[k], self.tri.weights(k, at))

    def undo(self, step: Step) -> None:
        """Takes the latest vertex back."""
        for k in step.inserted.made:
            self.queue.take(k)
        for gone, loss in zip(step.inserted.gone, step.losses, strict=True):
            self.queue.put(gone[0], loss)
        self.tri.undo(step.inserted)
        p = step.inserted.vertex
        del self._parents[p], self._covered[p]
        self._y.pop()
        self._settled.pop()
        self._known.pop()

    def predicted(self, p: int) -> Flat | None:
        """Returns the value of a pending vertex or a hole by interpolation in the simplex that it was put into.

        Vertices of that which are known by now count with their values, others with their own predictions.
        """
        if p not in self._parents:
            return None
        parents, shares = self._parents[p]
        found = [self._y[v] for v in parents]
        return None if None in found else mixed(shares, found)  # type: ignore[arg-type]  # no None is left

    def know(self, p: int, y: Flat) -> None:
        """Sets the value at a vertex."""
        self._y[p] = y
        self._settled[p] = self._known[p] = True
        self._hollow.discard(p)
        self._parents.pop(p, None)
        self._covered.pop(p, None)

    def hollow(self, p: int) -> None:
        """Sets that there is no value at a vertex."""
        self._settled[p] = True
        self._hollow.add(p)
        self._covered.pop(p, None)
        if self.ready and p in self._parents:
            self._y[p] = self.predicted(p)

    def start(self) -> None:
        """Makes all losses from values, for the first time: every corner is known, or a hole."""
        known = [y for y in self._y if y is not None]
        if not known:
            return
        self.ready = True
        usual = mixed([1 / len(known)] * len(known), known)
        for p, y in enumerate(self._y):
            if y is None:
                guess = self.predicted(p)
                self._y[p] = usual if guess is None else guess
        self._values.fix()
        self._quick = self._quickly()
        for k in self.tri.vertices:
            self.queue.put(k, self._scored(k))
        for p in self._covered:
            self._covered[p] = max([self.queue.losses[k] for k in self.tri.star(p)])

    def rescore_all(self) -> None:
        """Makes all losses anew, for another range of values."""
        self._values.fix()
        self._rescore(self.tri.vertices)

    def rescore(self, p: int) -> None:
        """Makes the losses anew that depend on what is known at a vertex."""
        star = self.tri.star(p)
        if self._quick is not None:
            self._quick.trim()
        self._rescore(star)
        if self._loss.neighbours:
            self._rescore_around(p, star)

    def next(self) -> tuple[int, int, int] | None:
        """Returns the simplex of the largest loss that can be divided, and the two vertices to do it between."""
        while (k := self.queue.top()) >= 0:
            i, j, square = longest_edge(self._drawn(k))
            vertices = self.tri.vertices[k]
            if square >= (HOLE * HOLE if self._hollow and not self._hollow.isdisjoint(vertices) else FINEST * FINEST):
                return k, vertices[i], vertices[j]
            self.spend(k)
        return None

    def spend(self, k: int) -> None:
        """Sets that a simplex is not to be divided."""
        self.queue.put(k, 0.0)

    def loss(self, *, real: bool) -> float:
        """Returns the largest loss of what can be divided; ``real``: as if nothing were pending."""
        top = self.next()
        found = 0.0 if top is None else self.queue.losses[top[0]]
        return max(found, *self._covered.values()) if real and self._covered else found

    def _drawn(self, k: int) -> list[Point]:
        """Returns the vertices of a simplex, on the graph of the function if that decides which edge is longest."""
        corners = self.tri.corners(k)
        if self._anisotropic and self.ready:
            return [(*x, *as_tuple(self._scaled(v))) for x, v in zip(corners, self.tri.vertices[k], strict=True)]
        return corners

    def _largest(self, step: Step) -> float:
        """Returns the largest loss among simplices without pending vertices that a new vertex is in the way of."""
        covered = self._covered
        most = max(step.losses)
        if covered:
            most = max([most, *(covered[v] for gone in step.inserted.gone for v in gone[1] if v in covered)])
        return most

    def _rescore(self, around: Iterable[int]) -> None:
        for k in around:
            if not self._covered or self._is_settled(k):
                self.queue.put(k, self._scored(k))

    def _rescore_around(self, p: int, star: Iterable[int]) -> None:
        """Makes the losses anew of simplices that have ``p`` across a facet."""
        vertices, links, quick = self.tri.vertices, self.tri.links, self._quick
        for k in star:
            other = links[k][vertices[k].index(p)]
            if other >= 0 and (not self._covered or self._is_settled(other)):
                turned = quick.turned(other, links[other].index(k)) if quick is not None else self._scored(other)
                self.queue.put(other, turned)

    def _is_settled(self, k: int) -> bool:
        """Whether no vertex of a simplex is pending."""
        return all(map(self._settled.__getitem__, self.tri.vertices[k]))

    def _quickly(self) -> QuickError | None:
        """Returns what scores simplices as the loss does, at less cost, where there is such a thing."""
        if self._loss.name != "simplex_error" or self._values.shape != () or self.tri.d > 3:
            return None
        return QuickError(self.tri, self._y, self._known, self._values, self._loss.settings["exploration"])

    def _scored(self, k: int) -> float:
        if self._quick is not None:
            return self._quick.score(k)
        vertices = self.tri.vertices[k]
        corners = self.tri.corners(k)
        volume = self.tri.balls[k][-1]
        beyond = [self._seen(v) for v in self.tri.across(k)] if self._loss.neighbours else ()
        values = [self._scaled(v) for v in vertices]
        loss = self._loss.score(Simplex(corners, values, self.tri.balls[k], beyond, self._values.scale))
        return loss if loss < BLIND else UNSEEN * volume

    def _seen(self, v: int) -> tuple[Point, Flat] | None:
        """Returns what a neighbour knows of a vertex."""
        if v < 0 or not self._known[v]:
            return None
        return self.tri.points[v], self._scaled(v)

    def _scaled(self, v: int) -> Flat:
        y, scale = self._y[v], self._values.scale
        assert y is not None
        return tuple([a * scale for a in y]) if isinstance(y, tuple) else y * scale
