"""Hyperparameters: the likelihood against a dense textbook formula, and what it picks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal

from cohobate.models.kernels import RBF
from cohobate.models.likelihood import NOISES, Hyper, default, fit, log_likelihoods

POINTS = np.random.default_rng(3).random((30, 2))
KERNEL = RBF(POINTS)
ALL = list(range(30))


def normal():
    """The same draws in every test, whichever were run before."""
    return np.random.default_rng(4).standard_normal(30)


def highest(correlation: np.ndarray, y: np.ndarray) -> float:
    """The log likelihood at the best signal variance, found by a general optimiser."""

    def cost(log_signal: float) -> float:
        return -multivariate_normal(np.full(len(y), y.mean()), np.exp(log_signal) * correlation).logpdf(y)

    return -minimize_scalar(cost, bounds=(-10, 10), method="bounded", options={"xatol": 1e-8}).fun


def test_likelihoods_are_the_textbook_ones_at_the_best_variance():
    y = np.sin(5 * POINTS[:, 0]) + 3 + 0.1 * normal()
    correlation = KERNEL.among(ALL, 0.5)
    found = log_likelihoods(correlation, y)
    expected = [highest(correlation + noise * np.eye(30), y) for noise in NOISES]
    assert np.ptp(found - expected) < 1e-5


@pytest.mark.parametrize(("noise", "low", "high"), [(0.0, 0.0, 1e-3), (1.0, 0.1, 1.0)])
def test_noise_is_found(noise: float, low: float, high: float):
    y = np.sin(3 * POINTS[:, 0]) + noise * normal()
    assert low <= fit(KERNEL, ALL, y).noise <= high


def test_the_length_scale_is_found():
    correlation = KERNEL.among(ALL, KERNEL.scales[2]) + 1e-6 * np.eye(30)
    y = np.linalg.cholesky(correlation) @ normal()
    assert fit(KERNEL, ALL, y).scale in KERNEL.scales[1:4]


@pytest.mark.parametrize(
    "values", [[2.0], [5.0, 5.0, 5.0], [0.0, 0.0], [1.7e308, -1.7e308, 1e308], [1e-200, 2e-200, 0.0], [5e-324, 0.0]]
)
def test_few_or_equal_or_extreme_values_give_something_usable(values: list[float]):
    hyper = fit(KERNEL, list(range(len(values))), np.array(values))
    assert hyper.noise in NOISES
    assert hyper.scale in KERNEL.scales


def test_default_is_a_choice_of_the_kernel():
    assert default(KERNEL) == Hyper(KERNEL.scales[3], 1e-2)
