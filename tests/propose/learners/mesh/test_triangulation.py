"""The triangulation: it fills the domain, every facet is shared, no point is within a circumsphere."""

from __future__ import annotations

from copy import deepcopy
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from cohobate.core.problem import Real
from cohobate.propose.learners.mesh.balls import balls_of, volume_of, weights
from cohobate.propose.learners.mesh.region import Region, kuhn
from cohobate.propose.learners.mesh.starting import started, triangulated
from cohobate.propose.learners.mesh.triangulation import Triangulation

DIMENSIONS = (2, 3, 4, 5)
FEW = {2: 60, 3: 40, 4: 16, 5: 6}


def cube(d: int) -> Triangulation:
    return started(Region({f"x{i}": Real(0, 1) for i in range(d)}))


def check(tri: Triangulation, volume: float = 1.0, sphere: float = 1e-7, share: float = 1e-9) -> None:
    """What makes it a Delaunay triangulation of a convex domain."""
    volumes = [ball[-1] for ball in tri.balls.values()]
    assert min(volumes) > 0
    assert sum(volumes) == pytest.approx(volume, abs=share)
    used = set()
    hull = 0.0
    for k, vertices in tri.vertices.items():
        used.update(vertices)
        assert volume_of(tri.d)(tri.corners(k)) == pytest.approx(tri.balls[k][-1], rel=1e-6, abs=1e-15)
        for i, other in enumerate(tri.links[k]):
            facet = {*vertices} - {vertices[i]}
            if other < 0:
                hull += 1
                continue
            assert facet < {*tri.vertices[other]}
            far = next(v for v in tri.vertices[other] if v not in facet)
            assert tri.links[other][tri.vertices[other].index(far)] == k
            assert tri.across(k)[i] == far
            squared = sum((a - c) ** 2 for a, c in zip(tri.points[far], tri.balls[k], strict=False))
            assert squared > tri.balls[k][-2] * (1 - sphere)
    assert used == set(range(len(tri.points)))
    assert hull >= tri.d + 1
    for p in range(0, len(tri.points), 7):
        assert set(tri.star(p)) == {k for k, vertices in tri.vertices.items() if p in vertices}


def grow(tri: Triangulation, at: tuple[float, ...]) -> object:
    return None if at in tri.points else tri.insert(at, tri.locate(at))


@pytest.mark.parametrize("d", DIMENSIONS)
def test_a_cube_is_cut_into_simplices_of_one_volume(d):
    tri = cube(d)
    check(tri)
    assert len(kuhn(d)) == len(tri.vertices)
    assert len({round(ball[-1], 12) for ball in tri.balls.values()}) == 1


@pytest.mark.parametrize("d", DIMENSIONS)
def test_random_points_as_qhull_has_them(d):
    rng = np.random.default_rng(d)
    tri = cube(d)
    for at in rng.random((FEW[d], d)).tolist():
        assert grow(tri, tuple(at)) is not None
    check(tri)
    theirs = {tuple(sorted(cell)) for cell in Delaunay(tri.points).simplices.tolist()}
    ours = {tuple(sorted(cell)) for cell in tri.vertices.values()}
    inner = {cell for cell in theirs if all(v >= 2**d for v in cell)}  # those at the hull are not unique
    assert inner <= ours


@pytest.mark.parametrize("d", DIMENSIONS)
def test_points_of_a_grid_which_lie_on_common_spheres(d):
    rng = Random(d)
    tri = cube(d)
    for _ in range(2 * FEW[d]):
        grow(tri, tuple(rng.randrange(5) / 4 for _ in range(d)))
    check(tri)


def middles(d: int, rng: Random, shifts: tuple[float, ...]) -> Triangulation:
    tri = cube(d)
    for _ in range(FEW[d]):
        corners = tri.corners(rng.choice([*tri.vertices]))
        chosen = rng.sample(corners, rng.randint(2, d + 1))
        shift = rng.choice(shifts)
        at = [sum(xs) / len(chosen) + shift * rng.uniform(-1, 1) for xs in zip(*chosen, strict=True)]
        grow(tri, tuple(min(1.0, max(0.0, x)) for x in at))
    return tri


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 4), st.integers(0, 10**9))
def test_middles_of_edges_and_facets(d, seed):
    check(middles(d, Random(seed), (0.0, 1e-16)))


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 4), st.integers(0, 10**9))
@example(3, 59)
@example(4, 12207)
def test_points_next_to_facets_leave_no_gap_though_flat_simplices_have_no_proper_spheres(d, seed):
    check(middles(d, Random(seed), (0.0, 1e-14, 1e-12, 1e-9, 1e-7)), sphere=1.0, share=1e-7)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_locate_finds_a_simplex_that_holds_the_point(d):
    rng = np.random.default_rng(7)
    tri = cube(d)
    for at in rng.random((FEW[d], d)).tolist():
        grow(tri, tuple(at))
    for at in [*rng.random((20, d)).tolist(), *tri.points[: 2**d]]:
        k = tri.locate(tuple(at))
        inside = tri.weights(k, tuple(at))
        assert min(inside) >= -1e-8
        assert np.array(inside) @ np.array(tri.corners(k)) == pytest.approx(at, abs=1e-9)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_undone_insertions_leave_everything_as_it_was(d):
    rng = np.random.default_rng(3)
    tri = cube(d)
    for at in rng.random((FEW[d] // 2, d)).tolist():
        grow(tri, tuple(at))
    names = ("points", "vertices", "links", "balls", "next", "latest")
    before = deepcopy([getattr(tri, name) for name in names])
    done = [grow(tri, tuple(at)) for at in [*rng.random((5, d)).tolist(), [0.5] * d, [0.25] * d]]
    for one in reversed(done):
        tri.undo(one)
    assert [getattr(tri, name) for name in names] == before
    check(tri)


def test_a_point_as_good_as_a_vertex_is_refused():
    tri = cube(2)
    grow(tri, (0.5, 0.25))
    assert tri.insert((0.5, 0.25 + 1e-13), tri.locate((0.5, 0.25 + 1e-13))) is None
    assert tri.insert((0.0, 1e-12), tri.locate((0.0, 1e-12))) is None
    check(tri)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_qhulls_triangulation_is_taken_over(d):
    rng = np.random.default_rng(5)
    points = [*cube(d).points, *map(tuple, rng.random((FEW[d], d)).tolist())]
    tri = triangulated(points, 1.0)
    assert tri is not None
    check(tri)
    assert grow(tri, (0.5,) * d) is not None
    check(tri)


def test_what_qhull_leaves_out_is_noticed():
    assert triangulated([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5), (0.5, 0.5)]) is None
    assert triangulated([(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]) is None
    assert triangulated([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)], 1.0) is None


@pytest.mark.parametrize("d", DIMENSIONS)
def test_balls_touch_their_points(d):
    points = [tuple(x) for x in np.random.default_rng(d).random((d + 1, d)).tolist()]
    (ball,) = balls_of(d)([points])
    for point in points:
        assert sum((a - c) ** 2 for a, c in zip(point, ball, strict=False)) == pytest.approx(ball[-2])
    edges = np.array(points[1:]) - points[0]
    assert ball[-1] == pytest.approx(np.linalg.det(edges) / [1, 1, 2, 6, 24, 120][d])
    assert weights(points, tuple(np.mean(points, axis=0)), volume_of(d)) == pytest.approx([1 / (d + 1)] * (d + 1))


@pytest.mark.parametrize("d", DIMENSIONS)
def test_flat_points_have_an_infinite_ball(d):
    points = [(0.0,) * d, *[(float(i),) * d for i in range(1, d + 1)]]
    (ball,) = balls_of(d)([points])
    assert ball[-2:] == (float("inf"), 0.0)
