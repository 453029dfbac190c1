"""Losses of simplices against formulas written down another way."""

from __future__ import annotations

from math import factorial, inf, sqrt

import numpy as np
import pytest

from cohobate.core.errors import LearnerError
from cohobate.propose.learners.mesh.balls import balls_of
from cohobate.propose.learners.mesh.losses import (
    Simplex,
    SimplexLoss,
    embedded_volume,
    loss_from,
    simplex_curvature,
    simplex_deviation,
    simplex_error,
    simplex_loss,
    simplex_resolution,
    simplex_std,
    simplex_thresholded,
    simplex_triangle,
    simplex_uniform,
    simplex_volume,
)


def sample(d: int, f, seed: int = 0) -> Simplex:
    """A simplex at random, with a neighbour across each facet but the last."""
    rng = np.random.default_rng(seed)
    points = rng.random((d + 1, d))
    if np.linalg.det(points[1:] - points[0]) < 0:
        points[[0, 1]] = points[[1, 0]]
    far = [tuple(points.sum(axis=0) - points[i] - points[i] * (d - 1) / 1.0) for i in range(d)]
    corners = [tuple(point) for point in points.tolist()]
    (ball,) = balls_of(d)([corners])
    return Simplex(corners, [f(p) for p in corners], ball, [*[(q, f(q)) for q in far], None])


def volume(points) -> float:
    points = np.asarray(points)
    edges = points[1:] - points[0]
    return sqrt(np.linalg.det(edges @ edges.T)) / factorial(len(edges))


def linear(point):
    return 0.3 + sum((i + 1) * x for i, x in enumerate(point))


def parabola(point):
    return 2.5 * sum(x * x for x in point) + linear(point)


@pytest.mark.parametrize("d", [2, 3, 4, 5])
def test_volumes_on_the_graph(d):
    s = sample(d, parabola, d)
    graph = [(*p, y) for p, y in zip(s.points, s.values, strict=True)]
    assert embedded_volume(s.points) == pytest.approx(s.volume)
    assert simplex_volume().score(s) == pytest.approx(volume(graph))
    assert simplex_uniform().score(s) == pytest.approx(volume(s.points))
    joined = [volume([*graph, (*far[0], far[1])]) for far in s.beyond if far]
    assert simplex_triangle().score(s) == pytest.approx(np.mean(joined), rel=1e-6)
    expected = (np.mean(joined) + 0.05 * s.volume ** ((d + 2) / d)) ** (1 / (d + 2))
    assert simplex_curvature().score(s) == pytest.approx(expected, rel=1e-6)
    assert simplex_std().score(s) == pytest.approx(np.std(s.values) * s.volume ** (1 / d) + s.volume)


@pytest.mark.parametrize("d", [2, 3, 4, 5])
def test_a_plane_has_only_what_exploration_gives(d):
    s = sample(d, linear, d)
    edge = max(np.linalg.norm(np.subtract(p, q)) for p in s.points for q in s.points)
    assert simplex_error(0.0).score(s) == pytest.approx(0, abs=1e-9)
    assert simplex_error(0.5).score(s) == pytest.approx(0.5 * s.volume * edge**2)
    assert simplex_deviation(0.0).score(s) == pytest.approx(0, abs=1e-9)
    assert simplex_deviation(0.3).score(s) == pytest.approx(0.3 * s.volume)


def test_of_a_parabola_the_second_derivative_is_exact():
    corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
    far = [(2.0, 2.0), (-2.0, 1.0), (1.0, -2.0)]
    (ball,) = balls_of(2)([corners])
    s = Simplex(corners, [parabola(p) for p in corners], ball, [(q, parabola(q)) for q in far])
    assert simplex_error(0.0).score(s) == pytest.approx(0.5 * 2 * 2.5 / 4)


def test_of_arrays_the_component_that_is_most_off_counts():
    s = sample(2, lambda p: (linear(p), parabola(p), 0.0))
    alone = sample(2, parabola)
    for loss in (simplex_error(), simplex_deviation()):
        assert loss.score(s) == pytest.approx(loss.score(alone))
    doubled = sample(2, lambda p: (parabola(p), 0.0))
    for loss in (simplex_volume(), simplex_std(), simplex_triangle()):
        assert loss.score(doubled) == pytest.approx(loss.score(alone))


def test_resolutions_bound_a_loss():
    s = sample(2, parabola)
    length = sqrt(s.volume)
    assert simplex_resolution(1.01 * length).score(s) == 0
    assert simplex_resolution(0.0, 0.99 * length).score(s) == inf
    assert simplex_resolution(0.99 * length, 1.01 * length, simplex_std()).score(s) == simplex_std().score(s)
    assert simplex_resolution(0.1).ends
    assert not simplex_resolution(0.0).ends


def test_thresholds_make_dull_what_is_beyond():
    s = sample(2, lambda p: 10 + p[0])._replace(scale=2.0)
    whole = simplex_uniform().score(s)
    assert simplex_thresholded(4, 7, of=simplex_uniform()).score(s) == whole
    assert simplex_thresholded(upper=4.5, of=simplex_uniform()).score(s) == pytest.approx(0.1 * whole)
    assert simplex_thresholded(lower=6, priority=0.5, of=simplex_uniform()).score(s) == pytest.approx(0.5 * whole)


def test_ones_own():
    @simplex_loss(neighbours=1)
    def mine(simplex):
        return len(simplex.beyond)

    assert isinstance(mine, SimplexLoss)
    assert mine.neighbours == 1
    assert mine.describe()["name"] == "mine"
    assert loss_from(lambda simplex: simplex.volume).neighbours == 0
    assert loss_from(None).describe() == simplex_error().describe()
    with pytest.raises(LearnerError, match="expected a loss"):
        loss_from("curvature")
