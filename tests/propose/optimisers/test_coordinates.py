"""Coordinates of optimisers: there and back, without bounds, and the optimum they all lead to."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize

import cohobate as co
from cohobate.core.errors import UserError
from cohobate.core.protocols import Unfit
from cohobate.propose.optimisers.axes import axes_of, checked_scale
from propose.optimisers.bench import Bench

TIMES = np.linspace(0, 3, 8)
DATA = 2.5 * np.exp(-1.3 * TIMES) + 0.01 * np.cos(9 * TIMES)
OPEN = {"a": co.Real(-math.inf, math.inf), "k": co.Real(-math.inf, math.inf, log=True)}
BOUNDED = {"a": co.Real(-10, 10), "k": co.Real(1e-3, 50, log=True)}
START = {"a": 1.0, "k": 0.5}
SCALES = (False, True, {}, {"a": 0.3})


def fit(variables):
    return co.Problem(variables, (co.Output("f", "minimize"), co.Output("r", shape=(8,)), co.Output("j", shape=(8, 2))))


def model(a, k):
    r = a * np.exp(-k * TIMES) - DATA
    return {"f": float(r @ r), "r": r, "j": slopes((a, k))}


def slopes(at):
    a, k = at
    return np.stack([np.exp(-k * TIMES), -a * TIMES * np.exp(-k * TIMES)], axis=1)


WANTED = optimize.least_squares(lambda at: model(*at)["r"], [1.0, 0.5], xtol=1e-12).x


@st.composite
def reals(draw):
    log = draw(st.booleans())
    number = st.floats(1e-6, 1e6) if log else st.floats(-1e6, 1e6)
    lo = draw(st.one_of(st.just(-math.inf), number))
    hi = draw(st.one_of(st.just(math.inf), number))
    assume(lo < hi and (not math.isfinite(hi - lo) or hi - lo > 1e-3 * max(abs(lo), abs(hi))))
    real = co.Real(lo, hi, log=log)
    value = draw(st.floats(max(lo, 1e-6 if log else -1e6), min(hi, 1e6)))
    assume(value == 0 or abs(value) > 1e-290)
    return real, value


@given(reals(), st.floats(1e-6, 1e6), st.sampled_from(["plain", "cube", "sized", "given"]))
def test_values_come_back_from_their_coordinates(drawn, size, kind):
    real, value = drawn
    scale = {"plain": False, "cube": True, "sized": {}, "given": {} if real.log else {"x": size}}[kind]
    axes = axes_of(co.Problem({"x": real}), "test", scale=scale, start=[value or 1.0])
    x = axes.at([value])
    row = axes.row(x)
    assert not isinstance(row, Unfit)
    assert row["x"] == pytest.approx(value, rel=1e-9, abs=1e-9 * (real.hi - real.lo if real.bounded else 1e-3))
    assert axes.lo[0] <= x[0] <= axes.hi[0]
    if kind != "cube" and value != 0:
        assert row["x"] == value  # the start, and all that is in units of a power of two, is exact


@given(reals(), st.sampled_from([False, True, {}]))
def test_slopes_are_those_of_the_values(drawn, scale):
    real, value = drawn
    axes = axes_of(co.Problem({"x": real}), "test", scale=scale, start=[abs(value) or 1.0])
    x, h = axes.at([value]), 1e-5
    ends = [axes.coordinates[0].value(float(min(max(at, axes.lo[0]), axes.hi[0]))) for at in (x[0] - h, x[0] + h)]
    assume(axes.lo[0] + h < x[0] < axes.hi[0] - h)
    assert (ends[1] - ends[0]) / (2 * h) == pytest.approx(axes.slopes(x)[0], rel=1e-3, abs=1e-6 * abs(value) / h)


def test_what_is_no_finite_number_within_the_bounds_is_not_evaluated():
    axes = axes_of(co.Problem({"x": co.Real(2.0, math.inf), "k": co.Real(-math.inf, 9, log=True)}), "test", scale={})
    fine = axes.at([3.0, 1.0])
    assert axes.row(fine) == {"x": 3.0, "k": 1.0}
    for wrong in (
        [1.9, 0.0],
        [math.inf, 0.0],
        [math.nan, 0.0],
        [3.0, -800.0],
        [3.0, 800.0],
        [3.0, -math.inf],
        [3.0, 3.0],
    ):
        assert isinstance(axes.row(np.array(wrong)), Unfit), wrong
    half = axes_of(co.Problem({"x": co.Real(0.0, math.inf)}), "test")
    assert isinstance(half.row(np.array([-0.1])), Unfit)
    assert half.row(np.array([-1e-13])) == {"x": 0.0}
    assert isinstance(half.row(np.array([math.inf])), Unfit)


@pytest.mark.parametrize(
    ("variables", "scale", "method"), list(product((OPEN, BOUNDED), SCALES, ("trf", "lm", "dogbox")))
)
def test_least_squares_finds_the_same_in_all_coordinates(variables, scale, method):
    value = co.optimisers.least_squares(fit(variables), START, "r", method=method, scale=scale).steer(Bench(model), 0)
    assert value["success"]
    assert value["x"] == pytest.approx(WANTED, abs=2e-3)
    assert np.array(value["jac"]) == pytest.approx(slopes(value["x"]), abs=1e-5)


@pytest.mark.parametrize("jac", [slopes, "j"])
def test_derivatives_are_given_and_told_by_the_values(jac):
    plain, scaled = (
        co.optimisers.least_squares(fit(OPEN), START, "r", jac=jac, scale=scale).steer(Bench(model), 0)
        for scale in (False, {"a": 0.1})
    )
    assert scaled["x"] == pytest.approx(plain["x"], rel=1e-6)
    assert np.array(scaled["jac"]) == pytest.approx(slopes(scaled["x"]), rel=1e-9)


@pytest.mark.parametrize(
    ("method", "scale"),
    list(product(("l-bfgs-b", "nelder-mead", "slsqp", "powell", "bfgs", "cobyqa"), (True, {"a": 2.0}))),
)
def test_minimize_needs_no_bounds(method, scale):
    bench = Bench(model)
    value = co.optimisers.minimize(fit(OPEN), START, method, scale=scale, tol=1e-9).steer(bench, 0)
    assert value["x"] == pytest.approx(WANTED, abs=5e-3)
    assert bench.points[0] == (1.0, 0.5)


def test_a_gradient_by_the_values_serves_scaled_coordinates():
    def gradient(at):
        return 2 * model(*at)["r"] @ slopes(at)

    value = co.optimisers.minimize(fit(OPEN), START, "bfgs", jac=gradient, scale={}).steer(Bench(model), 0)
    assert value["x"] == pytest.approx(WANTED, abs=2e-3)
    assert value["jac"] == pytest.approx(gradient(value["x"]).tolist(), rel=1e-6)


def test_cma_needs_no_bounds():
    value = co.optimisers.cma(fit(OPEN), START, scale={"a": 1.0}, options={"tolfun": 1e-10}).steer(Bench(model), 0)
    assert value["x"] == pytest.approx(WANTED, abs=5e-3)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
@pytest.mark.parametrize("start", [{"a": 10.0, "k": 1e-3}, {"a": -10.0, "k": 50.0}])
def test_least_squares_may_start_at_bounds(method, start):
    options = {"scale": {}, "method": method}
    value = co.optimisers.least_squares(fit(BOUNDED), start, "r", **options).steer(Bench(model), 0)
    assert value["variables"].keys() == start.keys()


@pytest.mark.parametrize(
    "method", ["l-bfgs-b", "nelder-mead", "slsqp", "powell", "tnc", "trust-constr", "cobyla", "cobyqa"]
)
def test_minimize_may_start_at_bounds(method):
    problem = co.Problem({"x": co.Real(0, 1), "y": co.Real(-1, math.inf)}, (co.Output("f", "minimize"),))
    bench = Bench(lambda x, y: (x - 0.3) ** 2 + (y - 0.2) ** 2)
    scale = {} if method == "nelder-mead" else False  # by the values its simplex is scipy's: flat at a lower bound
    value = co.optimisers.minimize(problem, [0.0, -1.0], method, tol=1e-6, scale=scale).steer(bench, 0)
    assert value["x"] == pytest.approx([0.3, 0.2], abs=0.02)


@settings(max_examples=20)
@given(st.floats(-3, 3), st.floats(0.01, 100), st.floats(-2, 2), st.floats(0.1, 10))
def test_the_optimum_does_not_depend_on_the_scale(a, size, at, steep):
    """A linear problem, whose optimum is known."""
    problem = co.Problem({"x": OPEN["a"], "y": OPEN["a"]}, (co.Output("r", shape=(3,)),))

    def linear(x, y):
        return {"r": np.array([x - a, steep * (y - at), 0.1 * (x + y)])}

    matrix = np.array([[1, 0], [0, steep], [0.1, 0.1]])
    wanted = np.linalg.lstsq(matrix, [a, steep * at, 0], rcond=None)[0]
    value = co.optimisers.least_squares(problem, [0.5, 0.0], scale={"x": size}).steer(Bench(linear), 0)
    assert value["x"] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("scale", "line"),
    [
        ({"b": 1.0}, "scale for 'b', which is no variable"),
        ({"a": 0.0}, "the scale of 'a' must be a finite number above 0, got 0.0"),
        ({"a": math.nan}, "the scale of 'a' must be a finite number above 0, got nan"),
        ({"a": True}, "must be a finite number above 0, got True"),
        ({"k": 1.0}, "'k' is varied by its logarithm, which needs no size"),
        ("big", "scale must be True, False, or sizes by name, got 'big'"),
    ],
)
def test_scales_that_are_none_are_refused(scale, line):
    with pytest.raises(UserError, match=line):
        checked_scale(axes_of(fit(OPEN), "test"), scale, "test")
    with pytest.raises(UserError, match=line):
        co.optimisers.least_squares(fit(OPEN), START, "r", scale=scale)


def test_without_bounds_a_start_must_be_given():
    for make in (co.optimisers.minimize, co.optimisers.cma, co.optimisers.least_squares):
        with pytest.raises(UserError, match="'a' lacks a bound, so there is no middle to start at: give x0"):
            make(fit(OPEN))
