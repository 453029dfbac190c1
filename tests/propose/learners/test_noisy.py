"""A noisy function is sampled where its means are least known, and no more than it needs."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import LearnerError
from cohobate.propose.learners.student import quantile
from propose.learners.moves import moves, wander

stats = pytest.importorskip("scipy.stats")


def smooth(x: float) -> float:
    return math.tanh(8 * (x - 0.2)) + 0.3 * x


def noisy(point: tuple[int, float], size: float = 0.1) -> float:
    seed, x = point
    return smooth(x) + random.Random(f"{seed} {x!r}").gauss(0, size)


def failing(point: tuple[int, float]) -> float | None:
    return None if point[1] > 0.5 else noisy(point)


def run(learner, f=noisy, most=3000, width=1):
    while learner.npoints + len(learner.holes) < most:
        points, _ = learner.ask(width)
        assert points
        for point in points:
            learner.tell(point, f(point))
    return learner


def samples(learner) -> dict[float, list[float]]:
    places: dict[float, list[float]] = {}
    for (_, x), y in sorted(learner.data.items(), key=lambda item: item[0][1]):
        places.setdefault(x, []).append(y)
    return places


def ratios(learner, alpha=0.005) -> dict[float, float]:
    """The errors of the means over the distance to the nearest neighbour, from all samples."""
    places = samples(learner)
    x = np.array(list(places))
    y = np.array([np.mean(ys) for ys in places.values()])
    steps = np.hypot(np.diff(x) / (x[-1] - x[0]), np.diff(y) / np.ptp(y))
    near = np.minimum(np.append(steps, np.inf), np.append(np.inf, steps))
    errors = [stats.t.ppf(1 - alpha, len(ys) - 1) * np.std(ys, ddof=1) / math.sqrt(len(ys)) for ys in places.values()]
    return dict(zip(places, np.array(errors) / np.ptp(y) / near, strict=True))


@pytest.mark.parametrize("p", [0.6, 0.9, 0.995, 0.99999])
def test_quantiles_are_those_of_scipy(p):
    for degrees in (*range(1, 60), 199, 200, 1001, 10**7):
        assert quantile(p, degrees) == pytest.approx(stats.t.ppf(p, degrees), rel=2e-9)


def test_bounds_come_first_and_evenly():
    learner = co.AverageLearner1D((-1, 1))
    points, gains = learner.ask(100)
    assert Counter(x for _, x in points) == {-1.0: 50, 1.0: 50}
    assert points[:4] == [(0, -1.0), (0, 1.0), (1, -1.0), (1, 1.0)]
    assert gains == [math.inf] * 2 + gains[2:]
    assert learner.loss() == math.inf
    assert {x for _, x in learner.ask(50)[0]} == {0.0}


def test_many_points_go_to_many_places():
    learner = run(co.AverageLearner1D((-1, 1), min_samples=10), most=1000)
    points, _ = learner.ask(400)
    spread = Counter(x for _, x in points)
    assert len(spread) >= 10
    assert max(spread.values()) < 200
    assert len(set(points)) == 400


@pytest.mark.parametrize("width", [1, 40])
def test_no_new_place_before_all_means_are_exact_enough(width):
    learner = run(co.AverageLearner1D((-1, 1), min_samples=8, delta=0.3), width=width)
    while learner.ask(1, tell_pending=False)[0][0][1] in samples(learner):
        run(learner, most=learner.npoints + 1)
    counts = {x: len(ys) for x, ys in samples(learner).items()}
    assert len(counts) > 8
    assert min(counts.values()) >= 8
    assert max(counts.values()) > 40
    assert max(ratios(learner).values()) <= 0.35  # the range of the means is not made anew with each sample


def test_means_and_errors_are_those_of_the_samples():
    learner = run(co.AverageLearner1D((-1, 1), min_samples=20))
    means, places = learner.learned(), samples(learner)
    assert means.x.tolist() == list(places)
    assert means.n.tolist() == [len(ys) for ys in places.values()]
    assert means.mean == pytest.approx([np.mean(ys) for ys in places.values()], rel=1e-12)
    halves = [stats.t.ppf(0.995, len(ys) - 1) * stats.sem(ys) for ys in places.values()]
    assert means.error == pytest.approx(halves, rel=1e-9)
    off = np.abs(means.mean - [smooth(x) for x in means.x])
    assert np.mean(off < means.error) >= 0.9
    assert learner.error() == pytest.approx(1.645 * 0.1 / np.ptp(means.mean), rel=0.4)


def test_without_noise_places_are_those_of_a_line():
    learner = co.AverageLearner1D((-1, 1), min_samples=2, neighbor_sampling=0)
    run(learner, lambda point: smooth(point[1]), most=120)
    line = co.Learner1D((-1, 1))
    while line.npoints < 60:
        for x in line.ask(1)[0]:
            line.tell(x, smooth(x))
    assert set(Counter(x for _, x in learner.data).values()) == {2}
    assert sorted(samples(learner)) == sorted(line.data)
    assert learner.loss() == pytest.approx(line.loss(), rel=1e-6)


def test_a_new_place_gets_its_share_of_what_its_neighbours_have():
    learner = co.AverageLearner1D((0, 1), min_samples=2, neighbor_sampling=0.5)
    for x, n in ((0.0, 10), (1.0, 30)):
        learner.tell_many([(seed, x) for seed in range(n)], [x] * n)
    assert Counter(x for _, x in learner.ask(1000)[0])[0.5] == 10


def test_limits_of_sampling_hold():
    few = run(co.AverageLearner1D((-1, 1), min_samples=5, max_samples=12), lambda point: noisy(point, 1.0), most=600)
    assert max(len(ys) for ys in samples(few).values()) == 12
    rough = run(co.AverageLearner1D((-1, 1), min_samples=5, min_error=0.5), most=600)
    assert max(len(ys) for ys in samples(rough).values()) == 5


def test_places_that_fail_are_left_alone():
    learner = run(co.AverageLearner1D((-1, 1), min_samples=5), failing, most=1500)
    failed = Counter(x for _, x in learner.holes)
    assert min(failed) > 0.5
    assert max(failed.values()) == 5
    assert len(failed) < 20
    assert max(samples(learner)) > 0.45
    assert learner.npoints > 1300
    assert math.isfinite(learner.loss())


def test_single_failures_are_left_out():
    def sometimes(point):
        return None if random.Random(str(point)).random() < 0.3 else noisy(point)

    learner = run(co.AverageLearner1D((-1, 1), min_samples=10), sometimes, most=1000)
    assert len(learner.holes) > 200
    assert min(learner.learned().n) >= 8
    assert len(learner.learned().n) > 5


def test_the_order_of_values_does_not_matter():
    learner = run(co.AverageLearner1D((-1, 1), min_samples=5), most=500)
    points = list(learner.data)
    random.Random(1).shuffle(points)
    other = learner.new()
    other.tell_many(points, [learner.data[point] for point in points])
    one, two = learner.learned(), other.learned()
    assert two.mean == pytest.approx(one.mean, rel=1e-12)
    assert two.error == pytest.approx(one.error, rel=1e-9)
    assert two.n.tolist() == one.n.tolist()


def test_losses_are_those_of_all_means():
    learner = run(co.AverageLearner1D((-1, 1), co.losses.triangle_loss(), min_samples=4), most=701)
    sites = learner.method._sites
    x = np.array(sites._anchors)
    y = np.array([sites.at[one].mean for one in x])
    made = co.losses.triangle_loss().over(x, y, 2.0, sites.scale)
    assert [sites._losses[one] for one in x[:-1]] == pytest.approx(made, rel=1e-12)
    learner.remove_unfinished()
    assert learner.loss() == learner.loss(real=False) == pytest.approx(max(made))
    assert sites.scale == pytest.approx(np.ptp(y), rel=0.1)


def test_a_copy_goes_on_alike():
    learner = run(co.AverageLearner1D((-1, 1), min_samples=5), most=200)
    learner.tell((999, 0.3), None)
    copy = learner.new()
    copy.copy_from(learner)
    assert copy.learned().mean.tolist() == learner.learned().mean.tolist()
    assert dict(copy.holes) == dict(learner.holes)
    assert run(copy, most=400).npoints == 399


@settings(deadline=None)
@given(moves, st.sampled_from([noisy, failing]))
def test_random_ways(path, f):
    learner = wander(lambda: co.AverageLearner1D((-1, 1), min_samples=2, delta=0.5), f, path)
    out = Counter(x for _, x in learner.pending_points)
    known = Counter(x for _, x in learner.data)
    for x, site in learner.method._sites.at.items():
        assert (site.out, site.moments.n) == (out[x], known[x])
        assert x in (-1.0, 1.0) or not site.is_idle()


@pytest.mark.parametrize(
    "point", [0.5, (0,), (0, 1, 2), (0.5, 0.0), (-1, 0.0), (0, 2.0), (0, math.nan), (0, "a"), None, "ab", (True, 0.0)]
)
def test_what_is_no_point_is_refused(point):
    learner = co.AverageLearner1D((-1, 1))
    with pytest.raises(LearnerError, match="AverageLearner1D: "):
        learner.tell(point, 1.0)
    assert not learner.data
    assert set(learner.method._sites.at) == {-1.0, 1.0}


@pytest.mark.parametrize("value", [math.inf, "1", [1.0], True, 1j])
def test_what_is_no_number_is_refused_and_changes_nothing(value):
    learner = co.AverageLearner1D((-1, 1))
    points, _ = learner.ask(1)
    with pytest.raises(LearnerError, match=r"the value at \(0, -1.0\): expected a"):
        learner.tell(points[0], value)
    assert list(learner.pending_points) == points
    assert not learner.data


@pytest.mark.parametrize(
    ("bounds", "settings", "message"),
    [
        ((1, 0), {}, "the lower bound must be below"),
        (((0, 1), (0, 1)), {}, "expected one interval"),
        ({"seed": (0, 1)}, {}, "not named 'seed'"),
        (co.Real(1, 2, log=True), {}, "expected a plain interval"),
        ((0, 1), {"delta": 0}, "delta: expected a positive number"),
        ((0, 1), {"alpha": 0}, "alpha: expected a number from 0 up, below 0.5, got 0"),
        ((0, 1), {"alpha": 0.5}, "alpha: expected"),
        ((0, 1), {"neighbor_sampling": -1}, "neighbor_sampling: expected"),
        ((0, 1), {"min_samples": 1}, "min_samples: expected a whole number from 2"),
        ((0, 1), {"max_samples": 10}, "max_samples: expected a whole number from 50"),
        ((0, 1), {"min_error": math.nan}, "min_error: expected a finite number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(bounds, settings, message):
    with pytest.raises(LearnerError, match=message):
        co.AverageLearner1D(bounds, **settings)


def test_nothing_known_is_nothing_learned():
    learner = co.AverageLearner1D((-1, 1))
    with pytest.raises(LearnerError, match="nothing is known yet"):
        learner.learned()
    with pytest.raises(LearnerError, match="gives 'means' only"):
        learner.learned("spline")
    learner.tell((0, 0.25), 2)
    assert learner.learned().error.tolist() == [math.inf]
    assert learner.learned().mean.tolist() == [2.0]


def test_a_campaign_is_continued_as_if_it_had_not_stopped(tmp_path: Path):
    def simulate(seed, r):
        return failing((seed, r)) if r <= 0.5 else 1 / 0

    def made():
        learner = co.AverageLearner1D({"r": (-1, 1)}, min_samples=3, output="energy")
        run_ = co.Campaign(
            learner, co.simulator(simulate, version="1"), co.inline(), run=tmp_path / "run", failure_budget=None
        )
        return learner, run_

    made()[1].run(co.evaluations(30))
    learner, campaign = made()
    campaign.run(co.evaluations(100))
    alone = run(co.AverageLearner1D((-1, 1), min_samples=3), failing, most=100)
    assert learner.data == alone.data
    assert set(learner.holes) == set(alone.holes)
