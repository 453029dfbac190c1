"""Best-so-far, beside random orders of the same evaluations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.view.history import ORDERS, best_so_far

VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=60)


@given(VALUES, st.sampled_from(["maximize", "minimize"]))
def test_best_so_far_is_the_best_up_to_there(values, goal):
    best = best_so_far(np.array(values), goal)
    choose = max if goal == "maximize" else min
    for i in range(len(values)):
        known = [v for v in values[: i + 1] if v == v]
        assert best[i] == choose(known) if known else np.isnan(best[i])


def test_orders_is_what_the_docs_say():
    assert ORDERS == 20
    assert best_so_far(np.array([[3.0, 1.0], [0.0, 4.0]]), "maximize").tolist() == [[3.0, 3.0], [0.0, 4.0]]


def test_ties_and_infinities_do_not_matter():
    assert best_so_far(np.array([1.0, 1.0]), "minimize").tolist() == pytest.approx([1.0, 1.0])
