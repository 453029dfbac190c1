"""Optimisers of nevergrad: the same candidates by the same seed, steady, within bounds, past failures."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import CallFailed, UserError
from cohobate.ledger import codec
from propose.optimisers.bench import Again, Bench
from propose.optimisers.clock import Clock

pytest.importorskip("nevergrad")
PROBLEM = co.Problem(
    {"x": co.Real(-3, 3), "y": co.Real(1e-3, 10, log=True), "c": co.Constant(5)}, (co.Output("f", "minimize"),)
)
MIXED = co.Problem(
    {"n": co.Integer(0, 9), "kind": co.Choice(["bad", "good", "worse"]), "x": co.Real(-1, 1)},
    (co.Output("f", "minimize"),),
)


def f(x, y, c=5):
    return (x - 1) ** 2 + np.log(y / 0.1) ** 2


def mixed(n, kind, x):
    return (n - 7) ** 2 + {"bad": 1.0, "good": 0.0, "worse": 3.0}[kind] + x * x


@pytest.mark.parametrize("optimizer", ["NgIohTuned", "OnePlusOne", "CMA", "TwoPointsDE", "PSO"])
def test_the_optimum_is_found_and_the_same_log_gives_the_same_end(optimizer):
    bench = Bench(f, slots=3, seed=1)
    body = co.optimisers.nevergrad(PROBLEM, optimizer, budget=120, at_once=4, x0={"x": -2, "y": 3.0}, seed=2)
    value = body.steer(bench, 0)
    assert value["fun"] < 1.0
    assert bench.points[0] == (-2.0, pytest.approx(3.0), 5)
    assert all(-3 <= x <= 3 and 1e-3 <= y <= 10 for x, y, _ in bench.points)
    assert value["nfev"] == len(bench.rows) == 120
    assert value["fun"] == min(f(*at) for at in bench.points)
    assert codec.loads(codec.dumps(value)) == value
    np.random.seed(7)
    assert body.steer(Again(bench), 0) == value


def test_another_seed_gives_other_candidates():
    first, second = Bench(f), Bench(f)
    for seed, bench in ((1, first), (2, second)):
        co.optimisers.nevergrad(PROBLEM, "TwoPointsDE", budget=30, seed=seed).steer(bench, 0)
    assert first.points[0] == pytest.approx(second.points[0])
    assert first.points != second.points


def test_whole_numbers_and_choices():
    value = co.optimisers.nevergrad(MIXED, "TwoPointsDE", budget=200, x0=[1, "worse", 0.5]).steer(
        bench := Bench(mixed), 0
    )
    assert bench.points[0] == (1, "worse", 0.5)
    assert (value["variables"]["n"], value["variables"]["kind"]) == (7, "good")


def test_reals_without_bounds():
    variables = {"x": co.Real(-inf, inf), "y": co.Real(-inf, inf, log=True)}
    problem = co.Problem(variables, PROBLEM.outputs)
    value = co.optimisers.nevergrad(problem, "CMA", budget=250, x0=[20.0, 4.0], seed=1).steer(Bench(f), 0)
    assert value["x"] == pytest.approx([1, 0.1], abs=0.1)


def test_failures_and_maximize():
    def holed(x, y, c):
        if x < 0:
            raise ArithmeticError("no convergence")
        return -f(x, y)

    problem = co.Problem(PROBLEM.variables, (co.Output("f", "maximize"),))
    value = co.optimisers.nevergrad(problem, budget=150, x0=[-1, 1], at_once=3).steer(Bench(holed), 0)
    assert -0.05 < value["fun"] <= 0
    with pytest.raises(CallFailed, match="ArithmeticError: no convergence"):
        co.optimisers.nevergrad(problem, x0=[-1, 1], failed="raise").steer(Bench(holed), 0)


def test_where_all_fail_there_is_no_value():
    bench = Bench(lambda **_: 1 / 0)
    assert co.optimisers.nevergrad(PROBLEM, budget=20).steer(bench, 0) is None
    assert len(bench.rows) == 20


def test_one_variable():
    problem = co.Problem({"x": co.Real(-3, 3)}, PROBLEM.outputs)
    value = co.optimisers.nevergrad(problem, budget=60).steer(Bench(lambda x: (x - 1) ** 2), 0)
    assert value["x"] == pytest.approx([1], abs=0.3)


def test_what_fails_in_nevergrad_is_one_line(monkeypatch):
    def broken(self):
        raise TypeError("only 0-dimensional arrays")

    monkeypatch.setattr("nevergrad.optimization.optimizerlib._CMA._internal_ask_candidate", broken)
    with pytest.raises(CallFailed, match="nevergrad: its optimiser CMA failed: TypeError: only 0-dimensional arrays;"):
        co.optimisers.nevergrad(PROBLEM, budget=60).steer(Bench(f), 0)


@pytest.mark.parametrize("workers", [4, 16])
def test_none_waits_for_the_slowest(workers):
    clock = Clock(f, workers=workers, limit=100)
    co.optimisers.nevergrad(PROBLEM, budget=1000, at_once=workers).steer(clock, 0)
    assert clock.utilisation > 0.99


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"optimizer": "NgIohTune"}, "nevergrad: no optimiser 'NgIohTune'; did you mean 'NgIohTuned'?"),
        ({"optimizer": "Cobyla", "at_once": 2}, "nevergrad: Cobyla evaluates one after the other: expected at_once=1"),
        ({"budget": 0}, "nevergrad: budget must be a whole number of at least 1, got 0"),
        ({"x0": [9, 1]}, "nevergrad: x0 must be within the bounds: x: 9 is not within [-3, 3]"),
        ({"x0": [1]}, "nevergrad: x0 must have values of the variables ['x', 'y'], got [1]"),
    ],
)
def test_mistakes_are_one_line(asked, line):
    with pytest.raises(UserError) as raised:
        co.optimisers.nevergrad(PROBLEM, **asked)
    assert str(raised.value).startswith(line)
