"""Parameters of a fit: what is free, fixed and tied, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import Rejected, UserError

ARGON = {"Ar": {"epsilon": 0.0104, "sigma": 3.4}, "cutoff": co.Parameter(8.5, fixed=True)}


def test_numbers_of_all_kinds_are_floats():
    found = co.Parameters({"a": 1, "b": np.float32(0.5), "c": np.int64(3), "d": Fraction(1, 4), "e": np.array(2.0)})
    assert found.start == {"a": 1.0, "b": 0.5, "c": 3.0, "d": 0.25, "e": 2.0}
    assert all(type(value) is float for value in found.start.values())
    assert all(type(value) is float for value in found.nested({}).values())


def test_fixed_ones_are_passed_on_and_not_varied():
    found = co.Parameters(ARGON)
    assert list(found.variables) == ["Ar.epsilon", "Ar.sigma"]
    assert found.nested({"Ar.sigma": 3.5}) == {"Ar": {"epsilon": 0.0104, "sigma": 3.5}, "cutoff": 8.5}


def test_ties_are_evaluated_in_the_order_they_need():
    found = co.Parameters(
        {
            "c": co.Parameter(expr="b + a"),
            "b": co.Parameter(expr="2 * a"),
            "a": 1.5,
            "pair": [co.Parameter(expr="max(c, mix.x)"), 1.0],
            "mix": {"x": co.Parameter(expr="sqrt(a * pair[1])")},
        }
    )
    assert list(found.variables) == ["a", "pair[1]"]
    assert found.values({"a": 2.0, "pair[1]": 8.0}) == {
        "a": 2.0,
        "pair[1]": 8.0,
        "b": 4.0,
        "c": 6.0,
        "pair[0]": 6.0,
        "mix.x": 4.0,
    }
    assert found.nested({"a": 2.0})["pair"] == [6.0, 1.0]


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_a_tie_without_a_value_is_told_by_name(a, b):
    found = co.Parameters({"a": 1.0, "b": 2.0, "c": co.Parameter(expr="sqrt(a) / b")})
    if a >= 0 and b != 0 and math.isfinite(math.sqrt(a) / b):
        assert found.values({"a": a, "b": b})["c"] == math.sqrt(a) / b
    else:
        with pytest.raises(Rejected, match=r"parameter 'c': expr='sqrt\(a\) / b' has no value at a="):
            found.values({"a": a, "b": b})


@pytest.mark.parametrize(
    "bounds", [{"Ar": {"sigma": (3, 4)}}, {"Ar.sigma": (3, 4)}, {"Ar": {"sigma": np.array([3, 4])}}]
)
def test_bounds_are_nested_or_dotted(bounds):
    found = co.Parameters(ARGON, bounds)
    assert found.variables["Ar.sigma"] == co.Real(3.0, 4.0)
    assert found.variables["Ar.epsilon"] == co.Real(-math.inf, math.inf)


@pytest.mark.parametrize(
    ("bounds", "wanted"),
    [
        ({"r": (0, None)}, [(0, math.inf)] * 3),
        ({"r": [(0, 1), (None, 2), None]}, [(0, 1), (-math.inf, 2), (-math.inf, math.inf)]),
        ({"r": np.array([[0, 1], [0, 2], [-math.inf, 3]])}, [(0, 1), (0, 2), (-math.inf, 3)]),
        ({"r[1]": (0, 1)}, [(-math.inf, math.inf), (0, 1), (-math.inf, math.inf)]),
    ],
)
def test_bounds_of_lists(bounds, wanted):
    found = co.Parameters({"r": [0.5, 0.5, 0.5]}, bounds)
    assert [(one.lo, one.hi) for one in found.variables.values()] == wanted


def test_bounds_take_the_place_of_those_of_a_parameter_and_leave_the_rest():
    found = co.Parameters({"a": co.Parameter(2, 1, 3, log=True, unit="eV")}, {"a": (0.5, None)})
    assert found.variables == {"a": co.Real(0.5, math.inf, log=True, unit="eV")}


def test_a_start_may_be_at_its_bounds():
    assert co.Parameters({"a": 1.0, "b": 2.0}, {"a": (1, 2), "b": (1, 2)}).start == {"a": 1.0, "b": 2.0}


def test_positive_numbers_need_no_bound():
    real = co.Parameters({"a": co.Parameter(2.0, log=True)}).variables["a"]
    assert (real.check(1e-300), real.check(1e300)) == (None, None)
    assert real.check(0.0) == "0.0 is not positive"


def test_sizes_are_those_of_values_or_bounds_or_given():
    found = co.Parameters(
        {
            "a": -3.0,
            "b": co.Parameter(0, -2, 6),
            "c": 0.0,
            "d": co.Parameter(5, scale=0.1),
            "e": co.Parameter(1, log=True),
            "f": co.Parameter(1, fixed=True),
        }
    )
    assert found.scales == {"a": 3.0, "b": 8.0, "c": 1.0, "d": 0.1}


@pytest.mark.parametrize(
    ("params", "bounds", "line"),
    [
        ({"a": {"b": True}}, None, "parameter 'a.b': expected a number, got True"),
        (
            {"a": "lj"},
            None,
            "parameter 'a': expected a number, got 'lj'; what is no number goes to a term by its inputs=",
        ),
        ({"a": None}, None, "parameter 'a': expected a number to start from, got None"),
        ({"a": np.bool_(True)}, None, "parameter 'a': expected a number, got"),
        ({"a": 1j}, None, "parameter 'a': expected a number, got 1j"),
        ({"a": [1.0, "x"]}, None, "parameter 'a[1]': expected a number, got 'x'"),
        ({"a": math.nan}, None, "parameter 'a': expected a finite number, got nan"),
        ({"a": -math.inf}, None, "parameter 'a': expected a finite number, got -inf"),
        ({"a": 10**400}, None, "parameter 'a': expected a finite number, got 1000"),
        ({"a": object()}, None, "parameter 'a': expected a number, got <object"),
        ({}, None, "expected at least one parameter, got none"),
        ({"a": {}}, None, "expected at least one parameter, got none"),
        ({"a": 1.0}, {"a": (2, 3)}, "parameter 'a': its bounds exclude the start: 1.0 is not within [2.0, 3.0]"),
        ({"a": 1.0}, {"a": (3, 2)}, "parameter 'a': the lower bound must be below the upper one, got 3.0 and 2.0"),
        ({"a": 1.0}, {"a": (1, 1)}, "fixed=True keeps it"),
        ({"a": 1.0}, {"a": (math.inf, None)}, "the lower bound must be below the upper one"),
        ({"a": 1.0}, {"a": (math.nan, 1)}, "parameter 'a': lo must be a number, or None where it is open, got nan"),
        ({"a": 1.0}, {"a": (0, "1")}, "parameter 'a': hi must be a number, or None where it is open, got '1'"),
        ({"a": 1.0}, {"a": (False, 1)}, "parameter 'a': lo must be a number"),
        ({"a": 1.0}, {"a": 3}, "bounds: expected a pair (lo, hi) for 'a', None where it is open, got 3"),
        ({"a": 1.0}, {"a": (1, 2, 3)}, "bounds: expected a pair (lo, hi) for 'a'"),
        ({"a": 1.0}, [(0, 1)], "bounds: expected a mapping of names to pairs (lo, hi), got [(0, 1)]"),
        (
            ARGON,
            {"Ar": {"epsilom": (0, 1)}},
            "bounds: no parameter 'Ar.epsilom'; did you mean 'Ar.epsilon'?; there are",
        ),
        (ARGON, {"Ar": (0, 1)}, "bounds: 'Ar' is not one parameter but ['Ar.epsilon', 'Ar.sigma']: give each a pair"),
        (
            {"a": co.Parameter(-1, log=True)},
            None,
            "parameter 'a': log needs a positive value, and a positive lower bound",
        ),
        ({"a": co.Parameter(1, 0, log=True)}, None, "got the lower bound 0.0"),
        ({"a": co.Parameter(1, scale=0)}, None, "parameter 'a': scale must be above 0, got 0"),
        ({"a": co.Parameter(1, scale=math.inf)}, None, "parameter 'a': scale: expected a finite number, got inf"),
        ({"a": co.Parameter(1, log=True, scale=2)}, None, "its logarithm is varied, which needs no size"),
        ({"a": co.Parameter(1, expr="2")}, None, "parameter 'a': expr='2' says what it is: leave out value"),
        ({"b": 1, "a": co.Parameter(expr="b", fixed=True, lo=0)}, None, "leave out fixed, bounds"),
        (
            {"b": 1, "a": co.Parameter(expr="b")},
            {"a": (0, 1)},
            "parameter 'a': expr='b' says what it is: leave out bounds",
        ),
        (
            {"sigma": 1, "a": co.Parameter(expr="2*sigm")},
            None,
            "parameter 'a': expr='2*sigm': no parameter 'sigm'; did you",
        ),
        ({"Ar": {"s": 1}, "a": co.Parameter(expr="s")}, None, "no parameter 's'; did you mean 'Ar.s'?"),
        ({"a": co.Parameter(expr="2*a")}, None, "parameters are tied in a cycle: a -> a; give one of them a value"),
        (
            {"a": co.Parameter(expr="b"), "b": co.Parameter(expr="c+1"), "c": co.Parameter(expr="a")},
            None,
            "parameters are tied in a cycle: ",
        ),
        ({"a": co.Parameter(expr="a +")}, None, "parameter 'a': expr='a +': cannot be read: invalid syntax"),
        (
            {"b": 0, "a": co.Parameter(expr="1/b")},
            None,
            "at the start, parameter 'a': expr='1/b' has no value at b=0.0",
        ),
        (
            {"a": co.Parameter(1, prior=3)},
            None,
            "parameter 'a': prior: expected GaussianPrior, LaplacePrior, BoxPrior or a",
        ),
        ({"a": co.Parameter(1, prior=co.GaussianPrior)}, None, "parameter 'a': prior: expected GaussianPrior"),
        (
            {"a": co.Parameter(1, prior=co.GaussianPrior(1, 0))},
            None,
            "prior: sigma must be a finite number above 0, got 0",
        ),
        (
            {"a": co.Parameter(1, prior=co.LaplacePrior(math.nan, 1))},
            None,
            "prior: mean must be a finite number, got nan",
        ),
        (
            {"a": co.Parameter(1, prior=co.GaussianPrior(-1, 1, log=True))},
            None,
            "mean must be a finite number above 0, got",
        ),
        (
            {"a": co.Parameter(-1, prior=co.GaussianPrior(1, 1, log=True))},
            None,
            "at the start, prior of 'a': ValueError",
        ),
        ({"a": co.Parameter(1, prior=co.BoxPrior(2, 1, 1))}, None, "prior: lo must be below hi, got 2 and 1"),
        (
            {"a": co.Parameter(1, prior=lambda a: "x")},
            None,
            "at the start, prior of 'a': ValueError: could not convert",
        ),
        (
            {"a": co.Parameter(1, prior=lambda a: math.nan)},
            None,
            "prior of 'a': its residuals must be finite, got [nan]",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(params, bounds, line):
    with pytest.raises(UserError) as raised:
        co.Parameters(params, bounds)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_values_of_no_parameter_are_refused():
    with pytest.raises(UserError, match=r"values: no free parameter 'Ar.sigm'; did you mean 'Ar.sigma'\?"):
        co.Parameters(ARGON).nested({"Ar.sigm": 1.0})


def test_parameters_are_taken_as_they_are_but_bounds_only_once():
    made = co.Parameters(ARGON)
    assert co.Parameters.of(made) is made
    assert co.Parameters.of(ARGON).start == made.start
    with pytest.raises(UserError, match="bounds beside Parameters"):
        co.Parameters.of(made, {"Ar.sigma": (1, 2)})


def described(**changed):
    given = {"a": 1.0, "b": co.Parameter(2.0, fixed=True), "c": co.Parameter(expr="a+b")}
    return co.Parameters({**given, **changed}).describe()


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"a": 5.0}, True),
        ({"a": co.Parameter(5.0, 0, 9, scale=3.0)}, True),
        ({"b": co.Parameter(2.5, fixed=True)}, False),
        ({"b": 2.0}, False),
        ({"c": co.Parameter(expr="a-b")}, False),
        ({"c": 3.0}, False),
        ({"a": co.Parameter(1.0, prior=co.GaussianPrior(1, 2))}, False),
        ({"b": [2.0], "c": 1.0}, False),
        ({"d": 1.0}, False),
    ],
)
def test_they_are_told_apart_by_all_but_the_start(changed, same):
    assert (described(**changed) == described()) is same


def test_they_show_what_they_are():
    made = co.Parameters(
        {"a": co.Parameter(1.5, unit="eV"), "b": co.Parameter(2, fixed=True), "c": co.Parameter(expr="a*b")}
    )
    assert repr(made) == "<Parameters: a 1.5 eV, b 2 fixed, c = a*b>"


def test_slopes_are_the_chain_rule_of_ties():
    found = co.Parameters(
        {
            "a": 2.0,
            "b": 3.0,
            "kept": co.Parameter(5.0, fixed=True),
            "c": co.Parameter(expr="kept * a ** 2"),
            "d": co.Parameter(expr="sqrt(c) * b"),
            "e": co.Parameter(expr="2 * pi"),
        }
    )
    at = {"a": 1.5, "b": 0.5}
    slopes = {name: row.tolist() for name, row in found.slopes(at).items()}
    wanted = {"a": [1, 0], "b": [0, 1], "kept": [0, 0], "c": [15, 0], "d": [0.5 * 5**0.5, 1.5 * 5**0.5], "e": [0, 0]}
    assert slopes == {name: pytest.approx(row) for name, row in wanted.items()}


def test_slopes_of_priors_go_through_ties():
    found = co.Parameters(
        {
            "a": co.Parameter(2.0, prior=co.GaussianPrior(1.0, 0.5)),
            "b": 3.0,
            "c": co.Parameter(expr="a * b", prior=co.GaussianPrior(4.0, 2.0, log=True)),
        },
        priors={"both": lambda params: [params["a"] ** 2, params["b"]]},
    )
    at = {"a": 1.5, "b": 0.5}
    wanted = [[2, 0], [1 / 1.5 / 2, 1 / 0.5 / 2], [3, 0], [0, 1]]
    assert found.prior_slopes(at) == pytest.approx(np.array(wanted), rel=1e-7, abs=1e-7)
    assert co.Parameters({"a": 1.0}).prior_slopes({"a": 2.0}).shape == (0, 1)


def test_some_are_replaced_by_dotted_name():
    nested = {"Ar": {"sigma": 3.4}, "c": np.array([1.0, 2.0]), "t": (1.0, [co.Parameter(expr="c[0]")])}
    made = co.Parameters(nested, {"c": (0, 5)}, priors={"joint": lambda params: params["c"]})
    held = made.replaced({"c[1]": co.Parameter(2.5, fixed=True), "Ar.sigma": co.Parameter(3.0, log=True)})
    assert list(held.free) == ["Ar.sigma", "c[0]", "t[0]"]
    assert held.variables["c[0]"] == made.variables["c[0]"]
    assert held.penalties == 2
    found, before = held.nested({}), made.nested({})
    assert (found["Ar"], found["c"].tolist(), found["t"]) == ({"sigma": 3.0}, [1.0, 2.5], (1.0, [1.0]))
    assert (before["Ar"], before["c"].tolist()) == ({"sigma": 3.4}, [1.0, 2.0])
    assert made.replaced({}).describe() == made.describe()
    with pytest.raises(UserError, match=r"replaced: no parameter 'c\[2\]'; did you mean 'c\[1\]'"):
        made.replaced({"c[2]": co.Parameter(1)})
