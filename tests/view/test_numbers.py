"""The numbers behind the plots: parity, timelines, fronts, run time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cohobate.view.clock import run_time
from cohobate.view.lanes import lanes, outcomes
from cohobate.view.pairs import front
from cohobate.view.parity import Parity, parity, predicted, ranks
from view.campaigns import campaign

numbers = st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=40)


@given(numbers, st.randoms())
def test_the_rank_correlation_is_spearman_s(values, random):
    other = [value + random.gauss(0, 1e5) for value in values]
    a, b = np.array(values), np.array(other)
    found = Parity(np.arange(len(a)), a, np.ones(len(a)), b).rank_correlation
    if np.unique(a).size > 1 and np.unique(b).size > 1:
        assert found == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)
    else:
        assert np.isnan(found)
    assert ranks(a).tolist() == stats.rankdata(a).tolist()


def test_parity_pairs_each_prediction_with_its_result():
    views = campaign(200)
    found = parity(views, "ie")
    assert predicted(views) == ["ie"]
    for trial, mean, result in zip(found.trial, found.predicted, found.result, strict=True):
        row = views.rows.by_trial[int(trial)]
        assert (row.trial.note.mean["ie"], row.outputs["ie"]) == (mean, result)
    assert found.rmse == pytest.approx(np.sqrt(np.mean((found.result - found.predicted) ** 2)))
    inside = np.abs(found.result - found.predicted) <= 2 * found.std
    assert found.coverage == inside.mean()


def test_parity_of_nothing_has_no_numbers():
    none = parity(campaign(3), "ie")
    assert len(none) == 0
    assert np.isnan([none.rmse, none.rank_correlation, none.coverage]).all()


def test_pauses_between_sessions_are_left_out():
    views = campaign(100)
    wall = max(row.final.at for row in views.rows.by_trial.values()) - views.opened[0]
    ended = run_time(np.array([row.final.at for row in views.rows.by_trial.values()]), views.opened)
    assert wall > 3600
    assert ended.max() == pytest.approx(wall - 3600, abs=3)
    assert (ended > 0).all()


def test_run_time_without_sessions_counts_from_the_first():
    assert run_time(np.array([5.0, 7.0]), []).tolist() == [0.0, 2.0]
    assert run_time(np.zeros(0), [1.0]).tolist() == []


def test_lanes_hold_every_attempt_of_a_worker():
    views = campaign(60)
    found = lanes(views)
    assert [lane.worker for lane in found] == [f"pid {4000 + i}" for i in range(4)]
    assert outcomes(found) == ["done", "raised", "timeout", "worker_lost"]
    spent = sum(bars[:, 1].sum() for lane in found for bars in lane.bars.values())
    rows = views.rows.by_trial.values()
    real = sum(row.final.seconds + sum(one.seconds for one in row.earlier) for row in rows)
    # neighbours that touch are one bar, gaps finer than the picture included
    assert real <= spent <= 1.05 * real


def test_lanes_of_many_trials_stay_few_bars():
    found = lanes(campaign(10_000, workers=2))
    assert sum(len(bars) for lane in found for bars in lane.bars.values()) < 4 * 2000


def test_the_front_is_of_what_keeps_to_the_constraints():
    views = campaign(150, two=True, limit=True)
    found = front(views)
    assert found.outputs == ("ie", "gap")
    kept = [views.rows.by_trial[int(i)].outputs["mass"] <= 120 for i in found.trial]
    assert found.fit.tolist() == kept
    points = found.values * [1, -1]
    for i, point in enumerate(points):
        beaten = [(other >= point).all() and (other > point).any() for other in points[found.fit]]
        assert found.front[i] == (found.fit[i] and not any(beaten))
    assert set(found.trial[found.front]) == {row["id"] for row in views.front()}
