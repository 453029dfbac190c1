"""The pace is that of the latest changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.view.pace import KEPT, Pace, spoken


def folded(points):
    pace = Pace()
    for at, done in points:
        pace = pace.step(at, done)
    return pace


def test_a_steady_campaign_has_its_rate_and_its_end():
    pace = folded((t * 0.25, t // 2) for t in range(2000))
    assert pace.rate == pytest.approx(2.0, rel=0.01)
    assert pace.left(60) == pytest.approx(30, rel=0.01)
    assert pace.left(None) is None


def test_what_is_long_past_is_forgotten():
    fast = [(t * 0.1, t * 100) for t in range(100)]
    slow = [(10 + t, 9900 + t) for t in range(300)]
    assert folded(fast + slow).rate == pytest.approx(1.0, rel=0.05)


def test_without_a_result_there_is_no_rate():
    assert Pace().rate is None
    assert folded([(0, 5), (10, 5)]).rate is None


def test_counts_from_before_this_session_are_no_pace():
    assert folded([(0.0, 500), (10.0, 510)]).rate == pytest.approx(1.0)


def test_one_result_an_hour_is_still_a_pace():
    pace = folded((t, t // 3600) for t in range(0, 4 * 3600 + 30))
    assert pace.rate == pytest.approx(1 / 3600, rel=0.01)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 3)), max_size=300))
def test_little_is_kept_and_the_rate_is_never_negative(steps):
    at, done, points = 0.0, 0, []
    for dt, dn in steps:
        at, done = at + dt, done + dn
        points.append((at, done))
    pace = folded(points)
    assert pace.rate is None or pace.rate > 0
    assert len(pace.seen) <= KEPT


@pytest.mark.parametrize(("rate", "text"), [(None, ""), (2.0, "2 per s"), (0.1, "6 per min"), (0.01, "36 per h")])
def test_a_rate_is_spoken_in_its_own_unit(rate, text):
    assert spoken(rate) == text
