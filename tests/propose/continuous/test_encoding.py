"""Variables as coordinates: there and back, whatever their kind, scale and size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.problem import Choice, Constant, Integer, Problem, Real
from cohobate.propose.continuous.encoding import Encoding

SPACE = {
    "x": Real(-3.0, 5.0),
    "huge": Real(-1e308, 1e308),
    "log": Real(1e-6, 1e3, log=True),
    "fixed": Constant("here"),
    "n": Integer(-2, 4),
    "m": Integer(1, 10_000, log=True),
    "kind": Choice(["a", None, [1, 2]]),
}
ENCODING = Encoding.of(Problem(SPACE), "test")


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_a_point_stands_for_the_inputs_it_leads_to(point: list[float]):
    [inputs] = ENCODING.inputs(np.array([point]))
    assert Problem(SPACE).check(inputs) is None
    back = ENCODING.point(inputs)
    [again] = ENCODING.inputs(back[None])
    assert [again[name] for name in ("n", "m", "kind", "fixed")] == [
        inputs[name] for name in ("n", "m", "kind", "fixed")
    ]
    assert [again["x"], again["log"]] == pytest.approx([inputs["x"], inputs["log"]], rel=1e-9, abs=1e-12)
    assert ENCODING.columns(back[None]) == pytest.approx(ENCODING.columns(np.array([point])), abs=1e-9)
    assert ENCODING.points(ENCODING.columns(back[None])) == pytest.approx(back[None], abs=1e-9)


def test_different_choices_are_one_apart_and_share_a_length():
    columns = ENCODING.columns(ENCODING.points(np.eye(3) @ np.eye(3, 8, 5)))
    assert ENCODING.groups == (0, 1, 2, 3, 4, 5, 5, 5)
    assert np.linalg.norm(columns[0] - columns[1]) == pytest.approx(1.0)


def test_all_points_of_a_space_without_reals():
    encoding = Encoding.of(Problem({"n": Integer(1, 3, log=True), "c": Choice(["xy"])}), "test")
    assert encoding.size == 3
    assert [row["n"] for row in encoding.inputs(encoding.every())] == [1, 2, 3]
