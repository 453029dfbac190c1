"""Whole results are kept, and a part of each is learned."""

from __future__ import annotations

from functools import partial
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

import pytest

import cohobate as co
from cohobate.core.errors import LearnerError
from cohobate.core.outcome import Value
from cohobate.core.trial import Result, Trial
from propose.learners.halving import halving


def simulate(x: float) -> dict[str, Any]:
    return {"y": x * x, "steps": 7, "path": [x, 2 * x]}


def test_what_is_picked_is_learned_and_the_whole_is_kept():
    learner = co.DataSaver(halving(), itemgetter("y"))
    for point in learner.ask(4)[0]:
        learner.tell(point, simulate(point))
    assert learner.data == {0.0: 0.0, 1.0: 1.0, 0.5: 0.25, 0.25: 0.0625}
    assert learner.method.extra == {x: simulate(x) for x in (0.0, 1.0, 0.5, 0.25)}
    assert learner.method.learner.data == learner.data
    assert learner.residuals.latest() == learner.method.learner.residuals.latest() != []


def test_a_result_need_not_have_names():
    learner = co.DataSaver(halving(), lambda whole: whole[0])
    learner.tell(0.5, (1.5, "extra"))
    assert learner.data == {0.5: 1.5}
    assert learner.method.extra == {0.5: (1.5, "extra")}


@pytest.mark.parametrize("pick", ["y", itemgetter("y"), lambda whole: whole["y"]], ids=["name", "getter", "function"])
def test_all_outputs_of_a_campaign_are_kept(pick: Any, tmp_path: Path):
    learner = co.DataSaver(halving(), pick)
    result = co.Campaign(learner, simulate, co.inline(), run=tmp_path / "run").run(co.evaluations(9))
    assert learner.npoints == 9
    assert learner.method.extra == {x: simulate(x) for x in learner.data}
    assert [row["steps"] for row in result.table()] == [7] * 9
    resumed = co.DataSaver(halving(), pick)
    co.Campaign(resumed, simulate, co.inline(), run=tmp_path / "run").run(co.evaluations(12))
    assert resumed.npoints == 12
    assert resumed.method.extra == {x: simulate(x) for x in resumed.data}


def test_in_a_balance_and_around_one():
    inside = co.BalancingLearner([co.DataSaver(halving(), "y"), co.DataSaver(halving(), "y")])
    around = co.DataSaver(co.BalancingLearner([halving(), halving()]), "y")
    for learner in (inside, around):
        assert learner.problem.output_names == ("y",)
        rows = learner.suggest(5)
        assert isinstance(rows, list)
        learner.ingest([Result(Trial(i, row), Value(simulate(row["x"]))) for i, row in enumerate(rows)])
        assert learner.data == {(i, x): x * x for i in (0, 1) for x in (0.0, 1.0, 0.5) if (i, x) != (1, 0.5)}
        assert learner.known().told == {(i, x): simulate(x) for i, x in learner.data}
    assert inside.method.learners[0].method.extra == {x: simulate(x) for x in (0.0, 1.0, 0.5)}
    assert around.method.extra[1, 0.0] == simulate(0.0)


def test_what_cannot_be_picked_from_is_refused_and_not_kept():
    by_name, by_function = co.DataSaver(halving(), "y"), co.DataSaver(halving(), itemgetter("y"))
    with pytest.raises(LearnerError, match=r"expected a result with 'y', got one with \['Y'\]; did you mean 'Y'"):
        by_name.tell(0.5, {"Y": 1.0})
    with pytest.raises(LearnerError, match=r"expected a mapping with \'y\', got 1\.0"):
        by_name.tell(0.5, 1.0)
    with pytest.raises(LearnerError, match="raised KeyError: 'y'"):
        by_function.tell(0.5, {"Y": 1.0})
    with pytest.raises(LearnerError, match="expected a number"):
        by_name.tell(0.5, {"y": "text"})
    with pytest.raises(LearnerError, match="expected a number"):
        by_name.tell_many([0.5], [{"y": "text"}])
    assert not by_name.method.extra
    assert not by_function.method.extra
    rows = by_function.suggest(1)
    by_function.ingest([Result(Trial(0, rows[0]), Value({"Y": 1.0}))])  # type: ignore[index]
    assert list(by_function.refused) == list(by_function.holes) == [0.0]


def first(whole: Any) -> Any:
    return whole[0]


def second(whole: Any) -> Any:
    return whole[1]


def test_another_pick_is_another_run():
    picks = ["y", "z", itemgetter("y"), itemgetter("z"), attrgetter("y"), first, second, partial(first), len]
    described = [str(co.DataSaver(halving(), pick).describe()) for pick in picks]
    assert len(set(described)) == len(picks)
    assert str(co.DataSaver(halving(2.0), "y").describe()) not in described
    with pytest.raises(LearnerError, match="the name of an output or a function"):
        co.DataSaver(halving(), 3)  # type: ignore[arg-type]


def test_whole_results_are_in_the_file(tmp_path: Path):
    learner, twin = co.DataSaver(halving(), "y"), co.DataSaver(halving(), "y")
    for point in learner.ask(20)[0]:
        learner.tell(point, simulate(point))
    learner.save(tmp_path / "file")
    twin.load(tmp_path / "file")
    assert twin.method.extra == learner.method.extra
    assert twin.data == learner.data
    assert twin.residuals.latest() == twin.method.learner.residuals.latest() == learner.residuals.latest()
    with pytest.raises(LearnerError, match="saved by a DataSaver, and this is a Halving"):
        halving().load(tmp_path / "file")
