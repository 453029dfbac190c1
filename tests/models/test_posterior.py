"""The posterior: a dense textbook Gaussian process, however its points came and went."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.models.factor import ROOM, Factor
from cohobate.models.kernels import RBF
from cohobate.models.likelihood import Hyper
from cohobate.models.posterior import predict
from cohobate.models.prediction import Prediction

POOL = np.random.default_rng(1).random((40, 3))
KERNEL = RBF(POOL)
HYPER = Hyper(KERNEL.scales[3], 1e-2)
FULL = KERNEL.among(list(range(40)), HYPER.scale)
Targets = dict[int, float | None]


def textbook(targets: Targets, full: np.ndarray = FULL, noise: float = HYPER.noise) -> Prediction:
    """Mean from the known points, deviation from the known and the pending ones, by matrix inverses."""
    known = [i for i, value in targets.items() if value is not None]
    y = np.array([targets[i] for i in known])
    inverse = np.linalg.inv(full[np.ix_(known, known)] + noise * np.eye(len(known)))
    mu = y.mean()
    signal = (y - mu) @ inverse @ (y - mu) / len(y)
    every = list(targets)
    inverse_all = np.linalg.inv(full[np.ix_(every, every)] + noise * np.eye(len(every)))
    left = 1 - np.einsum("ij,ik,kj->j", full[every], inverse_all, full[every])
    return Prediction(mu + full[:, known] @ inverse @ (y - mu), np.sqrt(signal * left))


def made(targets: Targets) -> Prediction:
    factor = Factor(KERNEL, HYPER)
    factor.follow(list(targets))
    return predict(factor, targets)


def value(i: int) -> float:
    return float(np.sin(7 * POOL[i]).sum())


def assert_close(found: Prediction, expected: Prediction):
    assert np.allclose(found.mean, expected.mean, atol=1e-4)
    assert np.allclose(found.std, expected.std, atol=2e-4)


def test_known_points_only():
    targets: Targets = {i: value(i) for i in (3, 17, 8, 25, 0)}
    assert_close(made(targets), textbook(targets))


def test_a_pending_point_shrinks_the_deviation_and_leaves_the_mean():
    known: Targets = {i: value(i) for i in (3, 17, 8, 25, 0)}
    with_pending: Targets = {3: value(3), 30: None, **known, 31: None}
    before, after = made(known), made(with_pending)
    assert np.allclose(before.mean, after.mean, atol=2e-5)
    assert after.std[30] < 0.2 * before.std[30]
    assert np.all(after.std <= before.std + 1e-6)
    assert_close(after, textbook(with_pending))


def test_more_points_than_there_was_room_for():
    pool = np.random.default_rng(2).random((2 * ROOM + 20, 3))
    kernel = RBF(pool)
    n = 2 * ROOM + 5
    factor = Factor(kernel, Hyper(0.4, 1e-2))
    targets: Targets = {i: float(pool[i] @ [1, -2, 3]) for i in range(n)}
    for count in range(1, n + 1):
        factor.follow(list(range(count)))
    full = kernel.among(list(range(len(pool))), 0.4)
    assert_close(predict(factor, targets), textbook(targets, full))
    assert np.allclose(factor.inverse @ (full[:n, :n] + 1e-2 * np.eye(n)) @ factor.inverse.T, np.eye(n))


steps = st.lists(st.tuples(st.sampled_from(["propose", "value", "fail"]), st.integers(0, 39)), max_size=40)


@settings(max_examples=80, deadline=None)
@given(steps=steps)
def test_any_order_of_proposals_values_and_failures_gives_the_posterior_from_scratch(steps: list[tuple[str, int]]):
    factor = Factor(KERNEL, HYPER)
    targets: Targets = {}
    for step, i in [("value", 5), *steps]:
        if step == "fail":
            targets.pop(i, None)
        elif step == "value":
            targets[i] = value(i)
        else:
            targets.setdefault(i, None)
        factor.follow(list(targets))
        found = predict(factor, targets)
        assert np.isfinite(found.mean).all()
        assert np.isfinite(found.std).all()
    again = Factor(KERNEL, HYPER)
    again.follow(list(targets))
    assert np.array_equal(again.inverse, factor.inverse)
    weights = np.arange(1.0, 1 + len(targets))
    assert np.array_equal(again.explained(weights), factor.explained(weights))
    assert np.array_equal(again.unexplained, factor.unexplained)
    if len({y for y in targets.values() if y is not None}) > 1:
        assert_close(predict(factor, targets), textbook(targets))


@pytest.mark.parametrize(
    "targets",
    [
        {},
        {4: None},
        {4: 3.0},
        {4: 3.0, 9: None},
        {4: 3.0, 9: 3.0, 11: 3.0},
        {4: 0.0, 9: 0.0},
        {4: 1e300, 9: 1e-300},
        {4: 1.7e308, 9: -1.7e308, 11: None},
        {4: 5e-324, 9: 0.0},
    ],
)
def test_nothing_one_point_and_equal_values_are_predicted_with_finite_numbers(targets: Targets):
    found = made(targets)
    assert np.isfinite(found.mean).all()
    assert np.all(found.std > 0)


def test_units_do_not_matter():
    targets: Targets = {i: value(i) for i in (3, 17, 8, 25, 0)}
    plain = made(targets)
    scaled = made({i: 1e6 * value(i) - 5e7 for i in targets})
    assert np.allclose(scaled.mean, 1e6 * plain.mean - 5e7, rtol=1e-6)
    assert np.allclose(scaled.std, 1e6 * plain.std, rtol=1e-4)


def test_twins_can_both_be_known():
    kernel = RBF(np.array([[0.0], [0.0], [1.0], [2.0]]))
    factor = Factor(kernel, Hyper(1.0, 1e-4))
    factor.follow([0, 1, 2])
    found = predict(factor, {0: 1.0, 1: 1.2, 2: 0.0})
    assert found.mean[0] == pytest.approx(1.1, abs=0.01)


@pytest.mark.parametrize("count", [1, ROOM, 2 * ROOM + 5])
def test_made_with_all_points_at_once_a_factor_is_the_same_but_for_rounding(count: int):
    kernel = RBF(np.random.default_rng(2).random((2 * ROOM + 20, 3)))
    slow, fast = Factor(kernel, Hyper(0.4, 1e-2)), Factor(kernel, Hyper(0.4, 1e-2), range(count))
    slow.follow(range(count))
    weights = np.random.default_rng(3).standard_normal(count)
    assert np.array_equal(slow.inverse, fast.inverse)
    assert np.allclose(slow.explained(weights), fast.explained(weights), atol=1e-4)
    assert np.allclose(slow.unexplained, fast.unexplained, atol=1e-5)
    slow.follow([*range(count), 140, 139])
    fast.follow([*range(count), 140, 139])
    assert np.allclose(slow.unexplained, fast.unexplained, atol=1e-5)


def test_correlations_given_the_points_are_those_of_the_textbook():
    points, items = [3, 17, 8, 25, 0], [1, 2, 30, 17]
    factor = Factor(KERNEL, HYPER, points)
    left = FULL[np.ix_(items, items)] - FULL[np.ix_(items, points)] @ np.linalg.solve(
        FULL[np.ix_(points, points)] + HYPER.noise * np.eye(5), FULL[np.ix_(points, items)]
    )
    deviation = np.sqrt(np.diag(left))
    assert np.allclose(factor.correlation(items), left / np.outer(deviation, deviation), atol=1e-3)
