"""Problems become VOCS and come back the same, but for what a VOCS has no words for."""

from __future__ import annotations

from typing import Any

import pytest
from gest_api.vocs import VOCS, ContextualVariable, ContinuousVariable, DiscreteVariable
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import ProblemError
from cohobate.propose.gest import problem_of, vocs_of

numbers = st.floats(-1e6, 1e6)
reals = st.tuples(numbers, numbers).filter(lambda b: b[0] < b[1]).map(lambda b: co.Real(*b))
integers = st.tuples(st.integers(-(10**6), 10**6), st.integers(1, 10**5)).map(lambda b: co.Integer(b[0], b[0] + b[1]))
choices = st.sets(st.text(max_size=5), min_size=1).map(sorted).map(co.Choice)
constants = st.one_of(numbers, st.text(max_size=5)).map(co.Constant)
goals = st.one_of(
    st.sampled_from(["minimize", "maximize", "explore", None]), numbers.map(co.AtMost), numbers.map(co.AtLeast)
)
names = st.text("abcdefgh", min_size=1, max_size=4)


@st.composite
def problems(draw: Any) -> co.Problem:
    variables = draw(st.dictionaries(names, st.one_of(reals, integers, choices), min_size=1, max_size=4))
    fixed = draw(st.dictionaries(names.map("c_".__add__), constants, max_size=2))
    outputs = draw(st.dictionaries(names, st.tuples(goals, st.sampled_from([(), (3,), (2, 2)])), max_size=4))
    return co.Problem({**variables, **fixed}, tuple(co.Output(name, *rest) for name, rest in outputs.items()))


@given(problems())
def test_a_problem_comes_back_from_its_vocs(problem: co.Problem):
    back = problem_of(vocs_of(problem))
    assert back.variables == problem.variables
    assert set(back.outputs) == set(problem.outputs)


def test_whole_numbers_are_discrete_where_they_are_few():
    vocs = vocs_of(co.Problem({"n": co.Integer(2, 4), "m": co.Integer(0, 10**6)}))
    assert vocs.variables["n"] == DiscreteVariable(values={2, 3, 4}, dtype=int)
    assert vocs.variables["m"] == ContinuousVariable(domain=[0, 10**6], dtype=int)


def test_the_order_of_choices_is_made_up_where_a_vocs_has_none():
    vocs = VOCS(variables={"a": {"b", 3, "a", 1.5}, "n": {3, 1}, "m": {2, 1, 3}})
    assert problem_of(vocs).variables == {
        "a": co.Choice([1.5, 3, "a", "b"]),
        "n": co.Choice([1, 3]),
        "m": co.Integer(1, 3),
    }


def test_a_pool_of_one_column_is_a_set_of_values():
    vocs = vocs_of(co.Problem(co.Pool(["CCO", "CC"], name="smiles"), (co.Output("ie", "maximize"),)))
    assert vocs.variables["smiles"].values == {"CCO", "CC"}
    assert vocs.objective_names == ["ie"]


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (co.Problem(co.Pool([{"a": 1, "b": 2}])), "only its rows may be combined"),
        (co.Problem(co.Pool(range(10_001))), "a pool of 10001 rows has no VOCS"),
        (co.Problem({"x": co.Structured("crystal", str, str)}), "'x': a VOCS has no word for"),
        (co.Problem({"x": co.Choice([[1], [2]])}), "'x': the values of a VOCS make a set"),
        (co.Problem({"x": co.Constant(1)}), "at least one variable"),
    ],
)
def test_what_a_vocs_has_no_words_for_is_named(problem: co.Problem, message: str):
    with pytest.raises(ProblemError, match=message):
        vocs_of(problem)


@pytest.mark.parametrize(
    ("vocs", "message"),
    [
        (VOCS(variables={"x": ContextualVariable()}), "'x' is contextual"),
        (VOCS(variables={"x": [0, 1]}, constraints={"c": ["BOUNDS", 0, 1]}), "'c' has two bounds"),
        (
            VOCS(variables={"x": [0, 1]}, objectives={"f": "MINIMIZE"}, constraints={"f": ["LESS_THAN", 1]}),
            "a constraint too",
        ),
        ({"x": [0, 1]}, "expected a gest_api.vocs.VOCS, got"),
    ],
)
def test_what_a_problem_has_no_words_for_is_named(vocs: object, message: str):
    with pytest.raises(ProblemError, match=message):
        problem_of(vocs)
