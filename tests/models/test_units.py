"""Units: there and back is where it was, whatever the magnitude."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.models.units import Units, bounded, magnitude

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=8))
def test_there_and_back(values: list[float]):
    given_values = np.array(values)
    units = Units.of(given_values)
    x = units.plain(given_values)
    assert np.isfinite(x).all()
    if units.spread:
        assert np.abs(x).max() <= 1 + 1e-12
        assert abs(x.mean()) < 1e-9
    largest = np.abs(given_values).max()
    assert np.allclose(units.values(x) / max(largest, 1e-250), given_values / max(largest, 1e-250), atol=1e-14)


@pytest.mark.parametrize("values", [[], [0.0], [7.0, 7.0], [0.1 + 0.2, 0.3]])
def test_what_does_not_differ_has_no_spread_and_the_width_of_its_size(values: list[float]):
    units = Units.of(np.array(values))
    assert units.spread == 0
    assert units.widths(np.array([1.0]))[0] == pytest.approx(abs(values[0]) if values and values[0] else 1.0)


def test_magnitudes_are_powers_of_two_and_nothing_is_beyond_the_largest_number():
    assert [magnitude(np.array(one)) for one in ([3.0, -5.0], [0.0], [1.0])] == [4.0, 1.0, 1.0]
    assert math.isfinite(magnitude(np.array([1.79e308])))
    assert np.isfinite(bounded(np.array([3.0, -8.0]), 2.0**1023)).all()
