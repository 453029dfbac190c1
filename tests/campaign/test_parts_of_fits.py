"""Campaigns over the terms of a real objective, on engines that are somebody else's, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cohobate as co
from campaign.composites import noted
from cohobate.campaign.parts.gathering import Gathering
from cohobate.core.outcome import Value
from cohobate.fit.candidates import Candidates
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Parameter, Parameters
from cohobate.fit.term import Term
from cohobate.propose.optimisers import least_squares

TRUTH = {"a": 2.0, "b": -1.0}


def line(a: float, b: float, x: float) -> float:
    return a * x + b


def curve(a: float, b: float) -> dict[str, Any]:
    return {"y": a * np.arange(3.0) ** 2 + b, "n": 3}


def broken(a: float) -> float:
    raise ValueError("not converged")


def candidates(*more: Term) -> Candidates:
    terms = [Term(line, TRUTH["a"] * x + TRUTH["b"], inputs={"x": x}) for x in (0.5, 1.5, 3.0)]
    terms.append(Term(curve, {"y": TRUTH["a"] * np.arange(3.0) ** 2 + TRUTH["b"]}, sigma=0.5))
    return Candidates(
        CombinedObjective([*terms, *more]), Parameters({"a": Parameter(1.0, -5, 5), "b": Parameter(0.0, -5, 5)})
    )


def fitted(made: Candidates, engine: Any, **settings: Any) -> co.CampaignResult:
    generator = least_squares(made.problem, made.parameters.start, "residuals")
    return co.Campaign(generator, co.simulator(made, version="1"), engine, **settings).run()


@pytest.mark.parametrize("place", ["inline", "threads", "processes"])
def test_a_fit_finds_the_truth_everywhere(place: str, tmp_path: Path):
    engines: dict[str, Any] = {
        "inline": co.inline,
        "threads": lambda: co.threads(2),
        "processes": lambda: co.processes(2),
    }
    with engines[place]() as engine:
        result = fitted(candidates(), engine, run=tmp_path / "run")
    (best,) = result.best(1)
    assert (best["a"], best["b"]) == pytest.approx((2.0, -1.0))
    assert best["terms"]["curve"]["quantities"]["y"] == pytest.approx(TRUTH["a"] * np.arange(3.0) ** 2 + TRUTH["b"])


def test_the_same_comes_of_it_as_of_a_plain_call():
    made = candidates()
    with co.threads(2) as engine:
        outcome = Gathering(made, engine)({"a": 1.5, "b": 0.25})
    assert isinstance(outcome, Value)
    plain = made(a=1.5, b=0.25)
    assert outcome.outputs["loss"] == plain["loss"]
    assert outcome.outputs["residuals"].tolist() == plain["residuals"].tolist()


def test_a_failing_term_is_named():
    with co.inline() as engine:
        sampler = co.RandomSampler(candidates().problem, seed=1)
        made = candidates(Term(broken, 0.0))
        result = co.Campaign(sampler, co.simulator(made, version="1"), engine, failure_budget=None).run(
            co.evaluations(2)
        )
    (group,) = result.failures
    assert (group["message"], group["count"]) == ("term 'broken': ValueError: not converged", 2)


def test_terms_that_are_deterministic_are_never_made_twice(tmp_path: Path):
    log = tmp_path / "log"
    term = Term(noted, 1.0, name="noted", inputs={"k": 1.0, "log": str(log)}, deterministic=True, uses=["x"])
    made = Candidates(CombinedObjective([term]), Parameters({"x": Parameter(0.5, 0, 1), "y": Parameter(0.5, 0, 1)}))
    for run in ("one", "two"):
        with co.processes(2) as engine:
            grid = co.Grid(made.problem.variables, {"x": 3, "y": 4}, minimize="loss")
            made_of = co.Campaign(
                grid,
                co.simulator(made, version="1"),
                engine,
                problem=made.problem,
                run=tmp_path / run,
                reuse=tmp_path / "reuse",
            )
            assert made_of.run().tally.values == 12
    assert len(log.read_text().splitlines()) == 3


def test_parts_run_on_a_dask_cluster(tmp_path: Path):
    with co.engines.dask(workers=2) as engine:
        result = fitted(candidates(), engine, run=tmp_path / "run")
    (best,) = result.best(1)
    assert (best["a"], best["b"]) == pytest.approx((2.0, -1.0))
