"""Expected hypervolume improvement: against brute force, and against what is known of one point."""

from __future__ import annotations

import time

import numpy as np
import pytest

from cohobate.core.front import nondominated
from cohobate.models.acquisition import ExpectedImprovement
from cohobate.models.hypervolume import expected_improvement, log_expected_improvement, reference_point

Array = np.ndarray


def gained(points: Array, front: Array, reference: Array, random: np.random.Generator, n: int = 40_000) -> Array:
    """The volume each of ``points`` adds, by counting random places in the box up to its corner."""
    found = []
    for point in points:
        edge = np.maximum(point - reference, 0)
        places = reference + random.random((n, len(reference))) * edge
        free = ~(places[:, None] <= front).all(axis=2).any(axis=1)
        found.append(edge.prod() * free.mean())
    return np.array(found)


def exact_gain(points: Array, front: Array, reference: Array) -> Array:
    """The gain without uncertainty: the expectation for vanishing deviations."""
    return expected_improvement(points, np.full(points.shape, 1e-9), front, reference)


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_without_uncertainty_it_is_the_volume_that_is_gained(objectives: int):
    random = np.random.default_rng(objectives)
    front = random.random((12, objectives))
    front = front[nondominated(front)]
    points = 1.3 * random.random((6, objectives))
    counted = gained(points, front, np.zeros(objectives), random)
    assert np.allclose(exact_gain(points, front, np.zeros(objectives)), counted, atol=0.02)


@pytest.mark.parametrize("objectives", [2, 3])
def test_it_is_the_average_over_draws(objectives: int):
    random = np.random.default_rng(10 + objectives)
    front = random.random((8, objectives))
    front = front[nondominated(front)]
    mean, std = random.random((1, objectives)), 0.1 + 0.4 * random.random((1, objectives))
    reference = np.full(objectives, -0.2)
    draws = mean + std * random.standard_normal((40_000, objectives))
    expected = exact_gain(draws, front, reference)
    error = expected.std() / np.sqrt(len(draws))
    assert expected_improvement(mean, std, front, reference)[0] == pytest.approx(expected.mean(), abs=5 * error)


def test_with_nothing_on_the_front_it_is_the_product_of_expected_improvements():
    mean, std, reference = np.array([[0.3, -1.0]]), np.array([[0.5, 2.0]]), np.array([0.1, 0.4])
    each = [ExpectedImprovement()(mean[:, k], std[:, k], reference[k]) for k in (0, 1)]
    nothing = np.zeros((0, 2))
    assert log_expected_improvement(mean, std, nothing, reference) == pytest.approx(sum(each))


@pytest.mark.parametrize("objectives", [2, 3])
def test_what_is_the_largest_is_exact(objectives: int):
    random = np.random.default_rng(5)
    front = -np.sort(-random.random((400, objectives)), axis=0)
    front = front[nondominated(random.random((400, objectives)))]
    mean, std = random.random((6000, objectives)), 0.3 * random.random((6000, objectives)) + 0.01
    reference = np.zeros(objectives)
    fast = log_expected_improvement(mean, std, front, reference)
    exact = np.log(np.maximum(expected_improvement(mean, std, front[nondominated(front)], reference), 1e-300))
    top = np.argsort(-exact)[:20]
    assert np.argmax(fast) == top[0]
    assert np.allclose(fast[top[:5]], exact[top[:5]])
    assert (fast >= exact - 1e-9).all()


def test_of_no_candidates_nothing_is_said():
    nothing, front = np.zeros((0, 2)), np.eye(2)
    assert log_expected_improvement(nothing, nothing, front, np.zeros(2)).shape == (0,)


def test_what_is_the_largest_with_a_weight_is_exact():
    angle = np.linspace(0, np.pi / 2, 41)
    front, reference = np.stack((np.cos(angle), np.sin(angle)), axis=1), np.zeros(2)
    best = np.full((1, 2), 0.72)  # just above the front
    below = np.stack((np.cos(angle + 0.02), np.sin(angle + 0.02)), axis=1)[5:35] * 0.98  # above four of its points only
    forbidden = np.full((3000, 2), 2.0)
    mean = np.concatenate((forbidden, below, best))
    weight = np.where(np.arange(len(mean)) < len(forbidden), -50.0, 0.0)
    found = log_expected_improvement(mean, np.full(mean.shape, 1e-3), front, reference, log_weight=weight)
    assert np.argmax(found) == len(mean) - 1


def test_as_many_as_are_ranked_are_exact_and_those_that_must_be():
    random = np.random.default_rng(3)
    angle = np.linspace(0, np.pi / 2, 41)
    front, reference = np.stack((np.cos(angle), np.sin(angle)), axis=1), np.zeros(2)
    mean, std = 0.8 * random.random((8000, 2)), np.full((8000, 2), 0.02)
    some = np.arange(0, 8000, 40)
    found = log_expected_improvement(mean, std, front, reference, ranked=2000, exactly=some)
    exact = np.log(np.maximum(expected_improvement(mean, std, front, reference), 1e-300))
    top = np.argsort(-exact)[:2000]
    assert np.allclose(found[top], exact[top])
    assert np.allclose(found[some], exact[some])
    assert set(np.argsort(-found)[:2000]) == set(top)


def test_the_reference_is_below_the_front():
    values = np.array([[0.0, 10.0], [5.0, 0.0], [1.0, 1.0]])
    assert reference_point(values).tolist() == [-0.5, -1.0]
    assert (reference_point(np.array([[2.0, 2.0], [1.0, 0.0]])) < 2).all()
    assert (reference_point(np.array([[3.0, 3.0]])) < 3).all()


def test_a_hundred_thousand_candidates_take_a_moment():
    random = np.random.default_rng(0)
    angle = np.linspace(0.05, 1.5, 20)
    front = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    mean, std = 0.8 * random.random((100_000, 2)), np.full((100_000, 2), 0.1)
    start = time.thread_time()
    log_expected_improvement(mean, std, front, np.zeros(2))
    assert time.thread_time() - start < 0.5
