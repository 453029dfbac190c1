"""Length scales for each direction: slopes against finite differences, fits against what values were made from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cohobate.models.ard import IMAGINED, NOISES, Likelihood, Scales, default, fit, matern, mean_and_signal
from cohobate.models.kernels import Floats


def slow(r: float) -> float:
    """Rasmussen & Williams, eq. 4.17, as it stands there."""
    return (1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-np.sqrt(5) * r)


def correlations(ones: Floats, others: Floats, lengths: Floats) -> Floats:
    return np.array([[slow(float(np.linalg.norm((a - b) / lengths))) for b in others] for a in ones])


def drawn(lengths: list[float], noise: float, n: int, seed: int) -> tuple[Floats, Floats]:
    """Points, and values drawn from the process with these scales, standardised."""
    random = np.random.default_rng(seed)
    points = random.random((n, len(lengths)))
    covariance = correlations(points, points, np.array(lengths)) + noise * np.eye(n)
    values = np.linalg.cholesky(covariance) @ random.standard_normal(n)
    return points, (values - values.mean()) / values.std()


def test_the_correlation_is_that_of_the_book_and_its_slope_the_difference():
    r = np.array([0.0, 0.1, 0.7, 2.0, 9.0])
    value, slope = matern(r**2)
    assert value == pytest.approx([slow(x) for x in r])
    step = 1e-6
    difference = (matern(r**2 + step)[0] - matern(np.maximum(r**2 - step, 0))[0]) / np.where(r > 0, 2 * step, step)
    assert slope == pytest.approx(difference, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("groups", [(0, 1, 2), (0, 0, 1)], ids=["three lengths", "two columns share one"])
@pytest.mark.parametrize("noise", [1e-6, 1e-2, 1.0])
def test_the_slopes_of_the_likelihood_are_its_differences(groups: tuple[int, ...], noise: float):
    points, values = drawn([0.3, 0.8, 2.0], 1e-2, 25, seed=1)
    likelihood = Likelihood.of(points, values, groups)
    at = np.log([*[0.4, 1.5, 0.9][: max(groups) + 1], noise])
    steps = 1e-5 * np.eye(len(at))
    differences = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5 for step in steps]
    assert likelihood(at)[1] == pytest.approx(differences, rel=1e-5, abs=1e-6)


def test_differences_of_the_likelihood_are_those_of_a_normal_density():
    points, values = drawn([0.3, 0.8], 1e-2, 20, seed=2)

    def density(lengths: list[float], noise: float) -> float:
        """Minus log density of values under the mean and signal of ``mean_and_signal``, and two of unit variance."""
        _, mean, signal = mean_and_signal(points, values, Scales(np.array(lengths), noise))
        covariance = correlations(points, points, np.array(lengths)) + noise * np.eye(20)
        data = multivariate_normal.logpdf(values, np.full(20, mean), signal**2 * covariance)
        return -data + IMAGINED * (np.log(signal) + 0.5 / signal**2)

    def prior(lengths: list[float], noise: float) -> float:
        apart = (np.log(lengths) - np.log(0.5 * np.sqrt(2))) / 1.0
        return float(0.5 * apart @ apart + 0.5 * ((np.log(noise) - np.log(1e-4)) / 3.0) ** 2)

    likelihood = Likelihood.of(points, values, (0, 1))
    one, two = ([0.5, 0.5], 1e-3), ([0.2, 1.3], 1e-1)
    ours = [likelihood(np.log([*lengths, noise]))[0] for lengths, noise in (one, two)]
    theirs = [density(*each) + prior(*each) for each in (one, two)]
    assert ours[0] - ours[1] == pytest.approx(theirs[0] - theirs[1], rel=1e-8)


def test_a_fit_finds_what_values_were_made_from():
    points, values = drawn([0.25, 1.0, 30.0], 1e-2, 150, seed=3)
    found = fit(points, values, (0, 1, 2))
    assert found.lengths[:2] == pytest.approx([0.25, 1.0], rel=0.5)
    assert found.lengths[2] > 3
    assert found.noise == pytest.approx(1e-2, rel=1.0)


def test_values_without_noise_are_fitted_without_noise():
    points = np.random.default_rng(4).random((40, 2))
    smooth = np.sin(3 * points[:, 0]) + points[:, 1] ** 2
    assert fit(points, (smooth - smooth.mean()) / smooth.std(), (0, 1)).noise < 1e-6


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_points_keep_scales_sane(n: int):
    points, values = np.random.default_rng(5).random((n, 4)), np.arange(n) - (n - 1) / 2
    found = fit(points, values, (0, 1, 2, 3))
    assert np.all((found.lengths > 0.1) & (found.lengths < 10))
    assert NOISES[0] < found.noise < 1.0


def test_points_that_coincide_do_no_harm():
    points = np.full((12, 3), 0.5)
    values = np.tile([-1.0, 1.0], 6)
    found = fit(points, values, (0, 1, 2))
    assert found.noise > 0.1
    assert mean_and_signal(points, values, found)[1] == pytest.approx(0.0, abs=1e-9)


def test_without_a_fit_lengths_grow_with_the_number_of_directions():
    assert default((0, 0, 1, 2, 3)).lengths == pytest.approx(np.full(5, 1.0))
