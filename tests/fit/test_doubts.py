"""Bootstrap and profile: how sure parameters are, by other means than the covariance."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import chi2

import cohobate as co
from cohobate.core.errors import UserError

X = np.linspace(0.0, 5.0, 40)
RNG = np.random.default_rng(5)
Y = 1.0 + 2.0 * X + 0.3 * RNG.standard_normal(len(X))
DECAY = 4.0 * np.exp(-0.6 * X) + 0.3 * RNG.standard_normal(len(X))


def line(a, b):
    return a + b * X


def decay(a, k):
    return a * np.exp(-k * X)


def halves(a, b, first):
    return (a + b * X)[first::8]


def fitted(fn=line, y=Y, params=None, **more):
    term = co.Term(fn, y, sigma=0.3, name="data", version="1")
    return co.Fitter(
        term, {"a": 0.5, "b": 1.0} if params is None else params, engine=co.inline(), **more
    ).least_squares()


@pytest.fixture(scope="module")
def linear():
    return fitted()


@pytest.fixture(scope="module")
def curved():
    return fitted(decay, DECAY, {"a": 3.0, "k": 0.4})


# bootstrap


@pytest.mark.parametrize("resample", ["residuals", "parametric"])
def test_linear_steps_spread_as_the_standard_errors(linear, resample):
    found = linear.bootstrap(3000, seed=1, resample=resample)
    assert found.errors == pytest.approx(linear.errors, rel=0.06)
    assert found.correlations[0, 1] == pytest.approx(linear.correlations[0, 1], abs=0.03)
    for name, (low, high) in found.intervals(0.95).items():
        assert (low, high) == pytest.approx(linear.intervals(0.95)[name], abs=0.25 * linear.errors[name])
    assert linear.record.views.tally.counted == linear.campaign.tally.counted
    assert "no evaluations" in str(found)


def test_draws_are_those_of_the_seed(linear):
    one, two, other = linear.bootstrap(20, 3), linear.bootstrap(20, 3), linear.bootstrap(20, 4)
    assert np.array_equal(one.samples, two.samples)
    assert not np.array_equal(one.samples, other.samples)


def test_terms_are_drawn_whole():
    terms = [co.Term(halves, Y[i::8], sigma=0.3, inputs={"first": i}, name=f"t{i}") for i in range(8)]
    result = co.Fitter(terms, {"a": 0.5, "b": 1.0}, engine=co.inline()).least_squares()
    found = result.bootstrap(400, seed=2, resample="terms")
    assert found.errors == pytest.approx(result.errors, rel=0.6)
    rng = np.random.default_rng(2)
    times = np.sqrt(np.concatenate([[n] * 5 for n in rng.multinomial(8, [1 / 8] * 8)]))
    x, y = (np.concatenate([data[i::8] for i in range(8)]) for data in (X, Y))
    expected = np.linalg.lstsq(times[:, None] * np.stack([np.ones(40), x], axis=1), times * y, rcond=None)[0]
    np.testing.assert_allclose(found.samples[0], expected, rtol=1e-5)


def test_real_fits_are_those_of_scipy_to_the_data_drawn(curved):
    steps = curved.bootstrap(12, seed=7, resample="parametric")
    found = curved.bootstrap(12, seed=7, resample="parametric", refit=True)
    assert (found.refitted, found.failed, steps.refitted) == (True, 0, False)
    assert "real fits at the engine" in str(found)
    rng, width = np.random.default_rng(7), np.sqrt(curved.reduced_chi_square)
    for sample in found.samples:
        drawn = decay(**curved.values) - 0.3 * width * rng.standard_normal(len(X))
        expected = least_squares(lambda p, y=drawn: (decay(*p) - y) / 0.3, [4, 0.6], xtol=1e-12, ftol=1e-12).x
        np.testing.assert_allclose(sample, expected, rtol=1e-4)
    np.testing.assert_allclose(found.samples, steps.samples, rtol=0.05)


def test_what_is_not_determined_is_not_drawn():
    found = fitted(lambda params: params["a"] + params["b"] * X, Y, {"a": 0.5, "b": 1.0, "idle": 3.0})
    drawn = found.bootstrap(50)
    assert isnan(drawn.errors["idle"])
    assert drawn.errors["a"] > 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"n": 3}, "at least 10 fits, got 3"),
        ({"resample": "term"}, "resample one of .*terms"),
        ({"resample": "terms"}, "drawing terms needs at least 2 of them, got 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(linear, asked, said):
    with pytest.raises(UserError, match=said):
        linear.bootstrap(**asked)


def test_fits_that_fail_are_counted_and_left_out():
    def fragile(a, k):
        if a > at:
            raise ValueError("no convergence")
        return decay(a, k)

    at = 1e9
    term = co.Term(fragile, DECAY, sigma=0.3, name="data", version="1")
    result = co.Fitter(term, {"a": 3.0, "k": 0.4}, engine=co.threads(2), failure_budget=None).least_squares()
    expected = result.bootstrap(12, refit=True)
    assert (expected.failed, len(expected.samples)) == (0, 12)
    at = 0.0
    with pytest.raises(UserError, match="12 of 12 fits failed"):
        result.bootstrap(12, refit=True)
    assert np.isnan(result.profile("k", [0.5]).chi_squares[0])


def test_equal_draws_are_fitted_once(tmp_path):
    calls: list[float] = []

    def counted(a, b, first):
        calls.append(a)
        return halves(a, b, first)

    terms = [co.Term(counted, Y[i::8], sigma=0.3, inputs={"first": i}, name=f"t{i}", version=f"{i}") for i in range(2)]
    params = {"a": 0.5, "b": 1.0}
    result = co.Fitter(terms, params, engine=co.threads(2), run=tmp_path / "run").least_squares()
    found = result.bootstrap(12, refit=True, resample="terms")
    assert len(np.unique(found.samples, axis=0)) <= 3
    assert len(list((tmp_path / "run" / "beside").glob("bootstrap-*"))) <= 3
    before = len(calls)
    again = result.bootstrap(12, refit=True, resample="terms")
    assert len(calls) == before
    assert np.array_equal(again.samples, found.samples)


# profile


@pytest.mark.parametrize("name", ["a", "b"])
def test_in_a_linear_model_the_profile_gives_the_interval_of_the_standard_error(linear, name):
    found = linear.profile(name, 5)
    assert found.interval == pytest.approx(linear.intervals(0.95)[name], rel=1e-5)
    assert found.interval_at(0.5) == pytest.approx(linear.intervals(0.5)[name], rel=1e-5)
    expected = (found.values - linear.values[name]) / linear.errors[name]
    np.testing.assert_allclose(found.distances, expected, atol=1e-4)
    assert found.lower is None


def test_with_absolute_sigmas_it_is_where_chi_square_has_grown_by_its_quantile():
    result = fitted(decay, DECAY, {"a": 3.0, "k": 0.4})
    result.uncertainty(absolute_sigma=True)
    found = result.profile("k", 13, level=0.9)

    def grown(k):
        shape = np.exp(-k * X)
        a = shape @ DECAY / (shape @ shape)
        return float(np.sum(((a * shape - DECAY) / 0.3) ** 2)) - result.chi_square

    for end in found.interval:
        assert grown(end) == pytest.approx(chi2.ppf(0.9, 1), rel=2e-3)
    low, high = found.interval
    assert high - result.values["k"] > 1.02 * (result.values["k"] - low), "it is not symmetric"
    assert "90% within" in str(found)


def test_a_profile_of_the_only_parameter_is_the_loss_itself():
    result = fitted(lambda a: a * X, Y, {"a": 1.0})
    found = result.profile("a", [1.9, 2.0, 2.6])
    expected = [float(np.sum(((a * X - Y) / 0.3) ** 2)) for a in found.values]
    np.testing.assert_allclose(found.chi_squares, expected)
    assert len(found.values) == 4


def test_an_end_beyond_the_values_is_infinite(linear):
    at, error = linear.values["b"], linear.errors["b"]
    low, high = linear.profile("b", [at - 3 * error, at + 0.5 * error]).interval
    assert (np.isfinite(low), high) == (True, inf)


def test_a_fit_that_was_not_at_its_minimum_is_told():
    term = co.Term(line, Y, sigma=0.3, name="data")
    early = co.Fitter(term, {"a": 1.0, "b": 1.5}, engine=co.inline()).run("scipy", until=co.evaluations(1))
    found = early.profile("b", [1.4, 1.9])
    assert found.lower == 1.9
    assert "a lower loss was found" in str(found)


def test_a_profile_needs_a_parameter_with_an_error_or_values(linear):
    with pytest.raises(UserError, match="no free parameter 'c'; there are"):
        linear.profile("c")
    idle = fitted(lambda params: params["a"] + params["b"] * X, Y, {"a": 0.5, "b": 1.0, "idle": 3.0})
    with pytest.raises(UserError, match=r"no residual depends on it\): say where to look, points="):
        idle.profile("idle")
    flat = idle.profile("idle", [2.0, 4.0])
    np.testing.assert_allclose(flat.chi_squares, idle.chi_square, rtol=1e-6)
    assert flat.interval == (-inf, inf)


def test_what_was_evaluated_is_kept_beside_the_run(tmp_path):
    calls: list[float] = []

    def counted(a, b):
        calls.append(b)
        return line(a, b)

    def profiled():
        return fitted(counted, run=tmp_path / "run").profile("b", 3)

    first = profiled()
    before = len(calls)
    again = profiled()
    assert len(calls) == before
    np.testing.assert_array_equal(again.chi_squares, first.chi_squares)
