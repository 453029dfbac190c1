"""The result of a fit: what it says of parameters, terms, candidates and doubts."""

from __future__ import annotations

import json
from math import inf, isnan, nan

import numpy as np
import pytest
from scipy.optimize import curve_fit

import cohobate as co
from cohobate.core.errors import CallFailed, CohobateError, UserError
from cohobate.fit.findings import plain, read
from cohobate.fit.texts import with_error

X = np.linspace(0.0, 3.0, 8)
Y = np.array([5.1, 4.05, 3.4, 2.61, 2.3, 1.83, 1.7, 1.32])
PARAMS = {"a": 4.0, "k": 0.5}


def decay(a, k):
    return a * np.exp(-k * X)


def at_ten(a, k):
    return {"late": a * np.exp(-10 * k), "slope": -k * a}


CURVE = co.Term(decay, Y, sigma=0.1, name="curve", unit="V")
LATE = co.Term(at_ten, {"late": 0.06, "slope": -2.4}, sigma={"late": 0.01, "slope": 0.2}, name="ends")


def fitted(terms=(CURVE,), params=PARAMS, how="least_squares", **more):
    return co.Fitter(list(terms), params, engine=co.inline(), **more).run(how)


@pytest.fixture(scope="module")
def result():
    held = {"a": 4.0, "k": co.Parameter(0.5, 0.0, 5.0, unit="1/s"), "c": co.Parameter(8.5, fixed=True)}
    return fitted([CURVE, LATE], held, validation=co.Term(lambda a, k: a / k, 11.0, name="time"))


def test_a_fit_agrees_with_curve_fit():
    found = fitted()
    at, covariance = curve_fit(lambda x, a, k: a * np.exp(-k * x), X, Y, [4, 0.5], sigma=np.full(8, 0.1))
    np.testing.assert_allclose(list(found.values.values()), at, rtol=1e-6)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-4)
    np.testing.assert_allclose(list(found.errors.values()), np.sqrt(np.diag(covariance)), rtol=1e-4)
    absolute = curve_fit(lambda x, a, k: a * np.exp(-k * x), X, Y, at, sigma=np.full(8, 0.1), absolute_sigma=True)[1]
    np.testing.assert_allclose(found.uncertainty(absolute_sigma=True).covariance, absolute, rtol=1e-4)
    assert found.reduced_chi_square == pytest.approx(covariance[0, 0] / absolute[0, 0], rel=1e-4)


def test_another_optimiser_has_the_same_errors_once_they_are_asked_for():
    found = fitted(how="scipy")
    assert all(map(isnan, found.errors.values()))
    assert np.isnan(found.covariance).all()
    assert "not known yet: result.uncertainty()" in str(found)
    asked = found.uncertainty()
    expected = fitted().errors
    assert asked.errors == pytest.approx(expected, rel=1e-3)
    assert found.errors == asked.errors
    assert asked.source == "central differences"


def test_weights_count_as_smaller_sigmas():
    heavy = co.Term(decay, Y, sigma=0.2, weight=4.0, name="curve")
    assert fitted([heavy]).errors == pytest.approx(fitted().errors, rel=1e-6)


def test_the_numbers_of_a_result_belong_together(result):
    assert result.params == {"a": result.values["a"], "k": result.values["k"], "c": 8.5}
    assert result.degrees_of_freedom == 8 + 2 - 2
    assert result.chi_square == pytest.approx(result.loss)
    assert result.reduced_chi_square == result.chi_square / 8
    assert [one.loss for one in result.best(3)] == sorted(one.loss for one in result.best(3))
    assert result.best(1)[0].values == result.values


def test_terms_share_the_loss_worst_first(result):
    assert sum(row.share for row in result.terms) == pytest.approx(1)
    assert sum(row.loss for row in result.terms) == pytest.approx(result.loss)
    assert [row.share for row in result.terms] == sorted((row.share for row in result.terms), reverse=True)
    curve = next(row for row in result.terms if row.name == "curve")
    assert (curve.target, curve.count, curve.unit) == ("8 numbers", 8, "V")
    residuals = (decay(**result.values) - Y) / 0.1
    assert curve.residual == pytest.approx(np.sqrt(np.mean(residuals**2)))


def test_validation_stands_apart_and_changes_nothing(result):
    (row,) = result.validation
    assert (row.name, row.target) == ("time", 11.0)
    assert row.value == pytest.approx(result.values["a"] / result.values["k"])
    assert result.validation_loss == pytest.approx((row.value - 11.0) ** 2)
    without = fitted([CURVE, LATE], {"a": 4.0, "k": co.Parameter(0.5, 0.0, 5.0), "c": co.Parameter(8.5, fixed=True)})
    assert without.values == result.values
    assert isnan(without.validation_loss)


def test_a_validation_that_fails_is_said_and_the_fit_stands():
    def broken(a, k):
        raise ValueError("no such file")

    found = fitted(validation=co.Term(broken, 1.0, name="other"))
    assert found.validation == []
    (note,) = found.warnings
    assert note.startswith("the validation terms gave nothing at the best parameters: raised: ")
    assert note.endswith("term 'other': ValueError: no such file")


def test_validation_of_the_best_candidates_is_for_people_to_choose_by(result):
    found = result.validate(4)
    assert [one.trial for one, _ in found] == [one.trial for one in result.best(4)]
    assert found[0][1] == result.validation_loss
    assert [loss for _, loss in found] == pytest.approx(
        [(one.values["a"] / one.values["k"] - 11.0) ** 2 for one, _ in found]
    )
    with pytest.raises(UserError, match="no validation terms"):
        fitted().validate()


def test_a_result_is_short_where_it_stands_in_a_list(result):
    assert repr(result) == "FitResult(" + ", ".join(f"{k}={v:.6g}" for k, v in result.values.items()) + (
        f", loss={result.loss:.6g})"
    )


def test_the_text_tells_values_errors_terms_and_doubts(result):
    text = str(result)
    for part in (
        "Fit of 2 parameters to 10 residuals of 2 terms",
        "(8 degrees of freedom)",
        "scaled by the reduced chi-square; Jacobian from least_squares",
        "fixed",
        "a, k  +0.",
        "Validation (not fitted to)",
    ):
        assert part in text
    for name, error in result.errors.items():
        assert with_error(result.values[name], error) in text
    assert result.warnings == []


def test_a_card_escapes_what_stands_in_it():
    found = fitted([co.Term(decay, Y, name="<script>alert(1)</script>")])
    card = found._repr_html_()
    assert "<script>" not in card
    assert "&lt;script&gt;" in card


def test_json_holds_everything_and_reads_back(result, tmp_path):
    path = result.json(tmp_path / "found.json")
    data = json.loads(path.read_text())
    assert data["loss"] == result.loss
    assert {one["name"]: one["error"] for one in data["parameters"]} == {**result.errors, "c": None}
    assert [one["name"] for one in data["terms"]] == [row.name for row in result.terms]
    again = read(path)
    assert again is not None
    assert plain(again) == data
    assert again.parameters[0].hi == inf
    assert isnan(again.parameters[2].error)
    (tmp_path / "other.json").write_text('{"cohobate_fit": 99}')
    assert read(tmp_path / "other.json") is None
    assert read(tmp_path / "none.json") is None


def test_explain_tells_which_terms_moved(result):
    said = result.explain(0)
    assert said.before.trial == result.candidate.trial
    assert said.parameters["a"] == (result.values["a"], 4.0)
    assert sum(move.change for move in said.terms) == pytest.approx(said.after.loss - said.before.loss)
    assert [move.share for move in said.terms] == sorted((move.share for move in said.terms), reverse=True)
    assert str(said).startswith(f"From candidate {result.candidate.trial} (loss ")
    assert "<table>" in said._repr_html_()
    back = result.explain(result.candidate.trial, against=0)
    assert [move.change for move in back.terms] == [-move.change for move in said.terms]
    with pytest.raises(UserError, match="no candidate 999 has ended; there are "):
        result.explain(999)


def test_a_parameter_at_its_bound_is_flagged_and_has_no_error():
    found = fitted(params={"a": 4.0, "k": co.Parameter(0.2, 0.0, 0.3)})
    assert found.near_bounds["k"].endswith("its upper bound 0.3")
    sure = found.uncertainty()
    assert isnan(sure.errors["k"])
    assert sure.unknown["k"] == "at its upper bound 0.3"
    assert sure.errors["a"] > 0
    assert found.degrees_of_freedom == 7
    assert any("the data may want it beyond" in note for note in found.warnings)
    assert "k: no error, at its upper bound 0.3" in str(found)


def test_fewer_residuals_than_parameters_are_a_warning():
    two = co.Term(lambda a, b, c: [a + b, a * c], [3.0, 2.0], name="two")
    found = fitted([two], {"a": 1.5, "b": 1.0, "c": 1.0})
    assert found.loss < 1e-12
    assert found.warnings[0].startswith("there are fewer residuals (2) than free parameters (3)")
    assert all(map(isnan, found.errors.values()))
    assert isnan(found.reduced_chi_square)
    assert "not defined" in str(found)


def test_a_fit_in_which_nothing_worked_says_so(tmp_path):
    def broken(a, k):
        raise ValueError("no such file")

    fit = co.Fitter(co.Term(broken, 1.0, name="x"), PARAMS, engine=co.inline(), run=tmp_path / "run")
    with pytest.raises(CohobateError, match="term 'x': ValueError: no such file"):
        fit.scipy()
    found = fit.recorded()
    with pytest.raises(CallFailed, match=r"no candidate with a loss .* term 'x': ValueError: no such file"):
        _ = found.loss
    assert str(found).startswith("The fit found nothing: ")
    assert found._repr_html_()


def test_names_of_parameters_may_be_those_of_columns():
    term = co.Term(lambda params: [params["id"] + params["loss"], params["id"] - params["loss"]], [3.0, 1.0], name="t")
    found = fitted([term], {"id": 0.5, "loss": 0.2})
    assert found.values == pytest.approx({"id": 2.0, "loss": 1.0})


def test_large_quantities_are_fetched_for_the_best(tmp_path):
    x = np.linspace(0, 1, 20_000)
    term = co.Term(lambda a: a * x, 2 * x, name="large")
    found = co.Fitter(term, {"a": 1.0}, engine=co.inline(), run=tmp_path / "run").least_squares()
    assert found.residuals.shape == (20_000,)
    assert found.terms[0].count == 20_000
    assert found.errors["a"] >= 0


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.0104, 1.2e-5, "0.010400 ± 0.000012"),
        (3.4051, 0.0, "3.4051 ± 0"),
        (0.0, 0.5, "0.00 ± 0.50"),
        (1.0, inf, "1 ± inf"),
        (-12345.0, 67.0, "-12345 ± 67"),
        (1.2e-9, 3.4e-11, "(1.200 ± 0.034)e-09"),
        (nan, nan, "nan ± ?"),
    ],
)
def test_values_are_spelled_with_the_digits_that_their_errors_deserve(value, error, text):
    assert with_error(value, error) == text
