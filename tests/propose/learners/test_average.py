"""The mean of a random variable: exact to rounding, in any order, and done when it is known well enough."""

from __future__ import annotations

import math
import random
import statistics
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import LearnerError
from cohobate.core.protocols import Exhausted
from cohobate.propose.learners.moments import Moments
from propose.learners.moves import moves, wander

numbers = st.floats(-1e12, 1e12).map(lambda x: x if abs(x) > 1e-100 else 0.0)


def draw(seed: int) -> float:
    return random.Random(seed).gauss(3.0, 0.5)


def run(learner, f, most=100_000):
    while not learner.done() and learner.npoints < most:
        (seed,), _ = learner.ask(1)
        learner.tell(seed, f(seed))
    return learner


@pytest.mark.parametrize(("mean", "std"), [(1e9, 1e-3), (0.0, 1.0), (-3e15, 1.0), (1e-9, 1e3)])
def test_moments_are_those_of_exact_fractions(mean, std):
    values = np.random.default_rng(1).normal(mean, std, 5000).tolist()
    moments = Moments()
    for value in values:
        moments.add(value)
    assert moments.mean == pytest.approx(statistics.mean(values), rel=1e-15, abs=1e-15 * std)
    assert moments.off(0.0) == -moments.mean
    assert moments.deviation() == pytest.approx(statistics.stdev(values), rel=1e-13)
    assert moments.error() == pytest.approx(statistics.stdev(values) / math.sqrt(5000), rel=1e-13)


def test_moments_are_those_of_numpy_in_extended_precision():
    values = np.random.default_rng(2).normal(1e9, 1e-3, 5000)
    moments = Moments()
    for value in values.tolist():
        moments.add(value)
    exact = values.astype(np.longdouble)
    assert moments.mean == float(exact.mean())
    assert moments.deviation() == pytest.approx(float(exact.std(ddof=1)), rel=1e-11)


@given(st.lists(numbers, min_size=2, max_size=40), st.randoms())
def test_the_order_of_values_does_not_matter(values, order):
    learner, other = co.AverageLearner(atol=1.0), co.AverageLearner(atol=1.0)
    seeds = list(range(len(values)))
    learner.tell_many(seeds, values)
    order.shuffle(seeds)
    for seed in seeds:
        other.tell(seed, values[seed])
    one, two = learner.learned(), other.learned()
    size = max(map(abs, values))
    assert one.value == pytest.approx(two.value, rel=1e-14, abs=1e-15 * size)
    assert one.error == pytest.approx(two.error, rel=1e-12, abs=1e-14 * size)
    assert one.value == pytest.approx(math.fsum(values) / len(values), rel=1e-14, abs=1e-15 * size)


def test_it_is_done_when_the_standard_error_is_small_enough():
    learner = run(co.AverageLearner(atol=0.02), draw)
    values = [draw(seed) for seed in range(learner.npoints)]
    estimate = learner.learned()
    assert estimate.n == learner.npoints
    assert estimate.value == pytest.approx(np.mean(values), rel=1e-12)
    assert estimate.error == pytest.approx(np.std(values, ddof=1) / math.sqrt(len(values)), rel=1e-12)
    assert estimate.error <= 0.02
    assert 400 < learner.npoints < 900  # (0.5 / 0.02)² = 625
    assert learner.ask(3) == ([], [])
    assert learner.suggest(1) == Exhausted("nothing is left to learn")
    before = run(co.AverageLearner(atol=0.02), draw, learner.npoints - 1)
    assert before.learned().error > 0.02


def test_both_tolerances_hold():
    relative = run(co.AverageLearner(rtol=0.01), draw)
    assert relative.learned().error <= 0.01 * relative.learned().value
    assert relative.loss() == pytest.approx(relative.learned().error / (0.01 * relative.learned().value))
    both = run(co.AverageLearner(atol=0.02, rtol=0.01), draw)
    assert both.npoints == max(relative.npoints, run(co.AverageLearner(atol=0.02), draw).npoints)


def test_the_error_is_that_of_normal_deviates():
    learner = run(co.AverageLearner(atol=1e-9), draw, 1000)
    assert learner.error(0.68) == pytest.approx(1.0, abs=0.2)
    assert learner.error(0.95) == pytest.approx(1.96, abs=0.4)


def test_no_variance_is_done_at_once():
    assert run(co.AverageLearner(atol=1e-3), lambda seed: 2.5).npoints == 2
    assert run(co.AverageLearner(rtol=1e-3, min_npoints=7), lambda seed: 0.0).npoints == 7


def test_no_mean_is_never_known_relative_to_itself():
    learner = co.AverageLearner(rtol=0.1)
    learner.tell_many([0, 1], [1.0, -1.0])
    assert learner.loss() == math.inf
    assert learner.method.gain() == math.inf
    assert not learner.done()
    assert co.AverageLearner(atol=0.1).loss() == math.inf


def test_what_is_gained_is_what_the_loss_falls_by():
    learner = co.AverageLearner(atol=0.1, min_npoints=4)
    assert learner.ask(2)[1] == [math.inf] * 2
    learner.tell_many(range(4), [0.0, 1.0, 0.5, 2.0])
    expected = learner.loss(real=False)
    _, gains = learner.ask(3)
    assert expected - sum(gains) == pytest.approx(learner.loss(real=False))
    assert learner.method.gain() < gains[-1]


def test_seeds_without_a_value_are_left_out():
    learner = co.AverageLearner(atol=1.0)
    learner.tell(0, None)
    learner.tell(2, 1.0)
    assert learner.ask(3)[0] == [1, 3, 4]
    learner.tell(1, 2.0)
    assert learner.learned().n == 2
    learner.tell(0, 3.0)
    assert learner.learned().value == 2.0
    assert not learner.holes


def test_arrays_are_averaged_by_component():
    def values(seed):
        return np.random.default_rng(seed).normal([1.0, 1e9], [0.1, 1e-2])

    learner = run(co.AverageLearner(atol=0.01), values)
    estimate = learner.learned()
    told = np.array([values(seed) for seed in range(estimate.n)])
    assert estimate.value == pytest.approx(told.mean(axis=0), rel=1e-14)
    assert estimate.error == pytest.approx(told.std(axis=0, ddof=1) / math.sqrt(estimate.n), rel=1e-6)
    assert learner.loss() == pytest.approx(max(estimate.error) / 0.01)
    for value in (1.0, [1.0], [[1.0, 2.0]], [1.0, math.nan], [1.0, "a"], [1.0, [2.0]]):
        with pytest.raises(LearnerError, match="the value of seed 99999: expected"):
            learner.tell(99999, value)
    assert learner.learned() is not None
    assert learner.npoints == estimate.n


@pytest.mark.parametrize("value", [math.inf, "1", True, 1 + 2j, {}, 10**400])
def test_what_is_no_number_is_refused_and_changes_nothing(value):
    learner = co.AverageLearner(atol=1.0)
    learner.tell(0, 1.0)
    learner.ask(1)
    with pytest.raises(LearnerError, match="the value of seed 1: expected a"):
        learner.tell(1, value)
    assert (learner.npoints, list(learner.pending_points), learner.learned().value) == (1, [1], 1.0)


def test_values_that_are_too_far_apart_are_refused():
    learner = co.AverageLearner(atol=1.0)
    learner.tell(0, 1e200)
    with pytest.raises(LearnerError, match="seed 1 is too far off"):
        learner.tell(1, -1e200)
    assert learner.learned().value == 1e200
    learner = co.AverageLearner(rtol=1.0)
    learner.tell(0, 1e-200)
    with pytest.raises(LearnerError, match="seed 1 is too far off, or too near"):
        learner.tell(1, 2e-200)
    learner = co.AverageLearner(rtol=1.0)
    learner.tell(0, [1.0, 1e200])
    with pytest.raises(LearnerError, match="seed 1 is too far off, or too near"):
        learner.tell(1, [1.0, -1e200])


@pytest.mark.parametrize("seed", [-1, 0.5, "a", None, True, 2**32])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(LearnerError, match="a seed: expected a whole number from 0 to 4294967295"):
        co.AverageLearner(atol=1).tell(seed, 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected atol, rtol or both, got neither"),
        ({"atol": 0}, "atol: expected a positive number, got 0"),
        ({"rtol": -1.0}, "rtol: expected a positive number"),
        ({"rtol": math.nan}, "rtol: expected a finite number"),
        ({"atol": "1"}, "atol: expected a number, got '1'"),
        ({"atol": 1, "min_npoints": 1}, "min_npoints: expected a whole number from 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(LearnerError, match=message):
        co.AverageLearner(**settings)


def test_nothing_known_is_nothing_learned():
    with pytest.raises(LearnerError, match="nothing is known yet"):
        co.AverageLearner(atol=1).learned()
    learner = co.AverageLearner(atol=1)
    learner.tell(0, 2.0)
    assert (learner.learned().value, learner.learned().error) == (2.0, math.inf)


@given(moves)
def test_random_ways(path):
    learner = wander(lambda: co.AverageLearner(atol=0.3), draw, path)
    if learner.npoints > 1:
        values = list(learner.data.values())
        assert learner.learned().value == pytest.approx(np.mean(values))
        assert learner.loss() == pytest.approx(np.std(values, ddof=1) / math.sqrt(len(values)) / 0.3)


def test_a_campaign_ends_by_itself_and_is_continued(tmp_path: Path):
    def noisy(seed):
        if seed == 3:
            raise ValueError("three")
        return draw(seed)

    def made():
        learner = co.AverageLearner(rtol=0.02)
        return learner, co.Campaign(learner, co.simulator(noisy, version="1"), co.inline(), run=tmp_path / "run")

    made()[1].run(co.evaluations(20))
    learner, campaign = made()
    campaign.run()
    assert learner.done()
    assert list(learner.holes) == [3]
    alone = run(co.AverageLearner(rtol=0.02), lambda seed: None if seed == 3 else draw(seed))
    assert learner.data == alone.data
