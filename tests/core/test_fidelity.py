"""Levels of accuracy: what counts is the full one."""

from __future__ import annotations

import pytest

import cohobate as co
from cohobate.core.errors import ProblemError
from cohobate.core.problem import Integer, Output, Problem


@pytest.mark.parametrize(
    ("name", "costs", "wrong"),
    [
        ("no name", {"a": 1, "b": 2}, "the name of an argument"),
        ("level", {"a": 1}, "two or more"),
        ("level", {"a": 2, "b": 1}, "none above that of the last"),
        ("level", {"a": 0, "b": 1}, "positive costs"),
        ("level", {"a": "1", "b": 1}, "positive costs"),
        ("level", {1: 1, "b": 1}, "two or more named"),
    ],
)
def test_what_is_none_is_refused(name: str, costs: dict, wrong: str):
    with pytest.raises(ProblemError, match=wrong):
        co.Fidelity(name, costs)


def test_inputs_name_a_level():
    problem = Problem({"x": Integer(0, 3)}, (), co.Fidelity("level", {"quick": 1, "full": 8}))
    assert problem.names == ("x", "level")
    assert problem.check({"x": 1, "level": "quick"}) is None
    assert problem.check({"x": 1}) == "None is not one of the levels ['quick', 'full']"
    assert "did you mean 'full'" in str(problem.check({"x": 1, "level": "ful"}))
    assert problem.check({"x": 9, "level": "full"}) == "x: 9 is not within [0, 3]"
    assert problem.check({"level": "full"}) == "expected the variables ['x', 'level'], got []"
    assert problem.describe()["fidelity"] == {"name": "level", "levels": ["quick", "full"], "costs": [1, 8]}
    assert "fidelity" not in Problem({"x": Integer(0, 3)}).describe()


def test_its_name_is_no_variable():
    with pytest.raises(ProblemError, match="choose another name"):
        Problem({"x": Integer(0, 3)}, (), co.Fidelity("x", {"quick": 1, "full": 8}))


def test_samplers_propose_the_full_level():
    problem = Problem(co.Pool(["a", "b"]), (Output("f", "minimize"),), co.Fidelity("level", {"quick": 1, "full": 8}))
    assert co.Grid(problem).suggest(5) == [{"candidate": c, "level": "full"} for c in "ab"]
