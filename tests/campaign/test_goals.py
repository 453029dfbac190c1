"""Goals: what holds when, and how many more dispatches they allow."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.campaign.goals import (
    Goal,
    View,
    above,
    as_goal,
    below,
    check_goal,
    error_below,
    evaluations,
    loss_below,
    seconds,
    session_seconds,
    stalled,
    until_walltime,
)
from cohobate.core.errors import GoalError
from cohobate.core.events import Declared, Finished, Proposed, Started
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.trial import Trial
from cohobate.ledger.tally import Tally


def tally(*outcomes: Outcome, running: int = 0) -> Tally:
    """The tally of a campaign that minimizes f, with these final outcomes and some still running."""
    t = Tally()
    t.fold(Declared({"problem": {"outputs": [{"name": "f", "goal": "minimize"}]}}))
    n = len(outcomes) + running
    t.fold(Proposed("main", 1, tuple(Trial(i, {}) for i in range(n))))
    for i in range(n):
        t.fold(Started(i, 1, at=float(i)))
    for i, outcome in enumerate(outcomes):
        t.fold(Finished(i, 1, outcome, at=float(i), seconds=1.0))
    return t


def view(t: Tally, **other: float) -> View:
    return View(t, **{"alive": 0.0, "session": 0.0, **other})


VALUE, FAILURE = Value({"f": 1.0}), Failure("raised", "boom")


def test_evaluations_count_values_and_failures_only():
    seen = tally(VALUE, FAILURE, Failure("rejected", "ion"), Cancelled(), running=2)
    assert evaluations(3).reached(view(seen)) is None
    assert evaluations(2).reached(view(seen)) == "2 evaluations"
    assert evaluations(10).limit(view(seen)) == 10 - 2 - 2


@given(
    st.lists(st.sampled_from([VALUE, FAILURE, Cancelled(), Failure("rejected", "")])),
    st.integers(0, 9),
    st.integers(1, 30),
)
def test_evaluations_never_allow_more_than_asked_for(outcomes: list[Outcome], running: int, n: int):
    seen = tally(*outcomes, running=running)
    counted = sum(o in (VALUE, FAILURE) for o in outcomes)
    limit = evaluations(n).limit(view(seen))
    assert limit is not None
    assert limit == max(0, n - counted - running)


def test_thresholds_look_at_the_best_value():
    seen = tally(Value({"f": 3.0, "g": -1.0}), Value({"f": 2.0, "g": 5.0}))
    assert below("f", 2.5).reached(view(seen)) == "f = 2 <= 2.5"
    assert below("f", 1.5).reached(view(seen)) is None
    assert above("g", 5.0).reached(view(seen)) == "g = 5 >= 5"
    assert below("h", 1.0).reached(view(seen)) is None


def test_stalled_counts_evaluations_since_the_objective_improved():
    values = [Value({"f": f, "g": -i}) for i, f in enumerate([5.0, 4.0, 4.0, 6.0, 4.5])]
    assert stalled(3).reached(view(tally(*values))) is not None
    assert stalled(4).reached(view(tally(*values))) is None
    assert stalled(1).reached(view(tally(*values, Value({"f": 1.0})))) is None


def test_times():
    assert seconds(10).reached(view(Tally(), alive=10.5, session=1.0))
    assert session_seconds(10).reached(view(Tally(), alive=10.5, session=1.0)) is None
    now = datetime.now().astimezone()
    assert until_walltime(now - timedelta(seconds=1)).reached(view(Tally()))
    assert until_walltime((now + timedelta(hours=1)).isoformat()).reached(view(Tally())) is None
    assert until_walltime("2020-01-01T00:00").reached(view(Tally()))


@pytest.mark.parametrize(("now", "reason"), [(1899.0, None), (1900.0, "100 s before"), (3000.0, "100 s before")])
def test_a_margin_is_left_before_a_moment(now, reason):
    goal = until_walltime(2000, margin=100)
    assert re.fullmatch(r"until (1969-12-31|1970-01-01) \d\d:\d\d:20", str(goal))
    said = goal.reached(view(Tally(), now=now))
    assert said is None if reason is None else said.startswith(reason)


def test_a_missing_loss_never_reaches_a_goal():
    assert loss_below(0.1).reached(view(Tally(), loss=math.nan)) is None
    assert loss_below(0.1).reached(view(Tally(), loss=0.05))


def test_a_missing_error_never_reaches_a_goal():
    assert error_below(0.1).reached(view(Tally(), error=math.nan)) is None
    assert error_below(math.inf).reached(view(Tally(), error=math.nan)) is None
    assert error_below(0.1).reached(view(Tally(), error=0.11)) is None
    assert error_below(0.1).reached(view(Tally(), error=0.1)) == "error 0.1"
    assert (error_below(0.1) & evaluations(3)).honest
    assert not (loss_below(0.1) | evaluations(3)).honest


def test_either_and_both():
    few, many, never = evaluations(2), evaluations(9), as_goal(lambda _: False)
    seen = view(tally(VALUE, VALUE, running=1))
    assert (few | many).reached(seen)
    assert (few | many).limit(seen) == 0
    assert (few & many).reached(seen) is None
    assert (few & many).limit(seen) == 6
    assert (few & never).limit(seen) is None
    assert (few & few).reached(seen) == "2 evaluations and 2 evaluations"
    assert (seconds(5) | few).timed


@pytest.mark.parametrize(
    "make",
    [
        lambda: evaluations(0),
        lambda: evaluations(2.5),
        lambda: evaluations(True),
        lambda: seconds(-1),
        lambda: seconds(math.nan),
        lambda: session_seconds("1"),
        lambda: stalled(0),
        lambda: until_walltime("tomorrow"),
        lambda: until_walltime(None),
        lambda: until_walltime(True),
        lambda: until_walltime(math.inf),
        lambda: until_walltime(math.nan),
        lambda: until_walltime("2026-11-20T18:00", margin=-1),
        lambda: until_walltime("2026-11-20T18:00", margin=math.nan),
        lambda: as_goal(60),
    ],
)
def test_a_goal_that_makes_no_sense_is_refused(make: object):
    with pytest.raises(GoalError, match="expected"):
        make()


def test_a_misspelt_output_is_refused_with_a_hint():
    with pytest.raises(GoalError, match="did you mean 'energy'"):
        check_goal(below("enregy", 1.0) | evaluations(5), ("energy", "force"))
    goal: Goal = below("energy", 1.0)
    assert check_goal(goal, ("energy",)) is None


@pytest.mark.parametrize("limit", [math.nan, "low", None, True])
@pytest.mark.parametrize(
    "make", [lambda limit: below("f", limit), lambda limit: above("f", limit), loss_below, error_below]
)
def test_a_limit_that_is_no_number_is_refused(make, limit):
    with pytest.raises(GoalError, match="expected a number as limit"):
        make(limit)


def test_functions_of_the_view_combine_with_goals():
    seen = view(tally(VALUE))
    assert (evaluations(9) | (lambda view: view.tally.values)).reached(seen)
    assert not (evaluations(9) & (lambda view: view.tally.values)).reached(seen)
    with pytest.raises(GoalError, match="expected a goal such as"):
        evaluations(9) | 5


def test_a_function_of_the_view_that_raises_is_named():
    def enough(view: View) -> bool:
        return view.best("f") < 0.1  # None before there is a value

    with pytest.raises(GoalError, match="the goal enough raised TypeError"):
        as_goal(enough).reached(view(tally()))
