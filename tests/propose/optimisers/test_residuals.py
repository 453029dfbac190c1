"""Least squares and roots against plain scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

import cohobate as co
from cohobate.core.errors import CallFailed, UserError
from cohobate.ledger import codec
from propose.optimisers.bench import Bench

TIMES = np.linspace(0, 3, 8)
DATA = 2.5 * np.exp(-1.3 * TIMES) + 0.01 * np.cos(9 * TIMES)
VARIABLES = {"a": co.Real(0, 10), "k": co.Real(0, 5)}
FIT = co.Problem(VARIABLES, (co.Output("r", shape=(8,)),))
EQUATIONS = co.Problem({"x": co.Real(-5, 5), "y": co.Real(-5, 5)}, (co.Output("h", shape=(2,)),))


def residuals(a, k):
    return a * np.exp(-k * TIMES) - DATA


def slope(at):
    a, k = at
    return np.stack([np.exp(-k * TIMES), -a * TIMES * np.exp(-k * TIMES)], axis=1)


def equations(x, y):
    return np.array([x + 0.5 * (x - y) ** 3 - 1.0, 0.5 * (y - x) ** 3 + y])


def tangents(at):
    x, y = at
    return np.array([[1 + 1.5 * (x - y) ** 2, -1.5 * (x - y) ** 2], [-1.5 * (y - x) ** 2, 1 + 1.5 * (y - x) ** 2]])


def plainly(run, fun, start, **asked):
    points = []

    def counted(at):
        points.append(tuple(at))
        return fun(*at)

    return run(counted, np.array(start), **asked), points


@pytest.mark.parametrize("jac", ["2-point", "3-point"])
@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares_are_those_of_scipy(method, jac):
    limits = {} if method == "lm" else {"bounds": ([0, 0], [10, 5])}
    wanted, points = plainly(optimize.least_squares, residuals, [1.0, 1.0], method=method, jac=jac, **limits)
    bench = Bench(lambda a, k: {"r": residuals(a, k)})
    value = co.optimisers.least_squares(FIT, [1, 1], method=method, jac=jac).steer(bench, 0)
    assert bench.points == points
    assert value["x"] == wanted.x.tolist()
    assert (value["fun"], value["jac"]) == (wanted.fun.tolist(), wanted.jac.tolist())
    assert (value["cost"], value["success"], value["status"]) == (wanted.cost, wanted.success, wanted.status)
    assert set(bench.batches) == {1, 4 if jac == "3-point" else 2}
    assert codec.loads(codec.dumps(value)) == value


def test_options_are_handed_on():
    asked = {"loss": "soft_l1", "f_scale": 0.1, "xtol": 1e-5}
    wanted, points = plainly(optimize.least_squares, residuals, [1.0, 1.0], bounds=([0, 0], [10, 5]), **asked)
    bench = Bench(lambda a, k: {"r": residuals(a, k)})
    value = co.optimisers.least_squares(FIT, [1, 1], "r", **asked).steer(bench, 0)
    assert (bench.points, value["cost"]) == (points, wanted.cost)


@pytest.mark.parametrize("known", ["function", "output"])
def test_the_jacobian_may_be_a_function_or_an_output(known):
    problem = co.Problem(VARIABLES, (*FIT.outputs, co.Output("j", shape=(8, 2))))
    wanted, points = plainly(optimize.least_squares, residuals, [1.0, 1.0], bounds=([0, 0], [10, 5]), jac=slope)
    bench = Bench(lambda a, k: {"r": residuals(a, k), "j": slope((a, k))})
    value = co.optimisers.least_squares(problem, [1, 1], jac=slope if known == "function" else "j").steer(bench, 0)
    assert (bench.points, value["x"]) == (points, wanted.x.tolist())


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1", "krylov", "df-sane"])
def test_roots_are_those_of_scipy(method):
    wanted, points = plainly(optimize.root, equations, [0.0, 0.0], method=method)
    bench = Bench(lambda x, y: {"h": equations(x, y)})
    value = co.optimisers.root(EQUATIONS, [0, 0], method=method).steer(bench, 0)
    assert bench.points == points
    assert (value["x"], value["success"]) == (wanted.x.tolist(), wanted.success)


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_roots_with_a_jacobian(method):
    wanted, points = plainly(optimize.root, equations, [0.0, 0.0], method=method, jac=tangents)
    bench = Bench(lambda x, y: {"h": equations(x, y)})
    value = co.optimisers.root(EQUATIONS, [0, 0], method=method, jac=tangents).steer(bench, 0)
    assert (bench.points, value["x"]) == (points, wanted.x.tolist())


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_a_root_beyond_the_bounds_is_not_found_there(method):
    problem = co.Problem({"x": co.Real(-5, 0.5), "y": co.Real(-5, 5)}, EQUATIONS.outputs)
    bench = Bench(lambda x, y: {"h": equations(x, y)})
    value = co.optimisers.root(problem, [0, 0], method=method).steer(bench, 0)
    assert not value["success"] or value["x"][0] <= 0.5
    assert max(at[0] for at in bench.points) <= 0.5


@pytest.mark.parametrize("make", [co.optimisers.least_squares, lambda p, x: co.optimisers.root(p, x, "r")])
def test_closed_gives_the_best_so_far(make):
    problem = co.Problem(VARIABLES, (co.Output("r", shape=(2,)),))
    bench = Bench(lambda a, k: {"r": residuals(a, k)[[0, 3]]}, limit=7)
    value = make(problem, [1, 1]).steer(bench, 0)
    costs = [float(np.sum(residuals(*at)[[0, 3]] ** 2)) for at in bench.points]
    assert np.sum(np.square(value["fun"])) == pytest.approx(min(costs[:7]))
    assert not value["success"]


def test_failures_are_longer_than_the_longest():
    def holed(a, k):
        if k > 1.2:
            raise ArithmeticError("no convergence")
        return {"r": residuals(a, k)}

    value = co.optimisers.least_squares(FIT, [1, 0.5]).steer(Bench(holed), 0)
    assert value["x"][1] <= 1.2
    assert value["cost"] < 0.5 * np.sum(residuals(1, 0.5) ** 2)


@pytest.mark.parametrize(
    ("r", "line"),
    [
        (lambda a, k: {"r": "text"}, "trial 0: expected 'r' to be numbers, got 'text'"),
        (lambda a, k: {"s": 1.0}, "trial 0: expected an output 'r', got none"),
        (lambda a, k: {"r": [np.nan, 1.0]}, "trial 0: 'r' must be finite, got [nan, 1.0]; there is no value yet"),
        (lambda a, k: {"r": np.zeros(2 if a == 1 else 3)}, "trial 1: expected 'r' of shape (2,), got (3,)"),
    ],
)
def test_what_is_no_array_ends_it(r, line):
    with pytest.raises(CallFailed) as raised:
        co.optimisers.least_squares(FIT, [1, 1]).steer(Bench(r), 0)
    assert str(raised.value).startswith(line)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"residuals": "s"}, "least_squares: no output 's'; the problem has ['r']"),
        ({"jac": "4-point"}, "least_squares: jac='4-point'; did you mean '3-point'?; expected"),
        ({"bounds": (0, 1)}, "least_squares: leave out bounds: the bounds are those of the problem"),
        ({"x0": [-1, 1]}, "least_squares: x0 must be within the bounds, got a=-1.0 of [0, 10]"),
    ],
)
def test_mistakes_are_one_line(asked, line):
    with pytest.raises(UserError) as raised:
        co.optimisers.least_squares(FIT, **asked)
    assert str(raised.value).startswith(line)
