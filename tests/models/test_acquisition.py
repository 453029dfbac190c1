"""Acquisition: expected improvement against integration, with tails that never vanish."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from cohobate.core.errors import ProblemError
from cohobate.models.acquisition import (
    ExpectedImprovement,
    Greedy,
    HypervolumeImprovement,
    ProbabilityOfImprovement,
    Thompson,
    UpperConfidence,
    describe,
    first_best,
    log_improvement,
    name_of,
    named,
)


def own(mean: np.ndarray, std: np.ndarray, best: float) -> np.ndarray:
    return mean


@pytest.mark.parametrize(("mean", "std", "best"), [(0, 1, 0), (2, 0.3, 1.5), (-1, 0.7, 1), (13.2, 0.5, 15)])
def test_expected_improvement_is_the_integral(mean: float, std: float, best: float):
    top = max(mean, best)
    parts = [(best, top), (top, top + 12 * std)]
    expected = sum(quad(lambda f: (f - best) * norm.pdf(f, mean, std), *part, epsabs=0)[0] for part in parts)
    score = ExpectedImprovement()(np.array([float(mean)]), np.array([std]), best)
    assert np.exp(score) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("z", [-0.5, -1.0, -3.0, -20.0, -99.0, -101.0, -1000.0, -1e6])
def test_far_below_the_best_the_logarithm_is_exact(z: float):
    # phi(z) + z Phi(z) = phi(z) * integral over t > 0 of t exp(z t - t^2 / 2), with t = s / |z|
    tail = quad(lambda s: s * np.exp(-s - 0.5 * (s / z) ** 2), 0, 80, epsabs=0, epsrel=1e-12)[0]
    expected = norm.logpdf(z) + np.log(tail) - 2 * np.log(-z)
    assert log_improvement(np.array([z]))[0] == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_expected_improvement_grows_with_mean_and_deviation_everywhere():
    mean = np.linspace(-500, 500, 5001)
    assert np.all(np.diff(ExpectedImprovement()(mean, np.full(5001, 0.5), 0.0)) > 0)
    std = np.geomspace(1e-6, 1e3, 1000)
    assert np.all(np.diff(ExpectedImprovement()(np.full(1000, -1.0), std, 0.0)) > 0)


def test_bounds_and_greed_are_what_they_say():
    mean, std = np.array([1.0, 2.0]), np.array([3.0, 0.5])
    assert UpperConfidence(2.0)(mean, std, 9.0).tolist() == [7.0, 3.0]
    assert Greedy()(mean, std, 9.0).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("mean", "best"), [(0.3, 0.5), (2.0, -1.0), (-50.0, 3.0)])
def test_the_probability_of_improvement_is_that_of_the_normal_distribution(mean: float, best: float):
    score = ProbabilityOfImprovement()(np.array([mean]), np.array([0.7]), best)
    assert score[0] == pytest.approx(norm.logsf(best, mean, 0.7))


def test_acquisitions_have_names_and_descriptions():
    chosen = [named("ei"), named("ucb"), named("greedy"), named(UpperConfidence(3.0))]
    assert chosen == [ExpectedImprovement(), UpperConfidence(1.0), Greedy(), UpperConfidence(3.0)]
    assert [named("pi"), named("thompson"), named("ehvi")] == [
        ProbabilityOfImprovement(),
        Thompson(),
        HypervolumeImprovement(),
    ]
    assert describe(chosen[3]) == {"is": "UpperConfidence", "beta": 3.0}
    assert describe(lambda mean, std, best: mean)["is"].endswith("<lambda>")
    assert [name_of(one) for one in chosen] == ["ei", "ucb", "greedy", "ucb"]
    assert name_of(own) == "own"
    for wrong in (Greedy, 3):
        with pytest.raises(ProblemError, match="or a function of mean, std and best"):
            named(wrong)
    with pytest.raises(ProblemError, match="shortlist=0"):
        Thompson(0)
    with pytest.raises(ProblemError, match="unknown acquisition 'greed'; did you mean 'greedy'"):
        named("greed")


def test_the_first_of_equals_is_best():
    scores = np.array([5.0, 1.0, 4.0, 4.0 + 1e-9, 0.0, 2.0])
    assert first_best(scores, np.array([False, True, True, True, True, True])) == 2
    assert first_best(1e-12 * scores, np.array([True] * 6)) == 0
    assert first_best(np.zeros(3), np.array([False, True, True])) == 1


@pytest.mark.parametrize(
    "scores",
    [[-np.inf, -np.inf, -np.inf, 5, 3], [0, 1, 2, np.inf, 3], [-1.7e308, -1.7e308, -1.7e308, 1.7e308, 3]],
)
def test_the_best_is_found_beside_infinities(scores: list[float]):
    assert first_best(np.array(scores), np.ones(5, bool)) == 3


@pytest.mark.parametrize("score", [-np.inf, np.inf])
def test_of_infinities_only_the_first_is_best(score: float):
    assert first_best(np.full(4, score), np.array([False, True, True, True])) == 1
