"""Priors: what they add, and the most likely parameters that they lead to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import Rejected
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.parts import Made
from cohobate.fit.candidates import Candidates, Whole
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term

X = np.linspace(-1, 1, 9)
Y = 1.4 * X + 0.3 + 0.05 * np.cos(7 * X)
SIGMA = 0.2
MATRIX = np.stack([X, np.ones_like(X)], axis=1) / SIGMA


def line(a, b):
    return a * X + b


def candidates(priors=None, **given):
    return Candidates(
        CombinedObjective([Term(line, Y, SIGMA, name="line")]),
        co.Parameters({"a": 1.0, "b": 1.0, **given}, priors=priors),
    )


def fitted(found, **options):
    """The most likely parameters, by least squares of a campaign."""
    generator = co.optimisers.least_squares(found.problem, found.parameters.start, scale={}, **options)
    value = co.Campaign(generator, lambda a, b: found(a=a, b=b), co.inline()).run().value
    assert value["success"]
    return value["x"]


@given(st.floats(-3, 3), st.floats(0.05, 20), st.floats(-3, 3))
def test_gaussian_is_the_square_over_sigma(mean, sigma, value):
    (r,) = co.GaussianPrior(mean, sigma).residuals(value)
    assert r == pytest.approx((value - mean) / sigma)


@given(st.floats(0.1, 30), st.floats(0.05, 3), st.floats(0.1, 30))
def test_of_the_logarithm(mean, sigma, value):
    (r,) = co.GaussianPrior(mean, sigma, log=True).residuals(value)
    assert r == pytest.approx(math.log(value / mean) / sigma, abs=1e-12 / sigma)


@given(st.floats(-3, 3), st.floats(0.05, 20), st.floats(-3, 3), st.sampled_from([0.0, 1e-3, 0.1]))
def test_laplace_is_twice_the_distance_but_for_its_tip(mean, width, value, rounding):
    (r,) = co.LaplacePrior(mean, width, rounding=rounding).residuals(value)
    exact = 2 * abs(value - mean) / width
    assert exact - 2 * rounding - 1e-12 <= r * r <= exact + 1e-9 * exact
    assert r * (value - mean) >= 0


@given(st.floats(-3, 3))
def test_box_is_flat_inside(value):
    (r,) = co.BoxPrior(-1, 2, 0.5).residuals(value)
    beyond = max(value - 2, 0) - max(-1 - value, 0)
    assert r == pytest.approx(beyond / 0.5)
    (open_,) = co.BoxPrior(-1, math.inf, 0.5).residuals(value)
    assert open_ == pytest.approx(min(value + 1, 0) / 0.5)


def test_box_of_the_logarithm_takes_factors():
    assert co.BoxPrior(1, 10, 0.1, log=True).residuals(20.0) == pytest.approx([math.log(2) / 0.1])
    assert co.BoxPrior(1, 10, 0.1, log=True).residuals(0.5) == pytest.approx([-math.log(2) / 0.1])


def test_gaussian_priors_lead_to_ridge_regression():
    means, sigmas = np.array([0.5, -1.0]), np.array([0.1, 0.2])
    found = candidates(
        a=co.Parameter(1.0, prior=co.GaussianPrior(0.5, 0.1)), b=co.Parameter(1.0, prior=co.GaussianPrior(-1.0, 0.2))
    )
    weight = np.diag(sigmas**-2)
    wanted = np.linalg.solve(MATRIX.T @ MATRIX + weight, MATRIX.T @ (Y / SIGMA) + weight @ means)
    assert fitted(found) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("width", [0.005, 0.02, 0.3])
def test_a_laplace_prior_leads_to_the_soft_threshold(width):
    """Without correlations (X is symmetric) each parameter is shrunk by itself: Tibshirani (1996), section 2.2."""
    found = candidates(b=co.Parameter(1.0, prior=co.LaplacePrior(0.0, width)))
    free = (MATRIX[:, 1] @ Y / SIGMA) / (MATRIX[:, 1] @ MATRIX[:, 1])
    threshold = 1 / (width * (MATRIX[:, 1] @ MATRIX[:, 1]))
    wanted = math.copysign(max(abs(free) - threshold, 0), free)
    assert fitted(found, xtol=1e-12, ftol=1e-12)[1] == pytest.approx(wanted, abs=max(2e-3 * width, 1e-5))


def test_a_box_holds_what_the_data_would_take_far_outside():
    found = candidates(b=co.Parameter(1.0, prior=co.BoxPrior(1.0, 2.0, 0.01)))
    wanted = np.linalg.solve(
        MATRIX.T @ MATRIX + np.diag([0, 1e4]), MATRIX.T @ (Y / SIGMA) + np.array([0, 1e4]) * np.array([0, 1.0])
    )
    assert fitted(found) == pytest.approx(wanted, abs=1e-6)
    inside = candidates(b=co.Parameter(1.0, prior=co.BoxPrior(-5, 5, 0.01)))
    assert fitted(inside) == pytest.approx(np.linalg.lstsq(MATRIX, Y / SIGMA, rcond=None)[0], abs=1e-6)


def test_functions_are_priors_of_one_or_of_all():
    given_ = {"a": co.Parameter(1.0, prior=lambda a: [a - 2.0, 3.0 * (a - 2.0)])}
    found = candidates({"together": lambda params: 10 * (params["a"] + params["b"])}, **given_)
    outputs = found(a=1.5, b=0.5)
    bare = candidates()(a=1.5, b=0.5)
    assert outputs["residuals"][:-3] == pytest.approx(bare["residuals"])
    assert outputs["residuals"][-3:] == pytest.approx([-0.5, -1.5, 20.0])
    assert outputs["loss"] == pytest.approx(bare["loss"] + 2.5 + 400)
    assert {name: told["loss"] for name, told in outputs["priors"].items()} == {"a": 2.5, "together": 400.0}
    assert found.problem.outputs[1].shape == outputs["residuals"].shape == (12,)


def test_priors_may_be_of_tied_and_fixed_parameters():
    """A profile holds a parameter, whose prior still counts."""
    prior = co.GaussianPrior(0.0, 1.0)
    tied = co.Parameters(
        {"a": 2.0, "b": co.Parameter(expr="3*a", prior=prior), "c": co.Parameter(1, fixed=True, prior=prior)}
    )
    assert {name: r.tolist() for name, r in tied.prior_residuals({"a": 4.0}).items()} == {"b": [12.0], "c": [1.0]}
    assert tied.penalties == 2


@pytest.mark.parametrize(
    ("prior", "line"),
    [
        (lambda a: 1 / (a - 2), "prior of 'a': ZeroDivisionError: float division by zero"),
        (lambda a: math.nan if a == 2 else a, "prior of 'a': its residuals must be finite, got [nan]"),
        (lambda a: [a] * int(a), "prior of 'a': expected 1 residuals as before, got 2"),
        (co.GaussianPrior(1.0, 1.0, log=True), "prior of 'a': ValueError: expected a value above 0"),
    ],
)
def test_a_prior_without_a_value_rejects_the_candidate(prior, line):
    found = candidates(a=co.Parameter(1.0, prior=prior))
    at = -1.0 if isinstance(prior, co.GaussianPrior) else 2.0
    for ask in (lambda: found.judge({"a": at, "b": 0.0}), lambda: found(a=at, b=0.0)):
        with pytest.raises(Rejected) as raised:
            ask()
        assert line in str(raised.value)


def test_names_of_priors_are_no_parameters():
    with pytest.raises(co.CohobateError, match="priors: 'a' is a parameter: give it Parameter"):
        co.Parameters({"a": 1.0}, priors={"a": lambda params: 0.0})
    with pytest.raises(
        co.CohobateError, match="priors: 'b' must be a function of all parameters; a GaussianPrior is of"
    ):
        co.Parameters({"a": 1.0}, priors={"b": co.GaussianPrior(1.0, 1.0)})


# candidates


def made(value):
    return Made(Value({"value": {"value": value}}))


def test_the_judge_adds_priors_to_what_the_terms_come_to():
    found = candidates(a=co.Parameter(1.0, prior=co.GaussianPrior(0.0, 0.5)))
    at = {"a": 1.5, "b": 0.5}
    (part,) = found.parts(at)
    outcome = found.judge(at).take(part.name, Made(Value({"value": part.fn(*part.args)})))
    assert isinstance(outcome, Value)
    direct = found(**at)
    assert outcome.outputs["loss"] == direct["loss"] == pytest.approx(candidates()(**at)["loss"] + 9.0)
    assert np.array_equal(outcome.outputs["residuals"], direct["residuals"])
    assert direct["loss"] == pytest.approx(direct["residuals"] @ direct["residuals"])
    assert list(outcome.outputs["terms"]) == ["line"]
    assert found.recall(at, outcome.outputs).keys() == {"line"}


def test_what_ends_a_term_ends_it_with_priors_too():
    found = candidates(a=co.Parameter(1.0, prior=co.GaussianPrior(0.0, 0.5)))
    for ended in (Failure("raised", "no"), Cancelled("over")):
        outcome = found.judge({"a": 1.0, "b": 1.0}).take("line", Made(ended))
        assert type(outcome) is type(ended)


def test_a_tie_without_a_value_rejects_the_candidate_before_any_term():
    found = Candidates(
        CombinedObjective([Term(line, Y, SIGMA, name="line")]),
        co.Parameters({"a": 1.0, "b": co.Parameter(expr="1 / a")}),
    )
    for ask in (lambda: found.parts({"a": 0.0}), lambda: found(a=0.0)):
        with pytest.raises(Rejected, match=r"parameter 'b': expr='1 / a' has no value at a=0\.0: float division"):
            ask()
    generator = co.Grid({"a": co.Choice([0.0, 2.0])}, outputs=found.problem.outputs)
    first, second = co.Campaign(generator, lambda a: found(a=a), co.inline()).run().table()
    assert (first["status"], second["loss"]) == ("rejected", found(a=2.0)["loss"])


def test_identity_is_that_of_all_but_the_start():
    first = candidates().identity()
    assert candidates(a=7.0).identity() == first
    assert candidates(a=co.Parameter(7.0, 0, 9)).identity() == first
    assert candidates(a=co.Parameter(1.0, prior=co.GaussianPrior(0.0, 1.0))).identity() != first
    assert candidates({"joint": lambda params: 0.0}).identity() != first
    assert candidates(b=co.Parameter(1.0, fixed=True)).identity() != first
    assert candidates(b=co.Parameter(expr="2*a")).identity() != first


def test_the_number_of_residuals_is_known_from_targets():
    terms = [
        Term(lambda a: {"e": a, "f": [a, a]}, {"e": 1.0, "f": [1.0, 2.0]}, name="two"),
        Term(lambda a: {"e": a}, loss=lambda q: q["e"] ** 2, name="own"),
        Term(lambda a: np.full((2, 3), a), np.zeros((2, 3)), name="array"),
    ]
    found = Candidates(CombinedObjective(terms), co.Parameters({"a": 1.0}))
    assert found.problem.outputs[1].shape == found(a=1.0)["residuals"].shape == (10,)


def test_the_bound_holds_for_the_loss_with_its_priors():
    class Asked:
        reduce = "sum"

        def judge(self, inputs, bound):
            asked.append(bound)

        def parts(self, inputs):
            return []

    asked = []
    found = Candidates(Asked(), co.Parameters({"a": co.Parameter(1.0, prior=co.GaussianPrior(0.0, 0.5))}))
    found.judge({"a": 1.5}, 10.0)
    found.judge({"a": 2.0}, 10.0)
    found.judge({"a": 2.0})
    assert asked == [1.0, -6.0, None]


def test_a_candidate_that_was_ended_early_says_which_bound_was_kept():
    terms = CombinedObjective([Term(lambda a: a, 0.0, name="one"), Term(lambda a: a, 0.0, name="two")])
    parameters = co.Parameters({"a": co.Parameter(3.0, prior=co.GaussianPrior(0.0, 3.0))})
    judge = Candidates(terms, parameters).judge({"a": 3.0}, 5.0)
    ended = judge.take("one", Made(Value({"value": {"value": 3.0}})))
    assert ended == Cancelled("partial loss 9 over the bound 4, which is what the priors leave of 5")


@given(st.floats(0, 10), st.floats(-10, 10), st.floats(0, 10), st.booleans())
def test_what_is_left_to_the_terms_is_exact(loss, r, bound, root):
    whole = Whole({"a": np.array([r])}, root=root)
    total = whole.of(Value({"loss": loss, "residuals": np.array([math.sqrt(loss)])})).outputs["loss"]
    assert total == pytest.approx(math.sqrt(loss**2 + r**2) if root else loss + r**2)
    if abs(total - bound) > 1e-6:
        assert (loss > whole.left(bound)) is (total > bound)
