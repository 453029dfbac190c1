"""``Learner1D`` as a user meets it: what may be told, errors, holes, campaigns."""

from __future__ import annotations

from fractions import Fraction
from math import inf, isinf, nan

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import LearnerError
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.protocols import Exhausted, Later
from cohobate.core.trial import Result, Trial

GRID = np.linspace(-1, 1, 20001)


def peak(x, at=0.1234):
    return x + 1e-4 / (1e-4 + (x - at) ** 2)


def worst(learner, f):
    """Returns the largest error of straight lines between the known points."""
    x, y = np.array(sorted(learner.data.items())).T
    return np.abs(np.interp(GRID, x, y) - f(GRID)).max()


def run(learner, f, reached, most=3000):
    """Asks and tells one by one until ``reached``; returns how many points were asked for."""
    for n in range(most):
        points, _ = learner.ask(1)
        if not points:
            return n
        learner.tell(points[0], f(points[0]))
        if reached(learner):
            return n + 1
    return most


@pytest.mark.parametrize("at", [0.1234, -0.37, 0.0, 0.4142])
def test_a_narrow_peak_is_known_to_a_thousandth_of_its_range_from_eighty_points(at):
    learner, span = co.Learner1D((-1, 1)), np.ptp(peak(GRID, at))
    n = run(learner, lambda x: peak(x, at), lambda one: one.loss() <= 1e-3)
    assert n <= 80
    assert worst(learner, lambda x: peak(x, at)) <= 1e-3 * span
    assert sorted(learner.data)[1] - -1 <= 1 / 8  # a sixteenth of the domain, where nothing happens


def test_a_wave_is_known_to_a_hundredth_from_two_hundred_points():
    learner = co.Learner1D((-1, 1))
    run(learner, lambda x: float(np.sin(30 * x)), lambda one: one.npoints == 200)
    assert worst(learner, lambda x: np.sin(30 * x)) <= 0.02


@pytest.mark.parametrize("width", [0.06, 0.1])
def test_no_goal_is_reached_before_a_smooth_feature_is_met(width):
    """A bump whose full width at half height is a few percent of the domain, wherever it is."""
    missed = []
    for at in np.linspace(-0.95, 0.95, 60):
        learner = co.Learner1D((-1, 1))

        def f(x, at=at):
            return 0.5 * x + np.exp(-4 * np.log(2) * ((x - at) / width) ** 2)

        run(learner, lambda x, f=f: float(f(x)), lambda one: one.loss() <= 1e-3)
        missed += [at] if worst(learner, f) > 0.01 else []
    assert missed == []


@pytest.mark.parametrize("value", [None, "1.0", nan, inf, -inf, 1j, [], [1.0, nan], [[1.0, 2.0]], ["a"], {"f": 1}])
def test_what_is_no_finite_number_or_vector_is_refused_and_changes_nothing(value):
    method = co.Learner1D((0, 1)).method
    with pytest.raises(LearnerError, match=r"the value at 0\.5: expected a finite number or a 1-D array of them, got"):
        method.tell(0.5, value)
    with pytest.raises(LearnerError, match="expected a finite number"):
        method.tell_many([k / 100 for k in range(100)], [1.0] * 50 + [value] + [1.0] * 49)
    assert not method.data
    method.tell(0.5, [1, 2])


@pytest.mark.parametrize("value", [1, 1.5, True, np.float32(1.5), np.int64(3), np.array(2.0), Fraction(1, 4)])
def test_any_real_number_is_kept_as_a_float(value):
    learner = co.Learner1D((0, 1))
    learner.tell(0.25, value)
    assert learner.data == {0.25: float(value)}
    assert type(learner.data[0.25]) is float


@pytest.mark.parametrize("value", [[1, 2.5], (1, 2.5), np.array([1, 2.5]), [np.float32(1), Fraction(5, 2)]])
def test_any_vector_is_kept_as_a_tuple_of_floats(value):
    learner = co.Learner1D((0, 1))
    learner.tell(0.25, value)
    learner.tell_many(np.linspace(0, 1, 90), [value] * 90)
    assert set(learner.data.values()) == {(1.0, 2.5)}
    assert len(learner.data) == 91


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (1.0, [1.0], r"expected shape \(\), got \(1,\)"),
        ([1.0, 2.0], 1.0, r"expected shape \(2,\), got \(\)"),
        ([1.0, 2.0], [1.0] * 3, r"expected shape \(2,\), got \(3,\)"),
    ],
)
def test_the_first_value_decides_the_shape(first, then, said):
    learner = co.Learner1D((0, 1))
    learner.tell(0.0, first)
    before = learner.loss(), dict(learner.data)
    for values in ([then] * 80, [first] * 79 + [then]):
        with pytest.raises(LearnerError, match=said):
            learner.tell_many(np.linspace(0, 1, 80), values)
    with pytest.raises(LearnerError, match=said):
        learner.tell(0.5, then)
    assert (learner.loss(), dict(learner.data)) == before


def test_a_range_beyond_floats_is_refused():
    method = co.Learner1D((0, 1)).method
    method.tell(0.0, -1.7e308)
    with pytest.raises(LearnerError, match="scale them down"):
        method.tell(1.0, 1.7e308)
    assert list(method.data) == [0.0]
    method.tell(1.0, 0.0)


@pytest.mark.parametrize(
    "bounds", [(1, -1), (1, 1), (0, inf), (nan, 1), (0,), (0, 1, 2), "ab", None, {"x": (0, "1")}, (-1e308, 1e308)]
)
def test_bounds_that_are_no_interval_are_refused(bounds):
    with pytest.raises(LearnerError, match="Learner1D"):
        co.Learner1D(bounds)


def test_one_axis_is_needed_and_no_logarithm():
    with pytest.raises(LearnerError, match="expected one interval"):
        co.Learner1D([(0, 1), (0, 1)])
    with pytest.raises(LearnerError, match="learn over its logarithm"):
        co.Learner1D(co.Real(1, 10, log=True))


def test_bounds_may_have_a_name_and_a_unit():
    learner = co.Learner1D({"r": co.Real(0.5, 4, unit="Å")}, output="energy")
    assert learner.problem.names == ("r",)
    assert learner.problem.output_names == ("energy",)
    assert learner.suggest(1) == [{"r": 0.5}]
    assert learner.new().problem == learner.problem
    assert co.Learner1D(co.Real(0, 1)).suggest(2) == [{"x": 0.0}, {"x": 1.0}]


@pytest.mark.parametrize("point", [1.5, -0.1, nan, "0.5", None, True, [0.5]])
def test_points_outside_and_no_numbers_are_refused(point):
    learner = co.Learner1D((0, 1))
    with pytest.raises(LearnerError, match="expected a"):
        learner.tell(point, 1.0)
    with pytest.raises(LearnerError, match="expected a"):
        learner.tell_pending(point)
    with pytest.raises(LearnerError, match="expected a"):
        learner.tell_many([0.5, point], [1.0, 1.0])
    assert learner.npoints == 0


def test_bounds_grow_and_keep_what_is_known():
    learner = co.Learner1D((0, 1))
    points, _ = learner.ask(5)
    for x in points[:3]:
        learner.tell(x, x)
    learner.method.exclude(points[3], "broken")
    with pytest.raises(LearnerError, match="extend"):
        learner.tell(1.5, 1.0)
    with pytest.raises(LearnerError, match=r"expected bounds around \[0.0, 1.0\]"):
        learner.method.extend(0.5, 2)
    learner.method.extend(-1, 3)
    assert learner.ask(2)[0] == [-1.0, 3.0]
    assert list(learner.data) == points[:3]
    assert list(learner.holes) == [points[3]]
    assert list(learner.pending_points) == [points[4], -1.0, 3.0]
    assert learner.describe()["bounds"] == [-1.0, 3.0]
    assert learner.problem.check({"x": 2.5}) is None
    learner.tell_many([-1, 1.5, 3], [0, 1, 2])
    assert learner.loss() <= 1


# holes


def lone(x):
    return x in (0.125, 0.25, 0.0)


def region(x):
    return 0.3 < x < 0.55


def edges(x):
    return x < -0.7 or x > 0.8


def bounds(x):
    return abs(x) == 1


@pytest.mark.parametrize("bad", [lone, region, edges, bounds])
def test_a_goal_is_reached_although_there_are_holes(bad):
    learner = co.Learner1D((-1, 1))
    n = run(learner, lambda x: None if bad(x) else peak(x), lambda one: one.loss() <= 1e-3, 200)
    assert n <= 110
    assert learner.loss() <= 1e-3
    inside = sorted(x for x in learner.data if 0.05 < x < 0.28)
    fine = np.linspace(inside[0], inside[-1], 2001)
    known = np.interp(fine, sorted(learner.data), [learner.data[x] for x in sorted(learner.data)])
    assert np.abs(known - [peak(x) for x in fine]).max() <= 2.1e-3


def test_lone_holes_do_not_stop_refinement():
    learner = co.Learner1D((-1, 1))
    run(learner, lambda x: None if lone(x) else peak(x), lambda one: False, 500)
    assert learner.loss() < 3e-5
    assert worst(learner, peak) < 1e-4


def test_a_region_of_holes_is_left_alone_once_its_edges_are_known():
    learner = co.Learner1D((-1, 1))
    run(learner, lambda x: None if region(x) else peak(x), lambda one: False, 2000)
    assert len(learner.holes) < 60
    assert min(learner.holes) - 0.3 < 0.002
    assert 0.55 - max(learner.holes) < 0.002


@pytest.mark.parametrize("loss", [None, co.losses.arc_loss(), co.losses.uniform_loss(), co.losses.triangle_loss()])
def test_where_all_points_are_holes_it_comes_to_an_end(loss):
    learner = co.Learner1D((-1, 1), loss)
    assert run(learner, lambda x: None, lambda one: False) < 100
    assert learner.done()
    assert learner.loss() == 0.0
    assert learner.ask(10) == ([], [])
    assert isinstance(learner.suggest(1), Exhausted)


def test_a_small_region_with_values_is_found_among_holes():
    learner = co.Learner1D((-1, 1))
    run(learner, lambda x: peak(x) if 0.1 < x < 0.2 else None, lambda one: False, 400)
    assert learner.npoints > 200


def test_a_hole_may_get_a_value_later():
    learner = co.Learner1D((0, 1))
    for x in (0.0, 0.5, 1.0):
        learner.tell(x, None)
    for x in (0.5, 0.0, 1.0):
        learner.tell(x, x)
    plain = co.Learner1D((0, 1))
    plain.tell_many([0.0, 0.5, 1.0], [0.0, 0.5, 1.0])
    assert not learner.holes
    assert learner.loss() == plain.loss()
    assert learner.ask(20) == plain.ask(20)


# the end


def test_nothing_is_asked_for_where_every_loss_is_zero():
    learner = co.Learner1D((-1, 1), co.losses.resolution_loss(0.05, 0.5))
    assert run(learner, peak, lambda one: False) < 60
    assert learner.done()
    assert learner.method.gain() == 0
    assert learner.ask(5) == ([], [])
    assert isinstance(learner.suggest(1), Exhausted)
    x = sorted(learner.data)
    assert 0.025 < np.diff(x).max() / 2 < 0.05


def test_intervals_of_a_few_floats_are_not_split():
    learner = co.Learner1D((1, 1 + 1e-14))
    n = run(learner, lambda x: float(x > 1 + 3.3e-15), lambda one: False)
    assert n < 60
    assert learner.done()
    step = co.Learner1D((-1, 1), co.losses.arc_loss())
    run(step, lambda x: float(x > 0.2137), lambda one: one.npoints == 300)
    assert np.diff(sorted(step.data)).min() > 1e-16


def test_bounds_are_waited_for():
    learner = co.Learner1D((0, 1))
    learner.tell(0.5, 1.0)
    assert isinf(learner.loss())
    assert learner.ask(2)[0] == [0.0, 1.0]
    assert isinf(learner.loss())
    assert learner.loss(real=False) <= 1
    learner.remove_unfinished()
    assert learner.ask(2)[0] == [0.0, 1.0]


# campaigns


def told(learner, inputs, outcome):
    learner.ingest([Result(Trial(0, inputs), outcome)])


def test_outcomes_become_values_holes_and_points_to_ask_for_again():
    learner = co.Learner1D((0, 1))
    rows = learner.suggest(5)
    told(learner, rows[0], Value({"f": 1.0}))
    told(learner, rows[1], Failure("raised", "no convergence", "", 1))
    told(learner, rows[2], Cancelled("too late"))
    told(learner, rows[3], Value({"f": [1.0, 2.0]}))
    assert learner.data == {0.0: 1.0}
    assert dict(learner.holes).keys() == {1.0, rows[3]["x"]}
    assert "shape" in learner.refused[rows[3]["x"]]
    assert list(learner.pending_points) == [rows[4]["x"]]


def test_recalled_proposals_lead_to_the_same_next_ones():
    learner, later = co.Learner1D((-1, 1)), co.Learner1D((-1, 1))
    for n in (3, 1, 2, 70, 1):
        rows = learner.suggest(n)
        later.recall(rows)
        for one in (learner, later):
            for row in rows[: n // 2 + 1]:
                told(one, row, Value({"f": peak(row["x"])}))
    assert later.suggest(4) == learner.suggest(4)
    assert not isinstance(later.suggest(1), Later)


def test_a_campaign_samples_until_the_loss_is_reached(tmp_path):
    learner = co.Learner1D((-1, 1))
    result = co.Campaign(learner, peak, co.inline(), run=tmp_path / "run").run(co.loss_below(1e-3))
    assert learner.loss() <= 1e-3
    assert 75 <= len(learner.data) <= 78
    assert result.reason.startswith("loss")


def test_settings_are_described():
    assert co.Learner1D((0, 1)).describe() == {
        "learner": "Learner1D",
        "bounds": [0.0, 1.0],
        "loss": {"name": "error_loss"},
        "output": "f",
    }
    said = co.Learner1D((0, 1), co.losses.curvature_loss(euclid=0.1)).describe()["loss"]
    assert said == {"name": "curvature_loss", "area": 1.0, "euclid": 0.1, "horizontal": 0.02}


def test_copies_share_nothing():
    learner, other = co.Learner1D((0, 1)), co.Learner1D((0, 1))
    run(learner, peak, lambda one: one.npoints == 80)
    learner.tell(0.001, None)
    other.copy_from(learner)
    assert other.data == learner.data
    assert other.holes == learner.holes
    assert other.ask(3) == learner.ask(3)
    other.tell(other.ask(1)[0][0], 0.0)
    assert learner.npoints == 80
