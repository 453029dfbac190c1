"""Standard errors against closed forms, scipy and certified values."""

from __future__ import annotations

from math import isnan, log

import numpy as np
import pytest
from numpy import exp
from scipy.optimize import curve_fit

from cohobate.core.errors import UserError
from cohobate.core.outcome import Failure, Value
from cohobate.core.problem import Real
from cohobate.fit.slope import assemble, stencils
from cohobate.fit.statistics import estimate, near_bound, quantile

OPEN = Real(-np.inf, np.inf)
X = np.linspace(0.5, 5.0, 12)
RNG = np.random.default_rng(3)
SIGMA = RNG.uniform(0.05, 0.3, len(X))
Y = 1.3 + 0.7 * X + SIGMA * RNG.standard_normal(len(X))
LINE = np.stack([np.ones_like(X), X], axis=1) / SIGMA[:, None]


def solved(jacobian, data):
    return np.linalg.lstsq(jacobian, data, rcond=None)[0]


def sure(residuals, jacobian, values, names=None, **more):
    names = [f"p{i}" for i in range(jacobian.shape[1])] if names is None else names
    return estimate(names, values, residuals, jacobian, at_bounds=more.pop("at_bounds", {}), **more)


def slope(fn, values, variables=None, rel_step=None):
    """The Jacobian of a function of named values by central differences."""
    made = stencils(values, dict.fromkeys(values, OPEN) if variables is None else variables, None, rel_step)
    outcomes = [Value({"residuals": fn(*row.values())}) for one in made for row in one.rows(values)]
    return assemble(made, values, fn(*values.values()), outcomes)


@pytest.mark.parametrize("absolute", [False, True])
def test_a_weighted_line_has_the_covariance_of_the_closed_form(absolute):
    at = solved(LINE, Y / SIGMA)
    w = 1 / SIGMA**2
    s, sx, sxx = w.sum(), (w * X).sum(), (w * X * X).sum()
    det = s * sxx - sx * sx
    expected = np.array([[sxx, -sx], [-sx, s]]) / det
    residuals = LINE @ at - Y / SIGMA
    if not absolute:
        expected *= (residuals @ residuals) / (len(X) - 2)
    found = sure(residuals, LINE, at, absolute_sigma=absolute)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-12)
    np.testing.assert_allclose(found.correlations[0, 1], -sx / np.sqrt(s * sxx), rtol=1e-12)
    assert (found.freedom, found.unknown) == (10, {})


@pytest.mark.parametrize("absolute", [False, True])
def test_a_decay_has_the_covariance_of_curve_fit(absolute):
    def decay(x, a, k, c):
        return a * exp(-k * x) + c

    y = decay(X, 4.0, 0.8, 1.0) + SIGMA * RNG.standard_normal(len(X))
    at, expected = curve_fit(decay, X, y, [3, 1, 0], sigma=SIGMA, absolute_sigma=absolute, xtol=1e-14, ftol=1e-14)
    values = dict(zip("akc", at.tolist(), strict=True))
    jacobian, failed = slope(lambda a, k, c: (decay(X, a, k, c) - y) / SIGMA, values)
    found = sure((decay(X, *at) - y) / SIGMA, jacobian, at, absolute_sigma=absolute)
    assert failed == {}
    np.testing.assert_allclose(found.covariance, expected, rtol=2e-5)  # its Jacobian is by forward differences


NIST = {
    "Misra1a": (
        lambda x, a, b: a * (1 - exp(-b * x)),
        (2.3894212918e02, 5.5015643181e-04),
        (2.7070075241e00, 7.2668688436e-06),
        "77.6 10.07 114.9 14.73 141.1 17.94 190.8 23.93 239.9 29.61 289 35.18 332.8 40.02 378.4 44.82 434.8 50.76 "
        "477.3 55.05 536.8 61.01 593.1 66.4 689.1 75.47 760 81.78",
    ),
    "BoxBOD": (
        lambda x, a, b: a * (1 - exp(-b * x)),
        (2.1380940889e02, 5.4723748542e-01),
        (1.2354515176e01, 1.0455993237e-01),
        "1 109 2 149 3 149 5 191 7 213 10 224",
    ),
    "Rat42": (
        lambda x, a, b, c: a / (1 + exp(b - c * x)),
        (7.2462237576e01, 2.6180768402e00, 6.7359200066e-02),
        (1.7340283401e00, 8.8295217536e-02, 3.4465663377e-03),
        "9 8.93 14 10.8 21 18.59 28 22.33 42 39.35 57 56.11 63 61.73 70 64.62 79 67.08",
    ),
    "MGH09": (
        lambda x, a, b, c, d: a * (x * x + x * b) / (x * x + x * c + d),
        (1.9280693458e-01, 1.9128232873e-01, 1.2305650693e-01, 1.3606233068e-01),
        (1.1435312227e-02, 1.9633220911e-01, 8.0842031232e-02, 9.0025542308e-02),
        "4 .1957 2 .1947 1 .1735 .5 .16 .25 .0844 .167 .0627 .125 .0456 .1 .0342 .0833 .0323 .0714 .0235 .0625 .0246",
    ),
}


@pytest.mark.parametrize("name", NIST)
def test_standard_errors_are_the_certified_ones(name):
    model, at, errors, data = NIST[name]
    x, y = np.array(data.split(), dtype=float).reshape(-1, 2).T
    values = dict(zip("abcd", at, strict=False))
    jacobian, _ = slope(lambda *p: model(x, *p) - y, values)
    found = sure(model(x, *at) - y, jacobian, at)
    np.testing.assert_allclose(list(found.errors.values()), errors, rtol=1e-8)


def test_what_no_residual_depends_on_has_no_error():
    jacobian = np.column_stack([LINE, np.zeros(len(X))])
    found = sure(LINE @ [0.1, 0.1], jacobian, [1, 1, 5], ["a", "b", "idle"])
    assert isnan(found.errors["idle"])
    assert found.unknown == {"idle": "no residual depends on it"}
    np.testing.assert_allclose(found.covariance[:2, :2], sure(LINE @ [0.1, 0.1], LINE, [1, 1]).covariance * 10 / 9)


def test_of_a_product_neither_factor_has_an_error_and_the_rest_has():
    values = {"a": 2.0, "b": 3.0, "c": 1.0}
    jacobian, _ = slope(lambda a, b, c: a * b * X + c - Y, values)
    found = sure(6 * X + 1 - Y, jacobian, list(values.values()), ["a", "b", "c"])
    assert found.unknown == {
        "a": "only a combination with b is determined",
        "b": "only a combination with a is determined",
    }
    alone, _ = slope(lambda p, c: p * X + c - Y, {"p": 6.0, "c": 1.0})
    expected = sure(6 * X + 1 - Y, alone, [6, 1]).errors["p1"]
    assert found.errors["c"] == pytest.approx(expected * np.sqrt(10 / 9), rel=1e-6)
    assert np.isnan(found.correlations[0]).all()
    assert found.correlations[2, 2] == 1


def test_a_parameter_at_a_bound_is_held_and_has_no_error():
    residuals = LINE @ [0.2, -0.1] - 0.3
    found = sure(residuals, LINE, [1, 1], ["a", "b"], at_bounds={"b": "at its upper bound 1"})
    assert isnan(found.errors["b"])
    assert found.freedom == 11
    held = sure(residuals, LINE[:, :1], [1], ["a"])
    assert found.errors["a"] == held.errors["a"]


@pytest.mark.parametrize(("rows", "absolute"), [(2, False), (1, False), (1, True)])
def test_too_few_residuals_leave_no_number_that_was_made_up(rows, absolute):
    found = sure(np.full(rows, 0.1), LINE[:rows], [1, 1], absolute_sigma=absolute)
    assert all(map(isnan, found.errors.values()))
    assert set(found.unknown) == {"p0", "p1"}


def test_two_residuals_for_two_parameters_have_errors_where_sigmas_are_known():
    found = sure(np.zeros(2), LINE[:2], [1, 1], absolute_sigma=True)
    np.testing.assert_allclose(found.covariance, np.linalg.inv(LINE[:2].T @ LINE[:2]), rtol=1e-10)


def test_intervals_are_those_of_student_and_of_gauss():
    assert quantile(0.95, 10, absolute_sigma=False) == pytest.approx(2.228139)
    assert quantile(0.95, 10, absolute_sigma=True) == pytest.approx(1.959964)
    with pytest.raises(UserError, match=r"between 0 and 1, such as 0\.95, got 95"):
        quantile(95, 10, absolute_sigma=True)


def test_the_interval_of_a_logarithmic_parameter_is_that_of_its_logarithm():
    found = sure(LINE @ [0.3, 0.1], LINE, [1.0, 2.0], ["a", "b"], logarithmic=frozenset({"b"}))
    low, high = found.intervals(0.95)["b"]
    half = quantile(0.95, 10, absolute_sigma=False) * found.errors["b"] / 2.0
    assert (log(low), log(high)) == pytest.approx((log(2) - half, log(2) + half))
    assert low > 0


# the Jacobian


def test_central_differences_are_exact_for_a_parabola_also_beside_a_bound():
    def parabola(a, b):
        return np.array([a * a, a * b, 3 * b * b - a])

    free = {"a": Real(1.0, 2.0), "b": Real(0.0, 2.0)}
    jacobian, failed = slope(parabola, {"a": 1.0, "b": 2.0}, free, rel_step=0.01)
    assert failed == {}
    np.testing.assert_allclose(jacobian, [[2, 0], [2, 1], [-1, 12]], rtol=1e-10, atol=1e-10)


def test_candidates_stay_within_the_bounds():
    free = {"a": Real(1.0, 1.001), "b": Real(0.0, 2.0), "c": Real(-1.0, 1.0)}
    values = {"a": 1.0, "b": 2.0, "c": 0.0}
    rows = [row for one in stencils(values, free, None, 0.5) for row in one.rows(values)]
    assert all(one.lo <= row[name] <= one.hi for row in rows for name, one in free.items())
    assert len({tuple(row.values()) for row in rows}) == 6


def test_one_failed_neighbour_costs_accuracy_and_two_the_number():
    values = {"a": 1.0}
    (one,) = stencils(values, {"a": OPEN})
    here, lost = np.array([2.0, 3.0]), Failure("timeout", "ran too long")
    there = Value({"residuals": np.array([2.0, 3.0]) + 5 * one.steps[0]})
    column, said = one.slope(values, here, [there, lost])
    np.testing.assert_allclose(column, [5, 5], rtol=1e-8)
    assert said == ""
    jacobian, failed = assemble([one], values, here, [lost, lost])
    assert failed == {"a": "both candidates beside the solution failed (timeout: ran too long)"}
    found = estimate(["a"], [1.0], here, jacobian, at_bounds={}, failed=failed)
    assert found.unknown == failed
    assert isnan(found.errors["a"])


@pytest.mark.parametrize(
    ("value", "lo", "hi", "size", "said"),
    [
        (1.0, 0.0, 2.0, 1.0, ""),
        (0.0, 0.0, np.inf, 3.4, "at its lower bound 0"),
        (0.01, 0.0, np.inf, 3.4, "near its lower bound 0"),
        (0.5, 0.0, np.inf, 3.4, ""),
        (1.999, 0.0, 2.0, 1.0, "near its upper bound 2"),
        (2.0 - 1e-9, 0.0, 2.0, 1.0, "at its upper bound 2"),
        (1e9, -np.inf, np.inf, 1.0, ""),
    ],
)
def test_bounds_are_near_by_the_width_or_the_size(value, lo, hi, size, said):
    assert near_bound(value, lo, hi, size) == said
