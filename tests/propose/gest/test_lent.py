"""Ours keep to the letter of gest-api: exact numbers, ids echoed and known, points of others taken in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gest_api.generator import Generator
from gest_api.vocs import VOCS

import cohobate as co
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.protocols import Answer, Exhausted, Later, Unfit
from cohobate.core.trial import Result
from cohobate.models.ready import RBFGP

BOX = {"x": co.Real(-1, 1), "n": co.Integer(0, 3), "k": co.Constant(2.0)}
POOL = co.Pool([float(x) for x in np.linspace(-1, 1, 40)], name="x")

MADE: dict[str, Callable[[], Any]] = {
    "random": lambda: co.RandomSampler(BOX, minimize="f"),
    "sobol": lambda: co.Sobol(BOX, minimize="f"),
    "pool": lambda: co.RandomSampler(POOL, minimize="f"),
    "active": lambda: co.ActiveLearning(POOL, minimize="f", model=RBFGP(), initial=4),
    "adopted": lambda: co.from_gest(co.as_gest(co.RandomSampler(BOX, minimize="f"))),
}


def evaluated(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "f": row["x"] ** 2}


class Script:
    """Answers from a list; remembers outcomes."""

    def __init__(self, *answers: Answer) -> None:
        self.problem = co.Problem({"x": co.Real(0, 1)}, (co.Output("f", "minimize"), co.Output("note")))
        self.answers = list(answers)
        self.results: list[Result] = []
        self.finalized = 0

    def suggest(self, n: int) -> Answer:
        return self.answers.pop(0)

    def ingest(self, results: Any) -> None:
        self.results += results

    def finalize(self) -> None:
        self.finalized += 1

    @property
    def outcomes(self) -> list[Outcome]:
        return [result.outcome for result in self.results]


@pytest.mark.parametrize("name", MADE)
def test_ours_keep_the_contract(name: str):
    lent = co.as_gest(MADE[name]())
    assert isinstance(lent, Generator)
    assert lent.returns_id
    assert isinstance(lent.vocs, VOCS)
    for n in (1, 3, 2):
        rows = lent.suggest(n)
        assert len(rows) == n
        assert all(
            set(lent.vocs.variable_names) | set(lent.vocs.constant_names) | {"_id"} == row.keys() for row in rows
        )
        lent.ingest([evaluated(row) for row in rows])
    assert len(lent.suggest(None)) == 1
    lent.finalize()
    lent.finalize()


@pytest.mark.parametrize("name", MADE)
def test_points_of_others_are_taken_in(name: str):
    lent = co.as_gest(MADE[name]())
    other = co.as_gest(MADE[name]())
    rows = [{key: value for key, value in row.items() if key != "_id"} for row in other.suggest(4)]
    lent.ingest([evaluated(row) for row in rows])
    assert len(lent.suggest(2)) == 2
    for one in (lent, other):
        one.finalize()


def test_an_active_learner_learns_from_points_of_others():
    lent = co.as_gest(MADE["active"]())
    lent.ingest([evaluated({"x": x}) for x in POOL.column()[::5]])
    best = min(abs(row["x"]) for row in lent.suggest(6))
    assert best < 0.1
    lent.finalize()


def test_an_unknown_id_is_refused():
    lent = co.as_gest(MADE["random"]())
    [row] = lent.suggest(1)
    with pytest.raises(ValueError, match="_id=77 is not out"):
        lent.ingest([{**evaluated(row), "_id": 77}])
    lent.ingest([evaluated(row)])
    with pytest.raises(ValueError, match="_id=0 is not out"):
        lent.ingest([evaluated(row)])


def test_an_exact_number_or_an_error_and_nothing_is_lost():
    lent = co.as_gest(Script([{"x": 0.1}], [{"x": 0.2}], Later(), Exhausted("the end"), Exhausted("the end")))
    with pytest.raises(ValueError, match=r"suggest\(3\): 2 now, more when results are in"):
        lent.suggest(3)
    with pytest.raises(ValueError, match=r"suggest\(3\): 2 left, the end"):
        lent.suggest(3)
    assert [row["x"] for row in lent.suggest(2)] == [0.1, 0.2]
    with pytest.raises(ValueError, match=r"suggest\(1\): 0 left, the end"):
        lent.suggest(1)


def test_what_is_unfit_is_told_and_not_handed_out():
    script = Script([Unfit({"x": 0.1}, "broken"), {"x": 0.2}])
    assert [row["x"] for row in co.as_gest(script).suggest(1)] == [0.2]
    assert script.outcomes == [Failure("rejected", "broken", attempt=0)]


def test_failures_are_told_as_such():
    script = Script([{"x": 0.1}, {"x": 0.2}, {"x": 0.3}])
    lent = co.as_gest(script)
    one, two, three = lent.suggest(3)
    lent.ingest([{**one, "f": np.nan}, {**two, "xopt_error": True, "xopt_error_str": "boom"}])
    lent.ingest([{**three, "f": np.float64(0.5), "note": np.nan}])
    assert script.outcomes[:2] == [Failure("bad_output", "f is NaN"), Failure("raised", "boom")]
    assert isinstance(script.outcomes[2], Value)
    assert type(script.outcomes[2].outputs["f"]) is float
    assert [result.trial.inputs["x"] for result in script.results] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(("row", "message"), [({"x": 0.5}, "lacks 'f'"), ({"f": 0.5}, r"lacks \['x'\]")])
def test_a_point_that_lacks_something_is_refused(row: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        co.as_gest(Script()).ingest([row])


def test_a_vocs_of_other_names_is_refused():
    lent = co.as_gest(Script())
    lent._validate_vocs(lent.vocs)
    with pytest.raises(ValueError, match=r"Script has the variable_names \['x'\], the VOCS \['y'\]"):
        lent._validate_vocs(VOCS(variables={"y": [0, 1]}, objectives={"f": "MINIMIZE"}, observables={"note"}))


def test_one_that_brings_no_problem_needs_one():
    class Bare:
        def suggest(self, n: int) -> Answer:
            return [{"x": 0.5}] * n

        def ingest(self, results: Any) -> None:
            """Learns nothing."""

        def finalize(self) -> None:
            """Holds nothing."""

    with pytest.raises(co.CohobateError, match="Bare does not say what its problem is"):
        co.as_gest(Bare())
    assert co.as_gest(Bare(), problem=co.Problem({"x": co.Real(0, 1)})).suggest(1) == [{"x": 0.5, "_id": 0}]


def test_gest_api_is_not_imported_before_it_is_needed():
    code = "import sys, cohobate as co; co.from_gest, co.as_gest; sys.exit('gest_api' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0


def test_a_campaign_of_an_adopted_loan_is_the_campaign_itself():
    def best(generator: Any) -> Any:
        return co.Campaign(generator, lambda x, n, k: x**2 + n + k, co.inline()).run(co.evaluations(20)).table()

    plain, lent = best(MADE["random"]()), best(MADE["adopted"]())
    assert [(row["x"], row["n"], row["f"]) for row in plain] == [(row["x"], row["n"], row["f"]) for row in lent]
