"""Simulators that take arrays: what they get, and what is made of what they return."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import BadOutput, SimulatorError
from cohobate.simulate.function import Simulator, bind, simulator
from cohobate.simulate.vectorised import Vectorised, column, rows_of, vectorised


def bound(fn: Any, variables: Any) -> Vectorised:
    problem = co.Problem(variables)
    own = simulator(fn, vectorised=True)
    return vectorised(own, bind(own, problem.names), problem)


class TestDecorator:
    def test_says_how_many_at_once(self):
        assert [simulator(abs, vectorised=given).batch for given in (False, True, 64)] == [None, 1000, 64]

    def test_takes_other_settings_too(self):
        @simulator(vectorised=True, version="3", outputs={"f": "eV"})
        def square(x: Any) -> Any:
            return x * x

        assert (square.batch, square.version, square.outputs) == (1000, "3", (co.Output("f", unit="eV"),))
        assert square(3.0) == 9.0

    @pytest.mark.parametrize("wrong", [-1, 2.5, "yes"])
    def test_refuses_what_is_no_number(self, wrong: Any):
        with pytest.raises(SimulatorError, match="expected True, or at most how many candidates"):
            simulator(abs, vectorised=wrong)

    def test_refuses_coroutine_functions(self):
        async def slow(x: Any) -> Any:
            return x

        with pytest.raises(SimulatorError, match="async"):
            simulator(slow, vectorised=True)

    def test_travels(self):
        import cloudpickle

        sent: Simulator = cloudpickle.loads(cloudpickle.dumps(simulator(lambda x: x, vectorised=7)))
        assert sent.batch == 7


class TestArguments:
    def test_are_arrays_by_name(self):
        seen: dict[str, Any] = {}

        def record(x: Any, n: Any, kind: Any, unit: Any) -> Any:
            seen.update(x=x, n=n, kind=kind, unit=unit)
            return x

        space = {"x": co.Real(0, 9), "n": co.Integer(0, 9), "kind": co.Choice(["a", "bc"]), "unit": co.Constant("eV")}
        rows = [{"x": 1, "n": 2, "kind": "a", "unit": "eV"}, {"x": 2.5, "n": 3, "kind": "bc", "unit": "eV"}]
        assert list(bound(record, space).rows(rows)) == [1.0, 2.5]
        np.testing.assert_array_equal(seen["x"], [1.0, 2.5])
        assert (seen["x"].dtype.kind, seen["n"].dtype.kind, seen["kind"].tolist()) == ("f", "i", ["a", "bc"])
        assert seen["unit"] == "eV"

    def test_whole_numbers_of_a_real_variable_are_real(self):
        assert list(bound(lambda x: x**-1.0, {"x": co.Real(1, 9)}).rows([{"x": 2}, {"x": 4}])) == [0.5, 0.25]

    def test_of_different_types_stay_what_they_are(self):
        assert column([1, "a", (2, 3)]).tolist() == [1, "a", (2, 3)]

    def test_one_candidate_is_an_array_too(self):
        assert bound(lambda x: np.cumsum(x), {"x": co.Real(0, 9)})({"x": 3.0}) == 3.0

    def test_structured_ones_are_refused(self):
        crystal = co.Structured("crystal", lambda value: value, lambda value: value)
        with pytest.raises(SimulatorError, match="structured variable 'x' cannot be an array"):
            bound(lambda x: x, {"x": crystal})


class TestRows:
    def test_of_an_array(self):
        assert rows_of(np.array([1.0, 2.0]), 2) == [1.0, 2.0]
        assert [type(row) for row in rows_of(np.array([1.0, 2.0]), 2)] == [float, float]

    def test_of_a_mapping_of_arrays(self):
        rows = rows_of({"f": np.arange(2.0), "forces": np.ones((2, 3, 3))}, 2)
        assert [row["f"] for row in rows] == [0.0, 1.0]
        assert [row["forces"].shape for row in rows] == [(3, 3), (3, 3)]

    def test_of_a_list(self):
        assert rows_of([1.0, None], 2) == [1.0, None]

    @pytest.mark.parametrize(
        ("returned", "said"),
        [
            (np.ones(99), "expected 100 values, got 99$"),
            ({"f": np.ones(100), "g": [1.0]}, "expected 100 values of output 'g', got 1$"),
            (1.0, "expected 100 values, got a single float$"),
            (None, "expected 100 values, got a single NoneType$"),
        ],
    )
    def test_one_for_each_candidate_or_an_error(self, returned: Any, said: str):
        with pytest.raises(BadOutput, match=said):
            rows_of(returned, 100)
