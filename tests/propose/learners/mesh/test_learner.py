"""``LearnerND``: what it asks for, what it takes in, and that nothing gets lost between."""

from __future__ import annotations

import pickle
from copy import deepcopy
from itertools import product
from math import exp, inf, isfinite, isnan, tanh
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

import cohobate as co
from cohobate.core.errors import LearnerError
from cohobate.core.problem import Real
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.mesh.field import HOLE
from cohobate.propose.learners.mesh.learner import LearnerND
from cohobate.propose.learners.mesh.losses import (
    simplex_error,
    simplex_loss,
    simplex_resolution,
    simplex_uniform,
    simplex_volume,
)

SQUARE = [(-1, 1), (-1, 1)]


def ring(point):
    x, y = point[:2]
    return x + exp(-((x * x + y * y - 0.75**2) ** 2) / 0.2**4)


def fed(learner, function, n, batch=1):
    while learner.npoints < n:
        for point in learner.ask(min(batch, n - learner.npoints))[0]:
            learner.tell(point, function(point))
    return learner


def total(learner):
    return sum(ball[-1] for ball in learner.method._field.tri.balls.values())


def state(learner):
    method = learner.method
    return list(method.pending), dict(method._field.queue.losses), method.loss(), method.loss(real=False), method.gain()


@pytest.mark.parametrize("d", [2, 3, 4, 5])
def test_corners_come_first_then_points_within(d):
    learner = LearnerND([(0, i + 1) for i in range(d)])
    points, gains = learner.ask(2**d + 3)
    assert set(points[: 2**d]) == set(product(*[(0.0, i + 1.0) for i in range(d)]))
    assert gains[: 2**d] == [inf] * 2**d
    assert len(set(points)) == 2**d + 3
    assert learner.loss() == inf


def test_points_asked_for_before_anything_is_known_are_spread_out():
    learner = LearnerND(SQUARE)
    points, _ = learner.ask(81)
    for lo_x, lo_y in product(np.arange(-1, 1, 0.5), repeat=2):
        assert any(lo_x <= x <= lo_x + 0.5 and lo_y <= y <= lo_y + 0.5 for x, y in points)
    gaps = [min(np.hypot(a[0] - b[0], a[1] - b[1]) for b in points if b != a) for a in points]
    assert max(gaps) < 2.1 * min(gaps)


def test_more_points_are_asked_for_where_the_function_bends():
    learner = fed(LearnerND(SQUARE), lambda p: tanh(20 * p[0]), 400)
    near = sum(abs(x) < 0.25 for x, _ in learner.data)
    assert near > 200
    assert total(learner) == pytest.approx(1)


def test_names_and_bounds_of_a_mapping():
    learner = LearnerND({"T": (100, 900), "p": Real(1e-3, 10, log=True)}, output="rate")
    assert learner.problem.names == ("T", "p")
    assert learner.problem.output_names == ("rate",)
    fed(learner, lambda p: p[0] * np.log(p[1]), 30)
    assert all(100 <= temperature <= 900 and 1e-3 <= pressure <= 10 for temperature, pressure in learner.data)
    assert any(abs(pressure - 0.1) < 1e-12 for _, pressure in learner.data)
    (row,) = learner.suggest(1)
    assert list(row) == ["T", "p"]
    assert learner.method.point(row) in learner.pending_points


@pytest.mark.parametrize("point", [(2, 0), (0, -1.1), (0, float("nan")), (0,), (0, 0, 0), "ab", None, 3.0, ("a", 0)])
def test_points_outside_or_malformed_are_refused(point):
    learner = LearnerND(SQUARE)
    with pytest.raises(LearnerError, match="LearnerND"):
        learner.tell(point, 1.0)
    assert learner.npoints == 0
    assert not learner.pending_points


def test_arrays_and_lists_are_points_too():
    learner = LearnerND(SQUARE)
    learner.tell(np.array([-1, -1]), np.float32(1))
    learner.tell([1, 1], 2)
    assert dict(learner.data) == {(-1.0, -1.0): 1.0, (1.0, 1.0): 2.0}


@pytest.mark.parametrize("value", ["1.0", -inf, [1.0, float("nan")], 1j, [], [[1], [1, 2]], object(), True])
def test_values_that_are_no_finite_numbers_are_refused(value):
    learner = LearnerND(SQUARE)
    learner.ask(2)
    before = state(learner)
    with pytest.raises(LearnerError, match="expected"):
        learner.tell((-1, -1), value)
    assert state(learner) == before
    assert learner.npoints == 0


def test_a_value_of_another_shape_changes_nothing():
    learner = fed(LearnerND(SQUARE), lambda p: [p[0], p[1]], 10)
    learner.ask(3)
    before = state(learner)
    for value in (1.0, [1.0, 2.0, 3.0], [[1.0, 2.0]]):
        with pytest.raises(LearnerError, match="shape"):
            learner.tell((0.1, 0.2), value)
    with pytest.raises(LearnerError, match="shape"):
        learner.tell_many([(0.1, 0.2), (0.3, 0.2)], [[1.0, 2.0], 1.0])
    assert state(learner) == before
    assert learner.npoints == 10


@pytest.mark.parametrize("shape", [(1,), (3,), (2, 2)])
def test_arrays_are_learned(shape):
    weights = 1 + np.arange(np.prod(shape)).reshape(shape)
    learner = fed(LearnerND(SQUARE), lambda p: weights * ring(p), 60)
    assert all(np.shape(value) == shape for value in learner.data.values())
    assert isfinite(learner.loss())
    assert learner.error() > 0


def test_a_constant_component_does_not_matter():
    one = fed(LearnerND(SQUARE), ring, 100)
    two = fed(LearnerND(SQUARE), lambda p: (ring(p), 5.0), 100)
    assert list(one.data) == list(two.data)


@settings(deadline=None, max_examples=10)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-6, 1e6))
def test_units_do_not_matter(x_scale, y_scale, f_scale):
    plain = fed(LearnerND([(-1, 1), (-1, 1)]), ring, 120)
    other = LearnerND([(-x_scale, x_scale), (-y_scale, y_scale)])
    fed(other, lambda p: f_scale * ring((p[0] / x_scale, p[1] / y_scale)), 120)
    assert np.array(list(other.data)) / [x_scale, y_scale] == pytest.approx(np.array(list(plain.data)))


def test_asking_without_pending_changes_nothing():
    learner = fed(LearnerND(SQUARE), ring, 150)
    learner.ask(4)
    before = state(learner)
    points, gains = learner.ask(12, tell_pending=False)
    assert state(learner) == before
    assert learner.ask(12) == (points, gains)


def test_the_gain_is_that_of_the_next_point():
    learner = LearnerND(SQUARE)
    assert learner.method.gain() == inf
    fed(learner, ring, 77)
    before = state(learner)
    gain = learner.method.gain()
    assert state(learner) == before
    assert learner.ask(1)[1] == [gain]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**9), st.integers(2, 3))
def test_results_in_any_order_leave_a_proper_triangulation(seed, d):
    rng = Random(seed)
    learner = LearnerND([(-1, 1)] * d)
    for _ in range(40):
        match rng.randrange(5):
            case 0 | 1:
                learner.ask(rng.randrange(1, 6))
            case 2 if learner.pending_points:
                point = rng.choice(list(learner.pending_points))
                learner.tell(point, ring(point))
            case 3:
                point = tuple(rng.uniform(-1, 1) for _ in range(d))
                learner.tell_pending(point)
            case 4 if learner.pending_points:
                some = rng.sample(list(learner.pending_points), 1)
                learner.tell(some[0], None) if rng.random() < 0.3 else learner.method.release(some)
    assert total(learner) == pytest.approx(1)
    known = [*learner.data, *learner.holes, *learner.pending_points]
    assert len(set(known)) == len(known)
    assert not set(learner.ask(30)[0]) & set(known)


def test_what_was_unfinished_can_be_asked_for_again():
    learner = fed(LearnerND(SQUARE), ring, 60)
    points = learner.ask(10)[0]
    learner.tell(points[3], ring(points[3]))
    learner.remove_unfinished()
    assert not learner.pending_points
    again = learner.ask(12)[0]
    assert points[3] not in again
    assert set(points[:3]) & set(again)


def test_pending_points_do_not_change_the_real_loss():
    learner = fed(LearnerND(SQUARE), ring, 60)
    loss = learner.loss()
    learner.ask(40)
    assert learner.loss() == loss
    assert learner.loss(real=False) < loss


def test_the_loss_is_finite_as_soon_as_the_corners_are_told():
    learner = LearnerND(SQUARE)
    points = learner.ask(40)[0]
    for point in points[:3]:
        learner.tell(point, ring(point))
        assert learner.loss() == inf
    learner.tell(points[3], ring(points[3]))
    assert isfinite(learner.loss())


def test_many_at_once_are_known_as_one_by_one():
    one = fed(LearnerND(SQUARE), ring, 300)
    many = LearnerND(SQUARE)
    many.tell_many(list(one.data), list(one.data.values()))
    assert dict(many.data) == dict(one.data)
    assert list(many.data) == list(one.data)
    assert many.loss() == pytest.approx(one.loss(), rel=0.05)
    assert total(many) == pytest.approx(1)
    copy = one.new()
    copy.copy_from(one)
    assert dict(copy.data) == dict(one.data)


def test_many_points_of_a_grid():
    axis = np.linspace(-1, 1, 21)
    points = list(product(axis, repeat=2))
    learner = LearnerND(SQUARE)
    learner.tell_many(points, [ring(point) for point in points])
    assert learner.npoints == 441
    assert total(learner) == pytest.approx(1)
    assert len(learner.method._vertex) == 441


def test_points_closer_than_can_be_told_apart_are_known_nevertheless():
    learner = fed(LearnerND(SQUARE), ring, 50)
    near = (list(learner.data)[20][0] + 1e-15, list(learner.data)[20][1])
    learner.tell(near, 7.0)
    assert learner.data[near] == 7.0
    fed(learner, ring, 80)
    assert total(learner) == pytest.approx(1)


def test_residuals_are_those_of_linear_interpolation():
    learner = fed(LearnerND(SQUARE), lambda p: 2 * p[0] - p[1], 5)
    for point in learner.ask(20)[0]:
        assert learner.method.tell(point, 2 * point[0] - point[1]) == pytest.approx(0, abs=1e-12)
    assert learner.method.tell((0.123, 0.456), 2 * 0.123 - 0.456 + 0.6) == pytest.approx(0.1)
    assert isnan(LearnerND(SQUARE).method.tell((-1.0, -1.0), 3.0))


def test_a_hole_is_never_asked_for_again_and_costs_no_more_than_its_resolution():
    asked: list[tuple[float, float]] = []
    learner = LearnerND(SQUARE, simplex_resolution(low=0.02))
    for _ in range(20000):
        points = learner.ask(1)[0]
        if not points:
            break
        asked += points
        x, y = points[0]
        learner.tell(points[0], None if x + y > 0 else 1e-3 * x)
    assert learner.done()
    assert len(set(asked)) == len(asked)
    assert learner.ask(5) == ([], [])
    assert len(learner.holes) < 4 / HOLE**2
    assert isfinite(learner.loss())


@pytest.mark.parametrize("holes", [[(-1, -1)], [(-1, -1), (1, 1)], list(product((-1, 1), repeat=2))])
def test_corners_may_be_holes(holes):
    learner = LearnerND(SQUARE)
    for _ in range(100):
        for point in learner.ask(1)[0]:
            learner.tell(point, None if point in holes else ring(point))
    assert isfinite(learner.loss())
    assert learner.npoints == 100 - len(holes)
    learner.tell(holes[0], None)
    assert learner.ask(1)[0][0] not in learner.holes
    learner.tell(holes[0], 1.0)
    assert holes[0] not in learner.holes
    assert learner.npoints == 101 - len(holes)


def test_a_domain_of_nothing_but_holes_comes_to_an_end():
    learner = LearnerND(SQUARE)
    n = 0
    while points := learner.ask(10)[0]:
        n += len(points)
        assert n < 5000
        for point in points:
            learner.tell(point, None)
    assert learner.done()
    assert isfinite(learner.loss())


def test_a_loss_of_nothing_ends_it():
    learner = LearnerND(SQUARE, lambda simplex: 0.0)
    points = learner.ask(10)[0]
    for point in points:
        learner.tell(point, ring(point))
    assert learner.ask(3) == ([], [])
    assert learner.done()
    assert learner.loss() == 0
    assert learner.method.gain() == 0


def test_the_finest_resolution_is_an_end_too():
    learner = LearnerND(SQUARE, simplex_loss()(lambda simplex: float(any(x == (0.0, 0.0) for x in simplex.points))))
    for _ in range(1000):
        points = learner.ask(1)[0]
        if not points:
            break
        learner.tell(points[0], 0.0)
    assert learner.ask(1) == ([], [])
    assert total(learner) == pytest.approx(1)


@pytest.mark.parametrize("d", [2, 3])
def test_anisotropic_edges_are_those_of_the_graph(d):
    def step(point):
        return tanh(30 * point[0])

    steep = fed(LearnerND([(-1, 1)] * d, simplex_volume(), anisotropic=True), step, 200)
    plain = fed(LearnerND([(-1, 1)] * d, simplex_volume()), step, 200)
    inside = [{point[0] for point in one.data if abs(point[0]) < 0.2} for one in (steep, plain)]
    assert len(inside[0]) > len(inside[1])
    assert total(steep) == pytest.approx(1)


def test_a_hull_holds_all_its_points():
    hull = ConvexHull(np.array([[0, 0], [4, 0], [5, 3], [2, 5], [-1, 2], [1, 1]]))
    learner = LearnerND(hull, names=("a", "b"))
    assert learner.problem.names == ("a", "b")
    assert len(learner.ask(5)[0]) == 5
    learner.remove_unfinished()
    fed(learner, ring, 300)
    points = np.array(list(learner.data))
    assert (points @ hull.equations[:, :2].T + hull.equations[:, 2]).max() < 1e-8
    assert total(learner) == pytest.approx(hull.volume / 30)
    with pytest.raises(LearnerError, match="outside the hull"):
        learner.tell((-0.9, 0.1), 1.0)
    many = LearnerND(hull, names=("a", "b"))
    many.tell_many(list(learner.data), list(learner.data.values()))
    assert total(many) == pytest.approx(hull.volume / 30)


def test_a_hull_of_three_axes():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(20, 3))
    hull = ConvexHull(points)
    learner = fed(LearnerND(hull), ring, 150)
    assert total(learner) == pytest.approx(hull.volume / np.prod(np.ptp(points, axis=0)))


@pytest.mark.parametrize("domain", [(-1, 1), [(0, 1)], [(0, 1)] * 6, [(0, 0), (0, 1)], "ab", [(0, inf), (0, 1)]])
def test_domains_that_make_no_sense(domain):
    with pytest.raises(LearnerError, match="LearnerND"):
        LearnerND(domain)


@pytest.mark.parametrize("d", [2, 3])
def test_the_quick_default_is_the_default(d):
    def general(simplex):
        return simplex_error().score(simplex)

    quick, slow = LearnerND([(-1, 1)] * d), LearnerND([(-1, 1)] * d, simplex_loss(neighbours=1)(general))
    for learner in (quick, slow):
        for i in range(80):
            for point in learner.ask(2)[0]:
                learner.tell(point, None if i % 17 == 16 else ring(point))
    assert list(quick.data) == list(slow.data)
    assert quick.loss() == pytest.approx(slow.loss())


def test_settings_are_described():
    def mine(simplex):
        return simplex.volume

    base = LearnerND(SQUARE).describe()
    assert base["learner"] == "LearnerND"
    assert base == LearnerND(SQUARE).new().describe()
    others = [
        LearnerND([(-1, 1), (-1, 2)]),
        LearnerND([(1, 10), (1, 10)]),
        LearnerND([Real(1, 10), Real(1, 10, log=True)]),
        LearnerND(SQUARE, simplex_uniform()),
        LearnerND(SQUARE, mine),
        LearnerND(SQUARE, lambda simplex: 2 * simplex.volume),
        LearnerND(SQUARE, simplex_resolution(low=0.1)),
        LearnerND(SQUARE, simplex_resolution(low=0.2)),
        LearnerND(SQUARE, anisotropic=True),
        LearnerND(SQUARE, output="g"),
    ]
    described = [repr(one.describe()) for one in others]
    assert len({repr(base), *described}) == 1 + len(others)


@pytest.mark.parametrize("copied", [lambda method: pickle.loads(pickle.dumps(method)), deepcopy])
@pytest.mark.parametrize("n", [2, 90])
def test_a_copy_goes_on_alike_and_apart(copied, n):
    learner = fed(LearnerND(SQUARE), ring, n)
    learner.ask(5)
    copy = Learner(copied(learner.method))
    fed(copy, ring, n + 30)
    assert learner.npoints == n
    fed(learner, ring, n + 30)
    assert list(copy.data) == list(learner.data)
    assert copy.ask(10) == learner.ask(10)


def test_the_same_calls_lead_to_the_same_points():
    one, two = fed(LearnerND(SQUARE), ring, 200, 7), fed(LearnerND(SQUARE), ring, 200, 7)
    assert list(one.data) == list(two.data)


def test_a_campaign_learns_and_goes_on_after_a_stop(tmp_path):
    def bowl(x, y):
        if x > 0.6 and y > 0.6:
            raise ValueError("too far")
        return x * x + y * y

    def run(n):
        campaign = co.Campaign(LearnerND(SQUARE), bowl, co.engines.inline(), run=tmp_path / "run")
        return campaign.run(co.evaluations(n))

    run(25)
    result = run(60)
    reference = LearnerND(SQUARE)
    for _ in range(60):
        for x, y in reference.ask(1)[0]:
            reference.tell((x, y), None if x > 0.6 and y > 0.6 else bowl(x, y))
    assert {(row["x"], row["y"]) for row in result.table()} == {*reference.data, *reference.holes}
    assert reference.holes
