"""Gaussian processes anywhere in a space: against the formulas solved directly, slopes against differences."""

from __future__ import annotations

import numpy as np
import pytest

from cohobate.models.ard import Scales
from cohobate.models.kernels import Floats
from cohobate.models.surface import Surface, scales_of

SCALES = Scales(np.array([0.3, 0.8, 1.5]), 1e-3)
KNOWN, PENDING, ELSEWHERE = (np.random.default_rng(seed).random((n, 3)) for seed, n in ((1, 20), (2, 3), (3, 7)))
VALUES = 40.0 + 5.0 * np.sin(4 * KNOWN[:, 0]) + KNOWN[:, 1]


def correlations(ones: Floats, others: Floats) -> Floats:
    r = np.sqrt(5) * np.linalg.norm((ones[:, None] - others) / SCALES.lengths, axis=2)
    return (1 + r + r**2 / 3) * np.exp(-r)


def direct(points: Floats, values: Floats, where: Floats, *, mean: float, signal: float) -> tuple[Floats, Floats]:
    """Rasmussen & Williams, eqs. 2.25 and 2.26, with a known mean."""
    covariance = signal**2 * (correlations(points, points) + SCALES.noise * np.eye(len(points)))
    across = signal**2 * correlations(where, points)
    left = signal**2 - (across * np.linalg.solve(covariance, across.T).T).sum(axis=1)
    return mean + across @ np.linalg.solve(covariance, values - mean), np.sqrt(left)


def test_mean_and_deviation_are_those_of_a_dense_solve():
    surface = Surface.of(SCALES, KNOWN, VALUES)
    standard = (VALUES - VALUES.mean()) / VALUES.std()
    expected = direct(KNOWN, standard, ELSEWHERE, mean=surface.mean, signal=surface.signal)
    found = surface.at(ELSEWHERE)
    assert found[0] == pytest.approx(expected[0], rel=1e-8)
    assert found[1] == pytest.approx(expected[1], rel=1e-8)
    values, widths = surface.standard.values(found[0]), surface.standard.widths(found[1])
    assert values == pytest.approx(VALUES.mean() + VALUES.std() * expected[0], rel=1e-8)
    assert widths == pytest.approx(VALUES.std() * expected[1], rel=1e-8)


def test_a_pending_point_counts_as_what_is_expected_of_it():
    without = Surface.of(SCALES, KNOWN, VALUES)
    believed = without.at(PENDING)[0]
    standard = np.concatenate(((VALUES - VALUES.mean()) / VALUES.std(), believed))
    every = np.concatenate((KNOWN, PENDING))
    expected = direct(every, standard, ELSEWHERE, mean=without.mean, signal=without.signal)
    found = Surface.of(SCALES, KNOWN, VALUES, PENDING).at(ELSEWHERE)
    assert found[0] == pytest.approx(expected[0], rel=1e-7)
    assert found[0] == pytest.approx(without.at(ELSEWHERE)[0], rel=1e-9)
    assert found[1] == pytest.approx(expected[1], rel=1e-7)
    assert np.all(found[1] < without.at(ELSEWHERE)[1])


@pytest.mark.parametrize("at", range(len(ELSEWHERE)))
def test_slopes_are_differences(at: int):
    surface, point = Surface.of(SCALES, KNOWN, VALUES, PENDING), ELSEWHERE[at]
    seen = surface.sight(point)
    assert np.concatenate((seen.mean, seen.std)) == pytest.approx(np.concatenate(surface.at(point[None])))
    steps = 1e-6 * np.eye(3)
    up, down = surface.at(point + steps), surface.at(point - steps)
    assert seen.mean_slope[0] == pytest.approx((up[0] - down[0]) / 2e-6, rel=1e-5, abs=1e-6)
    assert seen.std_slope[0] == pytest.approx((up[1] - down[1]) / 2e-6, rel=1e-5, abs=1e-6)


def test_without_noise_it_goes_through_what_is_known():
    quiet = Surface.of(Scales(SCALES.lengths, 1e-8), KNOWN, VALUES)
    mean, std = quiet.at(KNOWN)
    assert quiet.standard.values(mean) == pytest.approx(VALUES, abs=1e-4)
    assert np.all(quiet.standard.widths(std) < 1e-2)


@pytest.mark.parametrize("size", [1e-250, 1.0, 1e300])
def test_the_size_of_values_makes_no_difference(size: float):
    surface = Surface.of(SCALES, KNOWN, size * VALUES)
    mean, std = surface.at(ELSEWHERE)
    plain = Surface.of(SCALES, KNOWN, VALUES)
    assert surface.standard.values(mean) / size == pytest.approx(plain.standard.values(plain.at(ELSEWHERE)[0]))
    assert std == pytest.approx(plain.at(ELSEWHERE)[1], rel=1e-6)


def test_equal_values_are_expected_everywhere():
    values = np.full(len(KNOWN), -3.0)
    surface = Surface.of(scales_of(KNOWN, values, (0, 1, 2)), KNOWN, values)
    mean, std = surface.at(ELSEWHERE)
    assert surface.standard.values(mean) == pytest.approx(np.full(7, -3.0))
    assert np.all(std > 0)


def test_a_limit_out_of_all_proportion_stays_a_number():
    standard = Surface.of(SCALES, KNOWN, 1e-9 * VALUES).standard
    assert standard.plain(np.array([1e308, -1e308])).tolist() == [1e6, -1e6]
