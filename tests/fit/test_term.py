"""What a term compares, how much it counts, and what is refused."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from cohobate.core.errors import BadOutput, UserError
from cohobate.fit.losses import RHO
from cohobate.fit.term import Term

numbers = st.floats(-1e6, 1e6)


def f(x):
    return x


def test_residuals_are_differences_over_sigma():
    assert Term(f, 1.0, sigma=0.5).residuals({"value": 2.0}).tolist() == [2.0]
    assert Term(f, [1.0, 2.0], sigma=[1.0, 0.1]).residuals({"value": [2.0, 3.0]}).tolist() == [1.0, 10.0]
    several = Term(f, {"e": 1.0, "f": [[0.0, 1.0]]}, sigma={"e": 2.0, "f": 0.5})
    assert several.residuals({"f": np.ones((1, 2)), "e": 2, "other": "text"}).tolist() == [0.5, 2.0, 0.0]
    assert Term(f, 1.0, read="e").residuals({"e": np.float32(3), "other": np.nan}).tolist() == [2.0]


def test_residual_is_a_function_of_all_quantities():
    term = Term(f, residual=lambda q: q["a"] - q["b"], sigma=2.0)
    assert term.residuals({"a": np.array([3.0, 5.0]), "b": 1.0}).tolist() == [1.0, 2.0]
    assert term.scorer.loss({"a": np.array([3.0, 5.0]), "b": 1.0}) == 5.0
    assert Term(f, residual=lambda q: q["value"]).residuals({"value": 3.0}).tolist() == [3.0]


@pytest.mark.parametrize("loss", RHO)
@given(r=st.lists(numbers, min_size=1, max_size=5))
def test_squares_of_rooted_residuals_are_the_loss(loss, r):
    many, one = Term(f, [0.0] * len(r), loss=loss), Term(f, 0.0, loss=loss)
    loss, rooted = many.scorer.both({"value": r})
    assert rooted @ rooted == pytest.approx(loss, rel=1e-12, abs=1e-300)
    assert loss == many.scorer.loss(r) == pytest.approx(sum(map(one.scorer.loss, r)), rel=1e-12, abs=1e-300)
    assert one.scorer.both({"value": r[0]})[0] == one.scorer.loss(r[0]) == one.scorer.loss({"any": r[0]})


@pytest.mark.parametrize("loss", ["huber", "soft_l1", "cauchy"])
@pytest.mark.parametrize("r", [0.0, 1e-6, 0.3, 1.0, 2.0, 50.0])
def test_robust_losses_are_those_of_scipy(loss, r):
    z = r * r
    rho = {"huber": z if z <= 1 else 2 * z**0.5 - 1, "soft_l1": 2 * ((1 + z) ** 0.5 - 1), "cauchy": np.log1p(z)}
    assert Term(f, 0.0, loss=loss).scorer.loss(r) == pytest.approx(rho[loss], rel=1e-4 if r < 1e-3 else 1e-12)


@pytest.mark.parametrize("loss", RHO)
@pytest.mark.parametrize("r", [-30.0, -0.7, 0.2, 1.5])
def test_slopes_of_rooted_residuals(loss, r):
    numeric = approx_fprime(np.array([r]), lambda x: RHO[loss].rooted(x)[0], 1e-8)
    assert RHO[loss].rooted_slope(np.array([r])) == pytest.approx(numeric, rel=1e-5)


def test_losses_of_ones_own():
    own = Term(f, loss=lambda q: q["a"] * 2)
    assert own.scorer.both({"a": 8.0}) == (16.0, 4.0)
    assert (
        Term(f, loss="value").scorer.loss(3.0)
        == Term(f, loss="value", read="b").scorer.loss({"a": 1.0, "b": 3.0})
        == 3.0
    )
    for wrong in (-1.0, float("nan"), float("inf"), "text", None):
        with pytest.raises(BadOutput, match="term 'f': its loss must be a finite number of at least 0"):
            Term(f, loss=lambda q, wrong=wrong: wrong).scorer.loss(1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quantity": 1.0, "target": 1.0}, "quantity must be something to call, got 1.0"),
        ({}, "there is nothing to compare: give a target"),
        ({"target": []}, "the target is empty, so there is nothing to compare"),
        ({"target": {}}, "the target is empty, so there is nothing to compare"),
        ({"target": {"e": []}}, "the target of 'e' is empty"),
        ({"target": float("nan")}, "target must be finite, got nan: leave out what is not known"),
        ({"target": [1.0, np.inf]}, "target must be finite"),
        ({"target": "1.0"}, "target must be numbers, got '1.0'"),
        ({"target": [[1.0], [1.0, 2.0]]}, "target must be numbers"),
        ({"target": 1.0, "sigma": 0}, "sigma must be above 0, got 0"),
        ({"target": 1.0, "sigma": -1.0}, "sigma must be above 0, got -1.0"),
        ({"target": 1.0, "sigma": float("nan")}, "sigma must be finite, got nan"),
        ({"target": [1.0, 2.0], "sigma": [1.0, 0.0]}, "sigma must be above 0"),
        ({"target": [1.0, 2.0], "sigma": [1.0] * 3}, r"sigma must be a number or have the shape \(2,\), got \(3,\)"),
        ({"target": {"e": 1.0}, "sigma": {"f": 1.0}}, r"sigma of 'f', but the targets are \['e'\]"),
        ({"target": {"e": 1.0, "f": 1.0}, "sigma": {"e": 1.0}}, r"no sigma of 'f', only of \['e'\]"),
        ({"target": 1.0, "weight": -1.0}, "weight must be a finite number of at least 0, got -1.0"),
        ({"target": 1.0, "weight": float("nan")}, "weight must be a finite number of at least 0, got nan"),
        ({"target": 1.0, "weight": "1"}, "weight must be a finite number of at least 0, got '1'"),
        ({"target": 1.0, "loss": "sqare"}, "loss must be one of .*; did you mean 'square'"),
        ({"target": 1.0, "deadline": 0}, "deadline must be a number of seconds above 0, got 0"),
        ({"target": {"e": 1.0}, "read": "e"}, "read='e' picks one quantity, so the target must be no mapping"),
        ({"target": 1.0, "residual": f}, "residual= and a target both make residuals"),
        ({"residual": 1.0}, "residual must be a function of the quantities, got 1.0"),
        ({"residual": f, "loss": f}, "both make the loss"),
        ({"residual": f, "jac": f}, "jac needs a target"),
        ({"target": 1.0, "inputs": {"lock": object()}, "deterministic": True}, "a object cannot"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(settings, message):
    with pytest.raises(UserError, match=rf"^term 'density': .*{message}"):
        Term(**{"quantity": f, "name": "density", **settings})


@pytest.mark.parametrize(
    ("target", "value", "message"),
    [
        (1.0, float("nan"), "'value' must be finite, got nan"),
        (1.0, -np.inf, "'value' must be finite, got -inf"),
        (1.0, None, "'value' must be numbers, got None"),
        (1.0, "1.0", "'value' must be numbers, got '1.0'"),
        (1.0, 1j, "'value' must be numbers"),
        (1.0, [1.0, 2.0], r"'value' must have the shape \(\), got \(2,\)"),
        (1.0, {}, r"name one of \[\] by read="),
        (1.0, {"a": 1.0, "b": 2.0}, r"name one of \['a', 'b'\] by read="),
        (1.0, 1e200, "its loss must be finite, got inf"),
        ([1.0, 2.0], [1.0], r"'value' must have the shape \(2,\), got \(1,\)"),
        ([1.0, 2.0], [1.0, np.nan], r"'value' must be finite, got nan at \[1\]"),
        ([1.0, 2.0], [1.0, 1e200], "its loss must be finite, got inf"),
        ([1.0, 2.0], [[1.0], [1.0, 2.0]], "'value' must be numbers"),
        ({"energy": 1.0}, {"enrgy": 1.0}, r"expected a quantity 'energy', got \['enrgy'\]; did you mean 'enrgy'"),
    ],
)
def test_what_a_quantity_must_not_give_is_one_line_with_the_term(target, value, message):
    term = Term(f, target, name="density")
    with pytest.raises(BadOutput, match=rf"^term 'density': {message}") as plain:
        term.scorer.loss(value)
    with pytest.raises(BadOutput) as judged:
        term.scorer.both(value if isinstance(value, dict) else {"value": value})
    assert str(plain.value) == str(judged.value)
    assert "\n" not in str(plain.value)


def test_no_warning_where_numbers_are_too_large():
    with pytest.raises(BadOutput, match="its loss must be finite"):
        Term(f, [0.0, 0.0], loss="huber").scorer.loss([1e308, 1e308])
    with pytest.raises(BadOutput, match="its loss must be finite"):
        Term(f, [0.0, -1e308], sigma=1e-5).scorer.both({"value": [1e308, 1e308]})


def test_targets_and_inputs_are_those_of_when_it_was_made():
    target, inputs = np.array([1.0, 2.0]), {"a": 1.0}
    term = Term(f, target, inputs=inputs)
    target[0], inputs["a"] = 100.0, 5.0
    assert term.residuals({"value": [1.0, 2.0]}).tolist() == [0.0, 0.0]
    assert term.inputs == {"a": 1.0}


def test_names_tell_terms_of_one_function_apart():
    assert Term(f, 1.0).name == "f"
    assert Term(f, 1.0, inputs={"a": 5.26}).name == "f(a=5.26)"


def test_travels():
    term = Term(f, 1.0, sigma=2.0, name="density")
    assert term.scorer.loss(5.0) == 4.0
    assert pickle.loads(pickle.dumps(term)).scorer.loss(5.0) == 4.0
    assert replace(term, weight=3.0).weight == 3.0
