"""A sequence is asked for item by item, whatever the items are, and gives a list of values in its order."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import LearnerError, ResumeRefused
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.protocols import Exhausted, Later
from cohobate.core.trial import Result, Trial
from propose.learners.moves import moves, wander

MIXED: list[Any] = [{"a": [1, 2]}, np.array([1.0, 2.0]), [3, "x"], "text", 5, 5.0, b"raw", (1, (2, 3)), math.inf]


def test_all_items_are_asked_for_in_order():
    learner = co.SequenceLearner("abc")
    assert learner.ask(2) == ([0, 1], [1 / 3, 1 / 3])
    assert learner.loss() == 1
    assert learner.loss(real=False) == pytest.approx(1 / 3)
    learner.tell(1, "B")
    learner.tell(0, None)
    assert learner.ask(5)[0] == [2]
    learner.tell(2, [1, 2])
    assert learner.done()
    assert learner.learned() == [None, "B", [1, 2]]
    assert learner.holes == {0: "told to have no value"}
    assert learner.loss() == 0


def test_an_empty_sequence_is_done():
    learner = co.SequenceLearner([])
    assert learner.done()
    assert learner.ask(3) == ([], [])
    assert (learner.loss(), learner.method.gain(), learner.learned()) == (0, 0, [])
    assert learner.suggest(1) == Exhausted("nothing is left to learn")


@pytest.mark.parametrize("point", [-1, 3, 1.0, "a", None, True, 2**70])
def test_what_is_no_position_is_refused(point):
    learner = co.SequenceLearner("abc")
    with pytest.raises(LearnerError, match="a position: expected a whole number from 0 to 2, got"):
        learner.tell(point, 1.0)
    assert learner.npoints == 0


def test_positions_may_be_of_numpy():
    learner = co.SequenceLearner("abc")
    learner.tell(np.int64(1), 7)
    assert learner.ask(3)[0] == [0, 2]


@pytest.mark.parametrize("item", [object(), {1, 2}, [1, {"a": {3}}]])
def test_items_without_a_canonical_form_are_refused(item):
    with pytest.raises(LearnerError, match=r"item 1 cannot be told from others: a .* has no canonical form"):
        co.SequenceLearner([1, item])


def test_none_is_no_item():
    with pytest.raises(LearnerError, match="item 1 is None"):
        co.SequenceLearner([1, None])


def test_what_is_learned_is_of_one_kind():
    assert co.SequenceLearner("a").learned("values") == [None]
    with pytest.raises(LearnerError, match=r"learned\(\) gives 'values' only, got 'spline'"):
        co.SequenceLearner("a").learned("spline")


def test_what_is_released_comes_first_and_in_order():
    learner = co.SequenceLearner("abcdef")
    learner.ask(4)
    learner.method.release([2])
    learner.method.release([0])
    assert learner.ask(3)[0] == [0, 2, 4]


@given(st.integers(0, 9), moves)
def test_random_ways(n, path):
    learner = wander(lambda: co.SequenceLearner(list(range(n))), lambda i: i * i, path)
    assert learner.learned() == [i * i if i in learner.data else None for i in range(n)]
    left = set(range(n)) - set(learner.data) - set(learner.holes)
    assert learner.done() == (not left)
    assert learner.loss() == (len(left) / n if n else 0)


def test_a_copy_knows_the_same_and_shares_nothing():
    one = co.SequenceLearner("abcd")
    one.tell(2, "C")
    one.tell(1, None)
    two = one.new()
    two.copy_from(one)
    assert two.learned() == one.learned() == [None, None, "C", None]
    two.tell(0, "A")
    assert one.learned()[0] is None
    assert two.ask(9)[0] == [3]


def test_many_are_told_as_one_after_the_other():
    learner = co.SequenceLearner("abcd")
    learner.tell(0, "A")
    learner.tell_many([0, 1, 1, 2], ["no", "B", "no", None])
    assert learner.learned() == ["A", "B", None, None]
    assert list(learner.holes) == [2]
    with pytest.raises(LearnerError, match="a position"):
        learner.tell_many([3, 4], ["D", "E"])
    assert learner.npoints == 2
    with pytest.raises(LearnerError, match="as many values as points, got 1 and 2"):
        learner.tell_many([3], ["D", "E"])


def results(rows: list[Any], outcomes: list[Any]) -> list[Result]:
    return [Result(Trial(i, row), outcome) for i, (row, outcome) in enumerate(zip(rows, outcomes, strict=True))]


def test_equal_items_are_evaluated_as_often_as_they_come():
    learner = co.SequenceLearner([7, 8, 7, 7])
    rows = learner.suggest(9)
    assert rows == [{"item": 7}, {"item": 8}, {"item": 7}, {"item": 7}]
    assert learner.suggest(1) == Later()
    told = [Value({"f": "a"}), Value({"f": "b"}), Cancelled("stop"), Failure("raised", "no")]
    learner.ingest(results(list(rows), told)[::-1])
    assert learner.suggest(9) == [{"item": 7}]
    learner.ingest(results([{"item": 7}], [Value({"f": "c"})]))
    assert sorted(map(str, learner.learned())) == ["None", "a", "b", "c"]
    assert learner.suggest(9) == Exhausted("nothing is left to learn")


def test_a_recalled_learner_goes_on_where_it_was():
    learner = co.SequenceLearner([7, 8, 7, 9, 7, 9])
    rows = learner.suggest(2), learner.suggest(3)
    again = learner.new()
    for row in rows:
        again.recall(row)
    assert again.pending_points == learner.pending_points
    assert again.suggest(9) == learner.suggest(9) == [{"item": 9}]


def test_in_a_campaign_the_simulator_gets_the_items():
    learner = co.SequenceLearner(MIXED)
    result = co.Campaign(learner, lambda one: {"f": repr(one)}, co.threads(2)).run()
    assert learner.learned() == [repr(item) for item in MIXED]
    assert result.tally.counted == len(MIXED)


def test_a_run_is_continued_and_failures_are_holes(tmp_path: Path):
    def double(item):
        if item == 3:
            raise ValueError("three")
        return {"f": [item, item]}

    def made(items):
        return co.Campaign(
            co.SequenceLearner(items), co.simulator(double, version="1"), co.inline(), run=tmp_path / "run"
        )

    made(range(5)).run(co.evaluations(2))
    last = made(range(5))
    last.run()
    learner = last.members["main"].generator
    assert learner.learned() == [[0, 0], [1, 1], [2, 2], None, [4, 4]]
    assert list(learner.holes) == [3]
    with pytest.raises(ResumeRefused, match="items"):
        made(range(1, 6)).run()
