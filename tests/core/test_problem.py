"""Variables, outputs and problems: what fits, and what is said where something does not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.canonical import canonical, content_hash
from cohobate.core.errors import ProblemError, did_you_mean
from cohobate.core.pool import Pool
from cohobate.core.problem import AtMost, Choice, Constant, Integer, Output, Problem, Real, Structured, pack, unpack


@pytest.mark.parametrize(
    ("variable", "fits", "misfits"),
    [
        (Real(-1, 2.5), [-1, 0.0, 2.5, np.float64(1)], [2.6, math.nan, math.inf, "1", None, True, 1j]),
        (Real(1e-3, 1, log=True), [1e-3, 1], [0.0, -1]),
        (Integer(0, 3), [0, 3, np.int64(2)], [4, 1.0, "1", False, math.nan]),
        (Choice(["a", "b"]), ["a", "b"], ["c", "", None, 0]),
        (Constant(300), [300], [301, None]),
    ],
)
def test_each_variable_says_what_does_not_fit(variable: Real, fits: list[object], misfits: list[object]):
    assert [variable.check(value) for value in fits] == [None] * len(fits)
    assert all(isinstance(variable.check(value), str) for value in misfits)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Real(1, 1), "below"),
        (lambda: Real(2, 1), "below"),
        (lambda: Integer(0, math.inf), "finite"),
        (lambda: Real(math.nan, 1), "numbers"),
        (lambda: Real("0", 1), "numbers"),
        (lambda: Real(0, 1, log=True), "positive"),
        (lambda: Integer(0.5, 2), "whole"),
        (lambda: Choice([]), "at least one"),
        (lambda: Choice({"a", "b"}), "ordered"),
        (lambda: Choice("abc"), "ordered"),
        (lambda: Output("f", "maximise"), "did you mean 'maximize'"),
        (lambda: Problem({"x": 3}), "expected Real"),
        (lambda: Problem({"": Real(0, 1)}), "needs a name"),
        (lambda: Problem({"x": Real(0, 1)}, (Output("f"), Output("f"))), "different names"),
    ],
)
def test_a_problem_that_makes_no_sense_is_refused(make: Callable[[], object], message: str):
    with pytest.raises(ProblemError, match=message):
        make()


def test_inputs_are_checked_by_name_and_value():
    problem = Problem({"x": Real(0, 1), "n": Integer(1, 3)}, (Output("f", "minimize"), Output("g", AtMost(2))))
    assert problem.check({"n": 2, "x": 0.5}) is None
    assert problem.check({"x": 0.5}) == "expected the variables ['x', 'n'], got ['x']"
    assert problem.check({"x": 0.5, "n": 9}) == "n: 9 is not within [1, 3]"
    assert [o.name for o in problem.objectives] == ["f"]


def test_inputs_of_a_pool_must_be_rows_of_it():
    problem = Problem(Pool(["CC", "CCO"], name="smiles"))
    assert problem.check({"smiles": "CC"}) is None
    assert problem.check({"smiles": "C"}) == "{'smiles': 'C'} is not a row of the pool"
    assert problem.check({"smiles": ["CC"]}) is not None


def test_equal_problems_are_described_alike_and_different_ones_are_not():
    def describe(hi: float = 1.0, goal: object = "minimize") -> str:
        return content_hash(Problem({"x": Real(0, hi)}, (Output("f", goal),)).describe())

    assert describe() == describe()
    assert len({describe(), describe(hi=2.0), describe(goal="maximize"), describe(goal=AtMost(1.0))}) == 4


def test_structured_payloads_are_stored_encoded():
    kind = Structured("set", encode=sorted, decode=set)
    structured = Problem({"s": kind, "x": Real(0, 1)}).structured
    stored = pack({"s": {3, 1}, "x": 0.5}, structured)
    assert stored == {"s": [1, 3], "x": 0.5}
    assert unpack(stored, structured) == {"s": {1, 3}, "x": 0.5}
    assert pack(stored, {}) is stored


data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(data)
def test_canonical_text_does_not_depend_on_the_order_of_keys(value: object):
    def reversed_keys(v: object) -> object:
        if isinstance(v, dict):
            return {k: reversed_keys(v[k]) for k in reversed(list(v))}
        return [reversed_keys(i) for i in v] if isinstance(v, list) else v

    assert canonical(value) == canonical(reversed_keys(value))


@given(st.lists(st.floats(), max_size=5))
def test_numpy_twins_are_spelled_alike(numbers: list[float]):
    assert canonical([np.float64(x) for x in numbers]) == canonical(numbers)


def test_different_data_have_different_canonical_texts():
    different = [1, 1.0, "1", True, None, math.nan, math.inf, -0.0, [1], {"a": 1}, b"1", np.ones(2), np.ones((1, 2))]
    assert len({canonical(value) for value in different}) == len(different)
    with pytest.raises(TypeError, match="no canonical form"):
        canonical({"a": object()})


def test_did_you_mean():
    assert did_you_mean("evaluatons", ["evaluations", "seconds"]) == "; did you mean 'evaluations'?"
    assert did_you_mean("zzz", ["evaluations"]) == ""


def test_a_codec_that_raises_is_named():
    crystal = {"cell": Structured("crystal", encode=lambda cell: 1 / 0, decode=lambda data: data["a"])}
    with pytest.raises(ProblemError, match="encode of the structured 'crystal' raised ZeroDivisionError"):
        pack({"cell": 1}, crystal)
    with pytest.raises(ProblemError, match="decode of the structured 'crystal' raised KeyError"):
        unpack({"cell": {}}, crystal)
