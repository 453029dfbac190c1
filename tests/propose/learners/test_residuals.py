"""The error of a learner: a quantile of the latest residuals."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from cohobate.propose.learners.residuals import FEWEST, WINDOW, Residuals


@given(st.lists(st.floats(0, 1e6) | st.just(math.nan), max_size=500), st.sampled_from([0.0, 0.5, 0.9, 1.0]))
def test_the_quantile_is_that_of_the_latest_residuals(told: list[float], q: float):
    residuals = Residuals()
    residuals.extend(told[: len(told) // 2])
    for one in told[len(told) // 2 :]:
        residuals.add(one)
    first = [x for x in told[: len(told) // 2][-WINDOW:] if not math.isnan(x)]
    latest = [*first, *(x for x in told[len(told) // 2 :] if not math.isnan(x))][-WINDOW:]
    assert residuals.latest() == latest
    found = residuals.quantile(q)
    if len(latest) < FEWEST:
        assert math.isnan(found)
    else:
        assert sum(x <= found for x in latest) >= q * len(latest)  # a share q does not exceed it
        assert sum(x < found for x in latest) <= q * len(latest)  # and a smaller one would be exceeded


def test_a_copy_goes_on_alike():
    one = Residuals(float(i % 17) for i in range(300))
    two = Residuals(one.latest())
    for i in range(300):
        one.add(float(i % 5))
        two.add(float(i % 5))
    assert one.latest() == two.latest()
    assert one.quantile(0.9) == two.quantile(0.9) == 4.0
