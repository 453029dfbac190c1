"""Optimisers in campaigns: the engine evaluates, what is recorded carries a resume to the same end."""

from __future__ import annotations

import pytest
from scipy import optimize

import cohobate as co

PROBLEM = co.Problem({"x": co.Real(-3, 3), "y": co.Real(-2, 2)}, (co.Output("f", "minimize"),))
START = [-1.2, 1.0]


def f(x, y):
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def camel(x, y):
    return (4 - 2.1 * x * x + x**4 / 3) * x * x + x * y + 4 * (y * y - 1) * y * y


def rows(result):
    return [(row["x"], row["y"], row["f"]) for row in result.table()]


@pytest.mark.parametrize("apart", [False, True])
def test_a_campaign_ends_where_scipy_does(tmp_path, apart):
    wanted = optimize.minimize(lambda at: f(*at), START, method="L-BFGS-B", bounds=[(-3, 3), (-2, 2)])
    body = co.optimisers.minimize(PROBLEM, START)(apart=apart)
    with co.processes(2) as engine:
        result = co.Campaign(body, f, engine, run=tmp_path / "run").run()
    assert result.value["x"] == wanted.x.tolist()
    assert result.value["nfev"] == len(result.table()) == wanted.nfev


@pytest.mark.parametrize(
    "make",
    [
        lambda: co.optimisers.minimize(PROBLEM, START, "slsqp"),
        lambda: co.optimisers.nelder_mead(PROBLEM, START),
        lambda: co.optimisers.differential_evolution(PROBLEM, seed=1, popsize=4, maxiter=8),
        lambda: co.optimisers.aposmm(PROBLEM, seed=1),
        lambda: co.optimisers.multistart(PROBLEM, 3, seed=1),
    ],
    ids=["slsqp", "nelder-mead", "differential-evolution", "aposmm", "multistart"],
)
def test_a_run_in_pieces_is_the_run_in_one(tmp_path, make):
    whole = co.Campaign(make(), camel, co.inline(), run=tmp_path / "whole").run(co.evaluations(60))
    for n in (7, 30, 60):
        pieces = co.Campaign(make(), camel, co.inline(), run=tmp_path / "pieces").run(co.evaluations(n))
    assert pieces.value == whole.value
    assert rows(pieces) == rows(whole)


def test_a_failing_start_ends_the_campaign_with_its_message(tmp_path):
    def fails(x, y):
        raise ArithmeticError("no convergence")

    with pytest.raises(co.CohobateError, match=r"trial 0 failed \(raised\): ArithmeticError: no convergence"):
        co.Campaign(co.optimisers.minimize(PROBLEM, START), fails, co.inline(), run=tmp_path / "run").run()


def test_all_minima_with_threads(tmp_path):
    with co.threads(4) as engine:
        body = co.optimisers.aposmm(PROBLEM, minima=6, seed=1)
        result = co.Campaign(body, camel, engine, run=tmp_path / "run").run(co.evaluations(1500))
    assert result.value["message"] == "6 minima were found"
