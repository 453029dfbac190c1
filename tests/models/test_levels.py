"""Levels of accuracy against the formulas they follow."""

from __future__ import annotations

import numpy as np
import pytest

from cohobate.models.kernels import RBF
from cohobate.models.levels import CORRELATIONS, Levelled, LevelView, Line, lines_of
from cohobate.models.posterior import GaussianView

POINTS = np.random.default_rng(0).standard_normal((12, 2))
BASE = RBF(POINTS)


@pytest.mark.parametrize("scale", [0.0, 7.0, 34.0])
def test_correlations_are_products(scale: float):
    kernel = Levelled(BASE, 3)
    base, between = BASE.scales[int(scale) // len(CORRELATIONS)], CORRELATIONS[int(scale) % len(CORRELATIONS)]
    levels = between ** np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    expected = np.kron(levels, BASE.among(range(12), base))
    assert np.array([kernel.row(i, scale) for i in range(36)]) == pytest.approx(expected, abs=1e-12)
    items = [35, 0, 12, 24, 0, 17]
    assert kernel.among(items, scale) == pytest.approx(expected[np.ix_(items, items)], abs=1e-12)
    assert kernel.between([0, 13, 5], [24, 25, 5], scale) == pytest.approx(expected[[0, 13, 5], [24, 25, 5]])
    assert np.linalg.eigvalsh(expected).min() > -1e-10


def test_the_line_between_levels_is_found():
    x = np.random.default_rng(1).standard_normal(200)
    targets = {i: float(v) for i, v in enumerate(x)} | {300 + i: 3.0 * float(x[i]) - 5.0 for i in range(150)}
    line, full = lines_of(targets, 300, 2)
    assert full == Line()
    assert line.slope == pytest.approx(3.0, abs=0.02)
    assert line.offset == pytest.approx(-5.0, abs=0.02)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({}, Line()),
        ({0: 1.0, 1: None}, Line()),
        ({0: 1.0, 1: 3.0, 12: None, 13 + 0: 7.0, 14: 9.0}, Line(1.0, 4.0)),  # one pair: 3 -> 7
        ({0: 1.0, 1: 3.0, 17: 7.0, 18: 9.0}, Line(1.0, 6.0)),  # none: the means
        ({0: 2.0, 1: 2.0, 12: 5.0, 13: 9.0}, Line(1.0, 5.0)),  # equal cheap values
    ],
)
def test_with_little_known_the_slope_is_one(targets: dict, expected: Line):
    assert lines_of(targets, 12, 2)[0] == expected


def test_a_prediction_is_in_the_scale_of_its_level():
    x = POINTS[:, 0] + POINTS[:, 1] ** 2
    cheap = {i: float(x[i]) for i in range(12)}
    full = {12 + i: 10.0 * float(x[i]) + 100.0 for i in range(8)}
    found = LevelView(GaussianView(BASE, {}), 2).fit(cheap | full).predict(cheap | full)
    assert found.mean[:12] == pytest.approx(x, abs=0.4)
    assert found.mean[12:] == pytest.approx(10 * x + 100, abs=4.0)
    assert found.std[20:].mean() > 5 * found.std[:12].mean()  # ten times the scale
    assert found.std[20:].mean() > found.std[12:20].mean()  # unknown at the full level


def test_what_a_level_tells_is_the_correlation():
    targets = {0: 1.0, 3: 2.0, 12: 1.5, 16: None, 7: 0.0}
    found = LevelView(GaussianView(BASE, {}), 2).fit(targets).predict(targets)
    ones, others = [1, 2, 5, 3], [13, 14, 17, 15]
    both = found.correlation([*ones, *others])
    assert found.told(ones, others) == pytest.approx(np.diagonal(both, 4), abs=1e-5)
    assert found.told([3], [15]) < found.told([5], [17])  # it has told already


def test_rows_that_cannot_be_seen_are_so_at_each_level():
    assert LevelView(GaussianView(BASE, {4: "broken"}), 3).unfit == {4: "broken", 16: "broken", 28: "broken"}


@pytest.mark.parametrize("scale", [2.0**1020, 2.0**-800])
def test_the_magnitude_of_values_makes_no_difference(scale: float):
    x = POINTS[:, 0] + POINTS[:, 1] ** 2
    targets = {i: float(x[i]) for i in range(12)} | {12 + i: 2.0 * float(x[i]) for i in range(8)}
    large = {i: value * scale for i, value in targets.items()}
    view = LevelView(GaussianView(BASE, {}), 2)
    expected, found = (view.fit(known).predict(known) for known in (targets, large))
    assert found.mean == pytest.approx(expected.mean * scale, rel=1e-12)
    assert found.std == pytest.approx(expected.std * scale, rel=1e-12)
