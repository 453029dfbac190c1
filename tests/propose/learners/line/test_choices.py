"""What ``Learner1D`` asks for and reports, against a reckoning from scratch of every interval, by random histories."""

from __future__ import annotations

import pickle
from copy import deepcopy
from itertools import pairwise
from math import inf, isclose, isnan, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.propose.learners.line import Learner1D, losses

LO, HI = -1.0, 3.0


def smooth(x):
    return sin(3 * x) + 4 / (1 + 900 * (x - 0.3) ** 2)


def vector(x):
    return [smooth(x), 3 * x, x * x]


def estimated_error(x, y, i, scale):
    """Returns what is told of the loss: the larger second difference times h^2 / 4, or what may be hidden."""
    y = y.reshape(len(x), -1)

    def second(j):
        if not 0 < j < len(x) - 1:
            return 0.0
        one, other = (y[j] - y[j - 1]) / (x[j] - x[j - 1]), (y[j + 1] - y[j]) / (x[j + 1] - x[j])
        return max(abs(other - one)) / (x[j + 1] - x[j - 1])

    h = x[i + 1] - x[i]
    return max(max(second(i), second(i + 1)) * h**2 / 4 / scale, min(1.0, 32 * (h / (HI - LO)) ** 4))


def arc(x, y, i, scale):
    y = y.reshape(len(x), -1)
    return ((x[i + 1] - x[i]) ** 2 / (HI - LO) ** 2 + max(abs(y[i + 1] - y[i])) ** 2 / scale**2) ** 0.5


def reckoned(learner, loss, order, *, real):
    """Returns (loss, start, end) of every gap, from the learner's data, holes and pending points alone."""
    data, holes = learner.data, learner.holes
    cuts = set(holes) if real else {*holes, *learner.pending_points}
    known = sorted({LO, HI, *data})
    x = np.array(known)
    y = np.array([data[min(data, key=lambda k: (abs(k - p), k))] for p in known]) if data else np.zeros(2)
    scale = max(np.ptp(y.reshape(len(x), -1), axis=0)) or 1.0
    found = []
    for i, (a, b) in enumerate(pairwise(known)):
        whole = loss(x, y, i, scale) if data else 1.0
        twice = 2 if 1 <= sum(a < p < b for p in holes) <= 3 else 1
        for c, d in pairwise([a, *sorted(p for p in cuts if a < p < b), b]):
            touched = (c in holes) + (d in holes)
            share = (d - c) / (b - a)
            if share > (0, 1 / 1024, 1 / 32)[touched]:
                found.append((whole * min(1, share * twice) ** order, c, d))
    return found


POINTS = st.integers(1, 63).map(lambda k: LO + (HI - LO) * k / 64)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 5)),
        st.tuples(st.just("ask"), st.integers(70, 90)),
        st.tuples(st.just("finish"), st.integers(0, 90)),
        st.tuples(st.just("fail"), st.integers(0, 90)),
        st.tuples(st.just("free"), st.integers(0, 90)),
        st.tuples(st.sampled_from(["tell", "pend", "exclude"]), POINTS),
        st.tuples(st.just("many"), st.sets(POINTS, max_size=6)),
        st.tuples(st.just("bulk"), st.integers(64, 80)),
    ),
    max_size=25,
)


def take(learner, f, step):
    """Does one step; what was asked for must be new."""
    kind, what = step
    match kind:
        case "ask":
            before = {*learner.data, *learner.holes, *learner.pending_points}
            points, gains = learner.ask(what)
            assert len(set(points)) == len(points) == len(gains) <= what
            assert before.isdisjoint(points)
            assert all(LO <= point <= HI for point in points)
        case "many":
            learner.tell_many(sorted(what), [f(x) for x in sorted(what)])
        case "bulk":
            xs = [LO + (HI - LO) * (k + 0.37) / what for k in range(what)]
            learner.tell_many(xs, [f(x) for x in xs])
        case "finish" | "fail" | "free":
            come_back(learner, f, kind, what)
        case "tell" | "exclude":
            learner.tell(what, f(what) if kind == "tell" else None)
        case _:
            learner.tell_pending(what)


def come_back(learner, f, kind, what):
    """Does one step with a point that is out, if any is."""
    out = list(learner.pending_points)
    if not out:
        return
    point = out[what % len(out)]
    if kind == "free":
        learner.method.release([point])
    else:
        learner.tell(point, f(point) if kind == "finish" else None)


def again(learner):
    """Returns a learner told the same in another order, one by one."""
    other = learner.new()
    for point in learner.pending_points:
        other.tell_pending(point)
    for point in sorted(learner.data):
        other.tell(point, learner.data[point])
    for point, why in learner.holes.items():
        other.method.exclude(point, why)
    return other


@pytest.mark.parametrize(
    ("made", "loss", "order"), [(losses.error_loss(), estimated_error, 2), (losses.arc_loss(), arc, 1)]
)
@pytest.mark.parametrize("f", [smooth, vector, lambda x: 2.5])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(steps=STEPS)
def test_any_history_leads_to_the_losses_of_what_is_known(made, loss, order, f, steps):
    learner = Learner1D((LO, HI), made)
    for step in steps:
        take(learner, f, step)
    for real in (True, False):
        settled = learner.data.keys() | learner.holes.keys() | (set() if real else set(learner.pending_points))
        gaps = reckoned(learner, loss, order, real=real)
        expected = max((gap[0] for gap in gaps), default=0.0) if {LO, HI} <= settled else inf
        assert learner.loss(real=real) == pytest.approx(expected, rel=1e-6)
    twin = again(learner)
    assert twin.loss() == pytest.approx(learner.loss(), rel=1e-9)
    gain = learner.method.gain()
    points, gains = learner.ask(1)
    assert gains[:1] == ([] if gain == 0 else [gain])
    assert twin.ask(1)[0] == points
    if points and points[0] not in (LO, HI):
        worth = {(c + (d - c) / 2): found for found, c, d in gaps}
        assert isclose(worth[points[0]], expected, rel_tol=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(steps=STEPS, n=st.integers(1, 100))
def test_what_was_asked_for_and_released_is_as_if_never_asked(steps, n):
    learner, twin = Learner1D((LO, HI)), Learner1D((LO, HI))
    for step in steps:
        take(learner, smooth, step)
        take(twin, smooth, step)
    learner.ask(n, tell_pending=False)
    assert list(learner.pending_points) == list(twin.pending_points)
    assert learner.loss() == twin.loss()
    assert learner.ask(n) == twin.ask(n)
    assert learner.ask(3) == twin.ask(3)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(steps=STEPS)
def test_after_bounds_grew_it_is_as_if_they_had_been_wide(steps):
    learner, wide = Learner1D((LO, HI)), Learner1D((LO - 1, HI + 2))
    for step in steps:
        take(learner, smooth, step)
    learner.method.extend(LO - 1, HI + 2)
    for point in learner.pending_points:
        wide.tell_pending(point)
    for point, value in learner.data.items():
        wide.tell(point, value)
    for point in learner.holes:
        wide.tell(point, None)
    assert learner.ask(3) == wide.ask(3)
    for one in (learner, wide):
        for point in [*one.pending_points]:
            one.tell(point, smooth(point))
    assert learner.loss() == wide.loss()
    assert learner.ask(4) == wide.ask(4)


def test_bounds_come_first_then_middles():
    learner = Learner1D((LO, HI))
    assert learner.ask(3) == ([LO, HI, 1.0], [inf, inf, 0.5])
    assert learner.loss() == inf
    for x in (LO, HI, 1.0):
        learner.tell(x, smooth(x))
    assert learner.ask(1)[0] in ([0.0], [2.0])


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 64, 100, 1000])
def test_without_data_points_are_spread_evenly(n):
    points, _ = Learner1D((LO, HI)).ask(n)
    gaps = np.diff(sorted(points))
    assert sorted(points)[0] == LO
    assert len(points) == n
    assert n < 3 or gaps.max() / gaps.min() < 1 + 1e-9
    learner = Learner1D((LO, HI))
    one_by_one = sorted(learner.ask(1)[0][0] for _ in range(n))
    assert n < 3 or np.diff(one_by_one).max() / np.diff(one_by_one).min() < 2 + 1e-9


@pytest.mark.parametrize(("made", "order"), [(losses.arc_loss(), 1), (losses.error_loss(), 2)])
def test_several_points_cut_gaps_so_that_the_largest_loss_left_is_smallest(made, order):
    learner = Learner1D((LO, HI), made)
    learner.tell_many([LO, HI], [0.0, 0.0])
    learner.tell(0.0, 1.0)
    loss = arc if order == 1 else estimated_error
    gaps = reckoned(learner, loss, order, real=False)
    points, gains = learner.ask(9)
    parts = [sum(c < p < d for p in points) + 1 for _, c, d in gaps]
    left = max(gap[0] / k**order for gap, k in zip(gaps, parts, strict=True))
    best = min(
        max(gaps[0][0] / (k + 1) ** order, gaps[1][0] / (10 - k) ** order) for k in range(10)
    )  # all ways to share nine points
    assert sum(parts) == 11
    assert left == pytest.approx(best)
    assert sum(gains) < sum(gap[0] for gap in gaps)


@pytest.mark.parametrize("scale", [2.0, 1024.0, 10.0, 1e3, 1e-6])
@pytest.mark.parametrize("f", [smooth, lambda x: sin(30 * x), lambda x: abs(x - 1) ** 0.5, lambda x: 3 - x])
@pytest.mark.parametrize("made", [losses.error_loss(), losses.arc_loss(), losses.curvature_loss()])
def test_choices_do_not_depend_on_units(made, f, scale):
    plain, wide, tall = Learner1D((-2, 2), made), Learner1D((-2 * scale, 2 * scale), made), Learner1D((-2, 2), made)
    for _ in range(400):
        (x,), _ = plain.ask(1)
        plain.tell(x, f(x))
        (u,), _ = wide.ask(1)
        wide.tell(u, f(x))
        (v,), _ = tall.ask(1)
        tall.tell(v, f(x) * scale)
    assert list(tall.data) == list(plain.data)
    assert list(wide.data) == pytest.approx([x * scale for x in plain.data], rel=1e-12, abs=1e-12 * scale)


def test_many_told_at_once_lead_to_the_choices_of_one_by_one():
    rng = np.random.default_rng(3)
    xs = [LO, HI, *rng.uniform(LO, HI, 700).tolist()]
    one, many, table = Learner1D((LO, HI)), Learner1D((LO, HI)), Learner1D((LO, HI))
    for x in xs:
        one.tell(x, smooth(x))
    many.tell_many(xs, [smooth(x) for x in xs])
    table.tell_many(xs, np.array([smooth(x) for x in xs]))
    assert list(one.data.items()) == list(many.data.items()) == list(table.data.items())
    assert table.ask(100) == one.ask(100)
    one.remove_unfinished()
    assert [many.ask(1) for _ in range(100)] == [one.ask(1) for _ in range(100)]


def test_residuals_are_relative_distances_from_the_line_between_neighbours():
    learner = Learner1D((LO, HI))
    tell = learner.method.tell
    assert isnan(tell(LO, 0.0))
    assert isnan(tell(HI, 4.0))
    assert tell(1.0, 3.0) == 0.25  # 2 expected, the range is 4
    assert tell(2.0, 8.5) == pytest.approx(5 / 8.5)  # 3.5 expected, the range is 8.5 with it
    assert tell(0.0, 1.5) == 0.0
    flat = Learner1D((LO, HI)).method
    assert isnan(flat.tell(LO, 2.0))
    flat.tell(HI, 2.0)
    assert flat.tell(0.0, 2.0) == 0.0
    several = Learner1D((0, 1)).method
    several.tell(0.0, [0, 0])
    several.tell(1.0, [1, 2])
    assert several.tell(0.5, [0.5, 2.0]) == 0.5


def test_residuals_of_many_are_those_before_the_first():
    learner = Learner1D((0, 4)).method
    learner.tell(0.0, 0.0)
    learner.tell(4.0, 4.0)
    xs = [k / 25 for k in range(1, 100)]
    found = learner.tell_many(xs, [x + 0.1 for x in xs])
    assert found == pytest.approx([0.1 / max(4.0, 3.96 + 0.1)] * 99)
    twice = Learner1D((0, 1)).method
    assert all(isnan(one) for one in twice.tell_many([k / 99 for k in range(100)], [[k, 1] for k in range(100)]))


def test_a_copy_goes_on_as_its_original():
    learner = Learner1D((LO, HI))
    for point in learner.ask(20)[0]:
        learner.tell(point, smooth(point))
    for copy in (deepcopy(learner), pickle.loads(pickle.dumps(learner))):
        asked, _ = copy.ask(5)
        assert list(copy.pending_points) == asked
        assert asked == learner.ask(5, tell_pending=False)[0]
        copy.tell(asked[0], smooth(asked[0]))
        assert list(copy.pending_points) == asked[1:]
