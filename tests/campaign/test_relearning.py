"""A fresh generator that is told a run stands where the generator of that run did."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import cohobate as co
from cohobate.core.errors import GeneratorError, UserError
from cohobate.core.trial import Result
from cohobate.propose.learners.sequence import SequenceLearner

WORDS = [f"word {i}" for i in range(40)]


def length(item: str) -> int:
    if item.endswith("7"):
        raise ValueError("not a seven")
    return len(item)


def run(learner: Any, goal: Any, engine: Any = None, **more: Any) -> Any:
    return co.Campaign(learner, length, engine or co.inline(), **more).run(goal)


def same(one: Any, other: Any) -> bool:
    return (list(one.data.items()), list(one.pending_points), dict(one.holes)) == (
        list(other.data.items()),
        list(other.pending_points),
        dict(other.holes),
    )


@pytest.mark.parametrize("engine", [co.inline, lambda: co.threads(4)])
@pytest.mark.parametrize("folder", [True, False])
def test_a_learner_knows_and_asks_what_that_of_the_run_does(tmp_path: Path, engine: Any, folder: bool):
    learner = SequenceLearner(WORDS)
    with engine() as place:
        result = run(learner, co.evaluations(25), place, run=tmp_path / "run" if folder else None)
    again = result.relearn(SequenceLearner(WORDS))
    assert same(again, learner)
    assert again.holes[7] == "ValueError: not a seven"
    assert again.ask(5) == learner.ask(5)


def test_a_run_folder_says_it_too(tmp_path: Path):
    learner = SequenceLearner(WORDS)
    run(learner, co.evaluations(10), run=tmp_path / "run")
    assert same(co.relearn(tmp_path / "run", SequenceLearner(WORDS)), learner)
    assert same(co.relearn(str(tmp_path / "run"), SequenceLearner(WORDS)), learner)


class Notes:
    """Notes what it hears, in which groups, and proposes at random; it has no ``recall``."""

    def __init__(self, seed: int = 0) -> None:
        self.problem = co.Problem({"x": co.Real(0, 1)}, (co.Output("f", "minimize"),))
        self.rng, self.heard = random.Random(seed), []

    def suggest(self, n: int) -> list[dict[str, float]]:
        return [{"x": self.rng.random()} for _ in range(n)]

    def ingest(self, results: list[Result]) -> None:
        self.heard.append([(result.trial.id, result.outcome) for result in results])

    def finalize(self) -> None: ...


def test_results_come_in_the_groups_in_which_they_came():
    notes = Notes()
    result = co.Campaign(notes, lambda x: x, co.threads(3)).run(co.evaluations(30))
    assert sum(map(len, notes.heard)) == 30
    assert result.relearn(Notes(1)).heard == notes.heard


def test_one_of_several_hears_what_it_heard():
    both = {"first": co.Member(Notes(), hears="all"), "second": Notes(1)}
    result = co.Campaign(both, lambda x: x, co.inline()).run(co.evaluations(20))
    for name, kept in (("first", both["first"].generator), ("second", both["second"])):
        assert result.relearn(Notes(), name=name).heard == kept.heard
    with pytest.raises(UserError, match="has no generator 'secnd'; did you mean 'second'"):
        result.relearn(Notes(), name="secnd")
    with pytest.raises(UserError, match="no generator 'main'"):
        result.relearn(Notes())


def test_another_problem_is_refused():
    result = run(SequenceLearner(WORDS), co.evaluations(3))
    with pytest.raises(UserError, match="they need the same problem"):
        result.relearn(Notes())


def test_other_items_are_named():
    result = run(SequenceLearner(WORDS), co.evaluations(3))
    with pytest.raises(GeneratorError, match="is no item of the sequence"):
        result.relearn(SequenceLearner(WORDS[1:]))


def test_a_body_is_not_told():
    @co.persistent
    def body(steer: co.Steer) -> None: ...

    result = run(SequenceLearner(WORDS), co.evaluations(3))
    with pytest.raises(UserError, match="a body runs again"):
        result.relearn(body)
