"""The Pareto front against its definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cohobate.core.front import nondominated

numbers = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, np.inf, np.nan])


@given(arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=numbers))
def test_is_what_no_other_dominates(values: np.ndarray):
    def beaten(point: np.ndarray) -> bool:
        return any((other >= point).all() and (other > point).any() for other in values)

    expected = [not np.isnan(point).any() and not beaten(point) for point in values]
    assert nondominated(values).tolist() == expected


def test_of_nothing():
    assert nondominated(np.zeros((0, 2))).tolist() == []


def test_infinities_are_ordered():
    values = np.array([[np.inf, 0.0], [np.inf, 1.0], [-np.inf, 2.0]])
    assert nondominated(values).tolist() == [False, True, True]


def test_of_many_is_quick():
    values = np.random.default_rng(0).standard_normal((100_000, 2))
    front = nondominated(values)
    assert 5 < front.sum() < 60
