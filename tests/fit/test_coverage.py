"""Noisy force matching: the intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

import cohobate as co

TRUTH = {"epsilon": 0.0104, "sigma": 3.405}
R = np.linspace(3.3, 6.5, 12)
NOISE = 2e-4
REPEATS = 200


def force(epsilon, sigma):
    s6 = (sigma / R) ** 6
    return 24 * epsilon * (2 * s6 * s6 - s6) / R


def holds(intervals):
    return [low <= TRUTH[name] <= high for name, (low, high) in intervals.items()]


@pytest.fixture(scope="module")
def repeats():
    """Whether the intervals of each repeat hold the truth: by estimated and by absolute sigmas."""
    rng = np.random.default_rng(11)
    found: dict[str, list[list[bool]]] = {"scaled": [], "absolute": [], "half": []}
    engine = co.inline()
    for _ in range(REPEATS):
        noisy = force(**TRUTH) + NOISE * rng.standard_normal(len(R))
        term = co.Term(force, noisy, sigma=NOISE, name="forces", version="1")
        result = co.Fitter(term, {"epsilon": 0.012, "sigma": 3.3}, engine=engine).least_squares()
        found["scaled"].append(holds(result.intervals(0.95)))
        found["absolute"].append(holds(result.uncertainty(absolute_sigma=True).intervals(0.95)))
        found["half"].append(holds(result.intervals(0.5)))
    return found


@pytest.mark.parametrize(("kind", "level"), [("scaled", 0.95), ("absolute", 0.95), ("half", 0.5)])
def test_intervals_hold_the_truth_as_often_as_they_say(repeats, kind, level):
    low, high = binom.interval(0.999, REPEATS, level)
    for held in np.sum(repeats[kind], axis=0):
        assert low <= held <= high


def test_intervals_that_are_a_quarter_too_narrow_would_be_noticed():
    low, _ = binom.interval(0.999, REPEATS, 0.95)
    share = 2 * norm.cdf(0.75 * norm.ppf(0.975)) - 1
    assert share * REPEATS < low
