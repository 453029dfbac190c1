"""Fits with the derivatives that terms tell: by hand and by torch, against differences."""

import numpy as np
import pytest
from scipy.optimize._numdiff import approx_derivative

import cohobate as co
from cohobate.core.errors import ResumeRefused, UserError
from cohobate.core.outcome import Failure, Value
from cohobate.fit.candidates import Candidates
from cohobate.fit.losses import RHO
from cohobate.fit.parameters import Parameters

X = np.linspace(0.5, 3.0, 8)
NOISE = np.random.default_rng(5).normal(0.0, 1e-3, 8)


def decay(a, rates):
    return a * np.exp(-rates[0] * X) + np.exp(-rates[1] * X)


def decay_slopes(a, rates):
    fast, slow = np.exp(-rates[0] * X), np.exp(-rates[1] * X)
    return {"a": fast, "rates": [-a * X * fast, -X * slow]}


def stacked(a, rates):
    found = decay_slopes(a, rates)
    return {"a": found["a"], "rates": np.stack(found["rates"], axis=1)}


def numbered(a, rates):
    found = decay_slopes(a, rates)
    return {"a": found["a"], "rates[0]": found["rates"][0], "rates[1]": found["rates"][1]}


def by_torch(a, rates):
    torch = pytest.importorskip("torch")
    x = torch.tensor(X)

    def model(p):
        return p["a"] * torch.exp(-p["rates"][0] * x) + torch.exp(-p["rates"][1] * x)

    return torch.func.jacrev(model)({"a": torch.tensor(a), "rates": torch.tensor(rates, dtype=torch.float64)})


def total(p):
    return p["a"] + p["rates"][0] * p["rates"][1]


def total_slopes(p):
    return {"a": 1.0, "rates": [p["rates"][1], p["rates"][0]]}


START = {"a": 2.0, "rates": [1.0, 0.2]}
TRUE = {"a": 3.0, "rates": [1.5, 0.3]}


def terms(jac=decay_slopes, loss="square"):
    data = co.Term(decay, decay(**TRUE) + NOISE, sigma=1e-3, name="decay", jac=jac, loss=loss)
    return [data, co.Term(total, total(TRUE), sigma=0.1, weight=2.0, name="total", jac=total_slopes)]


def fitter(terms, params=START, **more):
    return co.Fitter(terms, params, engine=co.inline(), **more)


@pytest.mark.parametrize("jac", [decay_slopes, stacked, numbered, by_torch])
def test_derivatives_in_any_form_give_the_same_fit_for_fewer_evaluations(jac):
    by_terms = fitter(terms(jac)).least_squares()
    by_differences = fitter(terms(jac)).least_squares(jac="2-point")
    assert by_terms.values == pytest.approx(by_differences.values, rel=1e-6)
    assert by_terms.errors == pytest.approx(by_differences.errors, rel=1e-5)
    assert by_terms.findings.evaluations < 0.5 * by_differences.findings.evaluations
    assert by_terms.findings.source == "jac of the terms"


def tied():
    """Returns parameters with all that the chain rule must know of."""
    return Parameters(
        {
            "a": co.Parameter(2.0, log=True, prior=co.GaussianPrior(2.5, 0.5)),
            "rates": [1.0, co.Parameter(expr="k / a")],
            "k": co.Parameter(0.6, 0.1, 2.0),
            "unused": co.Parameter(1.0, fixed=True),
        },
        priors={"balance": lambda p: [p["rates"][0] - p["rates"][1], 0.1 * p["a"] ** 2]},
    )


@pytest.mark.parametrize("reduce", ["sum", "mean", "root_mean"])
@pytest.mark.parametrize("loss", [name for name in RHO if name != "absolute"])
def test_jacobian_and_gradient_by_free_parameters_are_those_of_differences(loss, reduce):
    parameters = tied()
    made = Candidates(co.CombinedObjective(terms(loss=loss), reduce=reduce), parameters, "gradient")
    names = list(parameters.free)

    def outputs(x):
        return made(**dict(zip(names, x, strict=True)))

    at = np.array([parameters.start[name] for name in names])
    found = outputs(at)
    numeric = approx_derivative(lambda x: outputs(x)["residuals"], at, method="3-point")
    slope = approx_derivative(lambda x: outputs(x)["loss"], at, method="3-point")
    assert found["jacobian"] == pytest.approx(numeric, rel=1e-6, abs=1e-6 * np.abs(numeric).max())
    assert found["gradient"] == pytest.approx(slope, rel=1e-5)
    assert [output.shape for output in made.problem.outputs] == [(), (12,), (12, 3), (3,)]


def test_fits_with_ties_priors_and_logarithms_come_to_the_same():
    values = [fitter(terms(), tied()).least_squares(jac=jac).values for jac in ("terms", "3-point")]
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_gradient_methods_use_them_too_and_others_do_not():
    fit = fitter(terms())
    given, differences = fit.scipy("BFGS"), fit.scipy("BFGS", jac="2-point")
    assert given.findings.evaluations < 0.5 * differences.findings.evaluations
    assert given.loss == pytest.approx(fit.least_squares().loss, rel=1e-6)
    newton = fit.scipy("Newton-CG")
    assert newton.loss == pytest.approx(given.loss, rel=1e-4)
    simplex = fit.scipy("Nelder-Mead", options={"maxiter": 30})
    assert "jacobian" not in simplex.candidate.outputs


def test_standard_errors_need_one_evaluation_where_terms_tell_their_slopes(tmp_path):
    fit = fitter(terms(), run=tmp_path / "run")
    result = fit.scipy("Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-9, "fatol": 1e-9})
    assert not np.isfinite(list(result.errors.values())).any()
    assert result.uncertainty().errors == pytest.approx(fitter(terms()).least_squares().errors, rel=1e-4)
    differences = result.uncertainty(differences=True)
    assert differences.source == "central differences"
    assert differences.errors == pytest.approx(result.uncertainty().errors, rel=1e-5)


def test_refits_use_them():
    result = fitter(terms()).least_squares()
    low, high = result.profile("a", 5).interval
    assert low < result.values["a"] < high
    assert result.bootstrap(10, refit=True).failed == 0


def test_a_fit_goes_on_bit_for_bit(tmp_path):
    calls = []

    def counting(a, rates):
        calls.append(a)
        return decay_slopes(a, rates)

    whole = fitter(terms(counting), run=tmp_path / "whole").least_squares()
    every = len(calls)
    calls.clear()
    half = fitter(terms(counting), run=tmp_path / "half")
    half.least_squares(until=co.evaluations(3))
    resumed = half.least_squares()
    assert len(calls) == every
    assert resumed.values == whole.values
    assert np.array_equal(resumed.candidate.outputs["jacobian"], whole.candidate.outputs["jacobian"])


def test_another_jac_is_refused_on_resume(tmp_path):
    fitter(terms(), run=tmp_path / "run").least_squares(until=co.evaluations(3))
    with pytest.raises(ResumeRefused, match=r"what is simulated has changed .*: jac\.decay was"):
        fitter(terms(stacked), run=tmp_path / "run").least_squares()


@pytest.mark.parametrize("engine", [lambda: co.threads(2), lambda: co.processes(2)])
def test_they_are_evaluated_at_the_engine(engine):
    with engine() as opened:
        result = co.Fitter(terms(stacked), START, engine=opened).least_squares()
    assert result.values == pytest.approx(fitter(terms()).least_squares().values, rel=1e-9)


def test_equal_calls_of_jac_are_made_once():
    calls = []

    def counting(a):
        calls.append(a)
        return {"a": 1.0}

    pair = [co.Term(lambda a: a, t, name=f"t{t}", jac=counting, deterministic=True, version="1") for t in (1.0, 2.0)]
    result = fitter(pair, {"a": 0.0}).least_squares()
    assert result.values["a"] == pytest.approx(1.5)
    assert len(calls) == len(set(calls)) == result.findings.evaluations


def raising(a, rates):
    raise ArithmeticError("no slope here")


def test_a_jac_that_fails_fails_its_candidate_by_name():
    made = fitter(terms(raising)).setup.deriving("least_squares", {})[0]
    (found,) = made.evaluate([made.parameters.start], "check")
    assert isinstance(found.outcome, Failure)
    assert found.outcome.message == "jac of term 'decay': ArithmeticError: no slope here"


@pytest.mark.parametrize(
    ("jac", "message"),
    [
        (lambda a, rates: {"a": X}, "term 'decay': jac says nothing of 'rates[0]', which the quantity uses"),
        (lambda a, rates: {"a": X, "rates": [X]}, "term 'decay': jac by 'rates': expected 2 derivatives"),
        (lambda a, rates: {"a": X, "rates": 1.0}, "term 'decay': jac by 'rates': expected 2 derivatives"),
        (lambda a, rates: {"a": np.nan * X, "rates": [X, X]}, "term 'decay': 'd value / d a' must be finite"),
    ],
)
def test_wrong_derivatives_say_what_was_expected(jac, message):
    made = fitter(terms(jac)).setup.deriving("least_squares", {})[0]
    (found,) = made.evaluate([made.parameters.start], "check")
    assert isinstance(found.outcome, Failure)
    assert found.outcome.kind == "bad_output"
    assert found.outcome.message.startswith(message)


def test_a_term_that_counts_as_the_worst_has_no_slope():
    def picky(a):
        if a > 2.5:
            raise ArithmeticError("melted")
        return a

    def picky_slopes(a):
        return {"a": 1.0 / (a <= 2.5)}

    shaky = co.Term(picky, 0.0, name="picky", jac=picky_slopes)
    objective = co.CombinedObjective([shaky, *terms()], failed="worst")
    made = fitter(objective).setup.deriving("least_squares", {})[0]
    fine, worse = made.evaluate([made.parameters.start, {**made.parameters.start, "a": 2.6}], "check")
    assert isinstance(fine.outcome, Value)
    assert worse.terms["picky"]["failed"]
    assert fine.outputs["jacobian"][0].tolist() == [1.0, 0.0, 0.0]
    assert worse.outputs["jacobian"][0].tolist() == [0.0, 0.0, 0.0]


def test_what_cannot_be_asked_for():
    without = [terms()[0], co.Term(total, 1.0, name="total")]
    assert fitter(without).setup.deriving("least_squares", {})[0].derived == ""
    with pytest.raises(UserError, match=r"these terms have no jac: \['total'\]"):
        fitter(without).least_squares(jac="terms")
    with pytest.raises(UserError, match="there are no residuals"):
        fitter(co.CombinedObjective(terms(), reduce=max)).scipy("BFGS", jac="terms")
    with pytest.raises(UserError, match="cma: jac='terms' is for least_squares and scipy"):
        fitter(terms()).cma(jac="terms")


def test_names_of_terms_and_of_their_derivatives_are_apart():
    pair = [co.Term(lambda a: a, 1.0, name=name, jac=lambda a: {"a": 1.0}) for name in ("x", "jac of x")]
    assert fitter(pair, {"a": 0.0}).least_squares().values["a"] == pytest.approx(1.0)
