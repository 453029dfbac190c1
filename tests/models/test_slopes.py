"""What is promised and how it changes: values against quadrature, slopes against differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from cohobate.core.front import nondominated
from cohobate.models.hypervolume import expected_improvement
from cohobate.models.kernels import Floats
from cohobate.models.slopes import Sloped, chance_below, hypervolume, improvement

Function = Callable[[Floats, Floats], Sloped]


def check_slopes(function: Function, mean: Floats, std: Floats, shape: tuple[int, ...]) -> None:
    """``mean``, ``std``: (n, outputs); the function is called with them in ``shape``."""
    found = function(mean.reshape(shape), std.reshape(shape))
    for output in range(mean.shape[1]):
        step = np.zeros(mean.shape)
        step[:, output] = 1e-6
        by = [(step, 0 * step, found.by_mean), (0 * step, step, found.by_std)]
        for of_mean, of_std, slopes in by:
            up = function((mean + of_mean).reshape(shape), (std + of_std).reshape(shape)).value
            down = function((mean - of_mean).reshape(shape), (std - of_std).reshape(shape)).value
            assert slopes[:, output] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-6)


CASES = [(0.0, 1.0), (2.0, 0.3), (-1.0, 0.7), (-6.0, 0.5), (-40.0, 0.8)]
MEAN, STD = (np.array(column)[:, None] for column in zip(*CASES, strict=True))


@pytest.mark.parametrize(("mean", "std"), CASES[:4])
def test_log_improvement_is_the_logarithm_of_the_integral(mean: float, std: float):
    top = max(mean, 0.5)
    parts = [(0.5, top), (top, top + 14 * std)]
    expected = sum(quad(lambda f: (f - 0.5) * norm.pdf(f, mean, std), *part, epsabs=0)[0] for part in parts)
    assert improvement(np.array([mean]), np.array([std]), 0.5).value[0] == pytest.approx(np.log(expected), abs=1e-6)


def test_far_below_the_best_it_neither_vanishes_nor_lies_flat():
    found = improvement(np.array([-1e4]), np.array([0.1]), 0.0)
    assert np.isfinite(found.value[0])
    assert found.by_std[0] == pytest.approx(1e4**2 / 0.1**3, rel=1e-3)
    assert found.by_mean[0] == pytest.approx(1e4 / 0.1**2, rel=1e-3)


def test_slopes_of_the_improvement_are_differences():
    check_slopes(lambda mean, std: improvement(mean, std, 0.5), MEAN, STD, (-1,))


def test_slopes_of_a_chance_are_differences():
    check_slopes(lambda mean, std: chance_below(mean, std, -0.2), MEAN[:4], STD[:4], (-1,))
    check_slopes(lambda mean, std: chance_below(mean, std, 9.0), MEAN[:4], STD[:4], (-1,))


def test_a_chance_is_that_of_the_normal_distribution():
    found = chance_below(np.array([1.0, 1.0]), np.array([0.5, 0.5]), 2.0)
    assert found.value == pytest.approx(norm.logcdf([2.0, 2.0]))


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_the_hypervolume_and_its_slopes(objectives: int):
    random = np.random.default_rng(objectives)
    front = random.random((15, objectives))
    front, reference = front[nondominated(front)], np.full(objectives, -0.1)
    mean, std = random.random((6, objectives)), 0.05 + 0.5 * random.random((6, objectives))
    found = hypervolume(mean, std, front, reference)
    assert found.value == pytest.approx(np.log(expected_improvement(mean, std, front, reference)))
    check_slopes(lambda m, s: hypervolume(m, s, front, reference), mean, std, mean.shape)


def test_where_no_volume_can_be_told_there_is_no_slope():
    found = hypervolume(np.array([[-99.0, -99.0]]), np.full((1, 2), 0.1), np.array([[1.0, 1.0]]), np.zeros(2))
    assert np.isfinite(found.value).all()
    assert (found.by_mean == 0).all()
    assert (found.by_std == 0).all()
