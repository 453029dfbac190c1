"""Reals without bounds: everything that takes points from an interval refuses them in one line that names one."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import cohobate as co
from cohobate.core.card import space_of
from cohobate.core.errors import ProblemError, ResumeRefused, UserError
from cohobate.ledger import codec
from cohobate.propose.gest.rows import Suggested
from cohobate.propose.gest.vocs import vocs_of
from cohobate.propose.sampling import Grid, LatinHypercube, RandomSampler, Sobol

SPACE = {"x": co.Real(0, 1), "width": co.Real(0, math.inf)}
OPEN = co.Problem(SPACE, (co.Output("f", "minimize"),))
LINE = co.Problem({"width": co.Real(-math.inf, math.inf)}, (co.Output("f", "minimize"),))
EVERY = {
    "RandomSampler": lambda: RandomSampler(OPEN),
    "Sobol": lambda: Sobol(OPEN),
    "LatinHypercube": lambda: LatinHypercube(OPEN, 4),
    "Grid": lambda: Grid(OPEN, 3),
    "BayesianOptimizer": lambda: co.BayesianOptimizer(SPACE, minimize="f"),
    "aposmm": lambda: co.optimisers.aposmm(OPEN),
    "multistart": lambda: co.optimisers.multistart(OPEN),
    "differential_evolution": lambda: co.optimisers.differential_evolution(OPEN),
    "dual_annealing": lambda: co.optimisers.dual_annealing(OPEN),
    "GPLearner": lambda: co.GPLearner(SPACE),
    "LearnerND": lambda: co.LearnerND(SPACE),
    "Learner1D": lambda: co.Learner1D({"width": co.Real(0, math.inf)}),
    "AverageLearner1D": lambda: co.AverageLearner1D({"width": co.Real(0, math.inf)}),
    "IntegratorLearner": lambda: co.IntegratorLearner({"width": co.Real(0, math.inf)}, tol=1e-3),
    "VOCS": lambda: vocs_of(OPEN),
}


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_what_needs_an_interval_refuses_one_without_end(make):
    with pytest.raises(UserError, match="needs finite bounds, got 'width' from 0 to inf") as raised:
        make()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("design", [RandomSampler, Sobol, co.optimisers.multistart])
def test_positive_numbers_have_no_end_either(design):
    problem = co.Problem({"width": co.Real(-math.inf, 5, log=True)}, OPEN.outputs)
    with pytest.raises(ProblemError, match="needs finite bounds, got 'width' from -inf to 5"):
        design(problem)


def test_basinhopping_needs_a_start_only():
    with pytest.raises(UserError, match="'width' lacks a bound"):
        co.optimisers.basinhopping(LINE)
    generator = co.optimisers.basinhopping(LINE, [3.0], niter=2)
    value = co.Campaign(generator, lambda width: {"f": (width - 1) ** 2}, co.inline()).run().value
    assert value["x"] == pytest.approx([1.0], abs=1e-4)


def test_a_generator_of_others_may_propose_beyond_any_number():
    rows = Suggested(co.Problem({"a": co.Real(0, math.inf), "b": co.Real(-math.inf, math.inf)}), "theirs")
    assert rows.inputs({"a": -1.0, "b": 1e9}) == {"a": -1.0, "b": 1e9}
    assert rows.outside({"a": -1.0, "b": 1e9})


@pytest.mark.parametrize(
    ("real", "within", "told"),
    [
        (co.Real(-math.inf, math.inf), "finite", "unbounded"),
        (co.Real(0, math.inf), "finite, at least 0", "at least 0"),
        (co.Real(-math.inf, 3), "finite, at most 3", "at most 3"),
        (co.Real(-math.inf, math.inf, log=True), "positive", "positive"),
        (co.Real(-math.inf, 3, log=True), "positive, at most 3", "positive, at most 3"),
    ],
)
def test_it_says_what_it_may_be(real, within, told):
    assert real.within == within
    assert space_of(co.Problem({"x": real})) == f"x {told}"
    assert not real.bounded


def test_a_problem_without_bounds_is_recorded_and_resumed(tmp_path: Path):
    log = co.Real(-math.inf, math.inf, log=True, unit="eV")
    problem = co.Problem({**LINE.variables, "k": log}, LINE.outputs)

    def campaign(problem):
        start = {"width": 4.0, "k": 2.0}
        generator = co.optimisers.minimize(problem, start, options={"maxiter": 3})
        return co.Campaign(generator, bowl, co.inline(), run=tmp_path / "run")

    def bowl(width, k):
        return {"f": (width - 1) ** 2 + np.log(k) ** 2}

    first = campaign(problem).run(co.evaluations(4))
    assert codec.loads(codec.dumps(problem.describe())) == problem.describe()
    again = campaign(problem).run()
    assert [dict(row) for row in again.table()[:4]] == [dict(row) for row in first.table()[:4]]
    assert again.value["success"] in (True, False)
    json.loads((tmp_path / "run" / "manifest.json").read_text(), parse_constant=pytest.fail)
    narrower = co.Problem({**problem.variables, "width": co.Real(-math.inf, 9)}, problem.outputs)
    with pytest.raises(ResumeRefused):
        campaign(narrower).run()
