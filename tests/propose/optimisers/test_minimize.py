"""Against plain scipy: the same points and the same optimum, for every method."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

import cohobate as co
from cohobate.core.errors import CallFailed, ProblemError, UserError
from cohobate.core.steering import Closed
from cohobate.ledger import codec
from cohobate.propose.optimisers.local import BOUNDED, CONSTRAINED, METHODS, SLOPES, STEEP
from propose.optimisers.bench import Bench

LO, HI = (-3.0, -2.0), (3.0, 2.0)
PROBLEM = co.Problem({"x": co.Real(-3, 3), "y": co.Real(-2, 2)}, (co.Output("f", "minimize"),))
START = [-1.2, 1.0]
BOUNDS = list(zip(LO, HI, strict=True))


def f(x, y):
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def slope(at):
    x, y = at
    return np.array([-2 * (1 - x) - 40 * x * (y - x * x), 20 * (y - x * x)])


def curve(at):
    x, y = at
    return np.array([[2 - 40 * y + 120 * x * x, -40 * x], [-40 * x, 20]])


def plainly(method, sign=1.0, **asked):
    """What scipy itself does: its result, and the points it asks for."""
    points = []

    def fun(at):
        points.append(tuple(np.clip(at, LO, HI) if method in BOUNDED else at))
        return sign * f(*at)

    bounds = optimize.Bounds(LO, HI, keep_feasible=True) if method in BOUNDED else None
    return optimize.minimize(fun, np.array(START), method=method, bounds=bounds, **asked), points


def functions(method):
    given = {}
    if method in STEEP:
        given["jac"] = slope
    if method in STEEP - {"newton-cg"}:
        given["hess"] = curve
    return given


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", sorted(METHODS))
def test_points_and_optimum_are_those_of_scipy(method):
    asked = functions(method)
    wanted, points = plainly(method, **asked)
    bench = Bench(f)
    value = co.optimisers.minimize(PROBLEM, START, method, **asked).steer(bench, 0)
    assert bench.points == points
    assert value["x"] == wanted.x.tolist()
    assert value["fun"] == wanted.fun
    assert (value["success"], value["status"], value.get("nit")) == (wanted.success, wanted.status, wanted.get("nit"))
    assert value["nfev"] == len(points)
    assert codec.loads(codec.dumps(value)) == value


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", sorted(METHODS))
def test_closed_ends_every_method_with_its_best(method):
    bench = Bench(f, limit=6)
    value = co.optimisers.minimize(PROBLEM, START, method, **functions(method)).steer(bench, 0)
    assert value["fun"] == min(f(*at) for at in bench.points)
    assert not value["success"]
    assert len(bench.points) - 3 < value["nfev"] <= len(bench.points)


@pytest.mark.parametrize("jac", [None, "2-point", "3-point"])
@pytest.mark.parametrize("method", sorted(SLOPES))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_columns_are_evaluated_at_once(method, jac):
    bench = Bench(f)
    _, points = plainly(method, jac=jac)
    co.optimisers.minimize(PROBLEM, START, method, jac=jac).steer(bench, 0)
    assert bench.points == points
    assert set(bench.batches) == {1, 4 if jac == "3-point" else 2}


@pytest.mark.parametrize("start", [[0.0, 2.0], [3.0, -2.0], [-3.0, 1.95]])
def test_the_first_simplex_is_evaluated_at_once(start):
    points = []
    optimize.minimize(lambda at: points.append(tuple(at)) or f(*at), start, method="nelder-mead", bounds=BOUNDS)
    bench = Bench(f)
    co.optimisers.nelder_mead(PROBLEM, start).steer(bench, 0)
    assert bench.points == points
    assert bench.batches[0] == 3


def test_an_output_may_be_the_gradient():
    problem = co.Problem(PROBLEM.variables, (co.Output("f", "minimize"), co.Output("g", shape=(2,))))
    points = []

    def both(at):
        points.append(tuple(at))
        return f(*at), slope(at)

    wanted = optimize.minimize(both, START, jac=True, method="L-BFGS-B", bounds=BOUNDS)
    bench = Bench(lambda x, y: {"f": f(x, y), "g": slope((x, y))})
    value = co.optimisers.minimize(problem, START, jac="g").steer(bench, 0)
    assert bench.points == points
    assert value["x"] == wanted.x.tolist()
    assert value["jac"] == wanted.jac.tolist()


def test_a_curvature_is_made_of_differences_of_a_gradient_that_is_an_output():
    problem = co.Problem(PROBLEM.variables, (co.Output("f", "minimize"), co.Output("g", shape=(2,))))
    bench = Bench(lambda x, y: {"f": f(x, y), "g": slope((x, y))})
    value = co.optimisers.minimize(problem, START, "trust-krylov", jac="g", hess="2-point").steer(bench, 0)
    wanted = optimize.minimize(lambda at: f(*at), START, method="trust-krylov", jac=slope, hess="2-point")
    assert value["x"] == wanted.x.tolist()


@pytest.mark.parametrize("method", ["nelder-mead", "l-bfgs-b", "newton-cg"])
def test_maximize_turns_the_sign(method):
    problem = co.Problem(PROBLEM.variables, (co.Output("f", "maximize"),))
    given = {"jac": lambda at: -slope(at)} if method == "newton-cg" else {}
    wanted, points = plainly(method, **functions(method))
    bench = Bench(lambda x, y: -f(x, y))
    value = co.optimisers.minimize(problem, START, method, **given).steer(bench, 0)
    assert bench.points == points
    assert value["fun"] == -wanted.fun
    if "jac" in wanted:
        assert value["jac"] == (-wanted.jac).tolist()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", sorted(CONSTRAINED))
def test_outputs_with_limits_are_constraints(method):
    problem = co.Problem(PROBLEM.variables, (co.Output("f", "minimize"), co.Output("r", co.AtMost(1.0))))
    bench = Bench(lambda x, y: {"f": f(x, y), "r": math.hypot(x, y)})
    value = co.optimisers.minimize(problem, [0.2, 0.2], method).steer(bench, 0)
    reference = optimize.minimize(
        lambda at: f(*at), [0.2, 0.2], method="SLSQP", constraints={"type": "ineq", "fun": lambda at: 1 - at @ at}
    )
    assert value["x"] == pytest.approx(reference.x, abs=2e-3)
    assert len(set(bench.points)) == len(bench.points)


def test_constraints_of_scipy_are_taken():
    limit = optimize.LinearConstraint([[1.0, 1.0]], -np.inf, 1.0)
    wanted, points = plainly("slsqp", constraints=[limit])
    bench = Bench(f)
    value = co.optimisers.minimize(PROBLEM, START, constraints=[limit]).steer(bench, 0)
    assert (bench.points, value["x"]) == (points, wanted.x.tolist())


def test_scale_takes_decades_as_equal():
    problem = co.Problem(
        {"k": co.Real(1e-6, 1e3, log=True), "c": co.Constant(2.0), "s": co.Real(0, 1e6)}, (co.Output("f", "minimize"),)
    )
    bench = Bench(lambda k, c, s: (math.log10(k) + 3) ** 2 + (s / 1e6 - 0.25) ** 2 * c)
    value = co.optimisers.minimize(problem, {"k": 1.0, "s": 5e5}, scale=True).steer(bench, 0)
    assert bench.points[0] == pytest.approx((1.0, 2.0, 5e5))
    assert value["variables"] == {"k": pytest.approx(1e-3, rel=1e-3), "s": pytest.approx(2.5e5, rel=1e-3)}
    assert value["x"] == list(value["variables"].values())


def test_the_middle_is_where_it_starts_by_default():
    problem = co.Problem({"k": co.Real(1e-4, 1, log=True), "s": co.Real(0, 3)}, (co.Output("f", "minimize"),))
    assert co.optimisers.minimize(problem).settings["x0"] == pytest.approx([1e-2, 1.5])


def test_failures_are_worse_than_the_worst_by_the_spread():
    told = []

    def holed(x, y):
        if x > 0.5:
            raise ArithmeticError("no convergence")
        return f(x, y)

    def fun(at):
        value = 2 * max(told) - min(told) if at[0] > 0.5 else f(*at)
        told.append(value) if at[0] <= 0.5 else None
        return value

    wanted = optimize.minimize(fun, START, method="nelder-mead", bounds=BOUNDS)
    value = co.optimisers.nelder_mead(PROBLEM, START).steer(Bench(holed), 0)
    assert value["x"] == wanted.x.tolist()
    assert value["x"][0] == pytest.approx(0.5, abs=1e-2)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_failures(bad):
    value = co.optimisers.nelder_mead(PROBLEM, START).steer(Bench(lambda x, y: bad if x > 0.5 else f(x, y)), 0)
    assert value["x"][0] == pytest.approx(0.5, abs=1e-2)


def test_a_failure_at_once_ends_it_naming_the_trial():
    def fails(x, y):
        raise ArithmeticError("no convergence")

    body = co.optimisers.minimize(PROBLEM, START)
    with pytest.raises(CallFailed, match=r"trial 0 failed \(raised\): ArithmeticError: no convergence; there is no"):
        body.steer(Bench(fails), 0)


@pytest.mark.parametrize("method", sorted(BOUNDED | {"bfgs"}))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_failed_may_be_the_end(method):
    count = iter(range(100))

    def fails_later(x, y):
        if next(count) == 5:
            raise ArithmeticError("no convergence")
        return f(x, y)

    body = co.optimisers.minimize(PROBLEM, START, method, failed="raise")
    with pytest.raises(CallFailed, match=r"^trial 5 failed \(raised\): ArithmeticError: no convergence$"):
        body.steer(Bench(fails_later), 0)


def test_what_lies_beyond_the_bounds_counts_as_failed_where_a_method_knows_none():
    problem = co.Problem({"x": co.Real(-3, 3), "y": co.Real(-2, 0.5)}, (co.Output("f", "minimize"),))
    bench = Bench(f)
    value = co.optimisers.minimize(problem, [-1.2, 0.2], "bfgs", options={"maxiter": 50}).steer(bench, 0)
    assert value["nfev"] == len(bench.points)
    assert all(problem.check(trial.inputs) is None for trial in bench.trials)
    assert value["x"][1] <= 0.5
    with pytest.raises(CallFailed, match="a point that cannot be evaluated is out of bounds: x="):
        co.optimisers.minimize(problem, [-1.2, 0.2], "bfgs", failed="raise").steer(Bench(f), 0)


def test_a_closed_campaign_without_a_value_has_none():
    assert co.optimisers.minimize(PROBLEM, START).steer(Bench(f, limit=0), 0) is None
    with pytest.raises(Closed):
        Bench(f, limit=0).evaluate([{"x": 0, "y": 0}])


POOL = co.Problem({"x": co.Real(0, 1), "n": co.Integer(0, 3)}, (co.Output("f", "minimize"),))
AIMLESS = co.Problem({"x": co.Real(0, 1)}, (co.Output("f"),))
LIMITED = co.Problem({"x": co.Real(0, 1)}, (co.Output("f", "minimize"), co.Output("g", co.AtLeast(1))))


@pytest.mark.parametrize(
    ("problem", "asked", "line"),
    [
        (POOL, {}, "minimize needs real variables, got 'n' of kind Integer: make it Real or Constant"),
        (AIMLESS, {}, "minimize needs an objective, got the outputs ['f']: set a goal of one"),
        (PROBLEM, {"x0": [0.0]}, "minimize: x0 must be 2 numbers, for ['x', 'y'], got [0.0]"),
        (PROBLEM, {"x0": "ab"}, "minimize: x0 must be 2 numbers, got 'ab'"),
        (PROBLEM, {"x0": [4, 0]}, "minimize: x0 must be within the bounds, got x=4.0 of [-3, 3]"),
        (PROBLEM, {"x0": [0, math.nan]}, "minimize: x0 must be within the bounds, got y=nan of [-2, 2]"),
        (PROBLEM, {"x0": {"x": 1}}, "minimize: x0 must name the variables ['x', 'y'], got ['x']"),
        (PROBLEM, {"method": "bfsg"}, "minimize: no method 'bfsg'; did you mean 'bfgs'?"),
        (PROBLEM, {"method": "newton-cg"}, "minimize: newton-cg needs a gradient: expected jac to be a function"),
        (PROBLEM, {"jac": "cs"}, "minimize: jac='cs'; expected a function or one of ['2-point', '3-point', 'f']"),
        (PROBLEM, {"failed": 0}, "minimize: failed must be 'worst' or 'raise', got 0"),
        (PROBLEM, {"hess": slope, "scale": {}}, "minimize: scale changes what ['hess'] would be functions of"),
        (PROBLEM, {"options": {"maxiter": object()}}, "minimize: options.maxiter: expected plain data"),
        (LIMITED, {"method": "bfgs"}, "minimize: bfgs takes no constraints: expected one of ['cobyla'"),
    ],
)
def test_mistakes_are_one_line(problem, asked, line):
    with pytest.raises((UserError, ProblemError)) as raised:
        co.optimisers.minimize(problem, **asked)
    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)
