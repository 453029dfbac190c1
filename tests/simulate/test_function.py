"""How simulators are made, named and called."""

from __future__ import annotations

import functools
import inspect
import math
import pickle
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.errors import SimulatorError
from cohobate.core.problem import Output
from cohobate.simulate.function import Simulator, as_simulator, bind, identity, is_async, simulator

Fn = Callable[..., Any]


def energy(x: float, y: float = 2.0) -> float:
    """The energy."""
    return x - y


def called(fn: Fn, names: tuple[str, ...], **inputs: Any):
    return bind(as_simulator(fn), names)(inputs)


class Harmonic:
    def __call__(self, r: float) -> float:
        return r * r


class TestSimulator:
    def test_is_called_like_the_function(self):
        assert simulator(energy)(5.0, y=1.0) == 4.0

    def test_decorator_takes_settings(self):
        decorated = simulator(version="2", deterministic=True)(energy)
        assert (decorated.version, decorated.deterministic, decorated.name) == ("2", True, "energy")

    def test_decorator_without_arguments(self):
        assert simulator(energy) == Simulator(energy, name="energy")

    def test_wrapping_twice_changes_nothing(self):
        once = as_simulator(energy)
        assert as_simulator(once) is once

    def test_signature_and_docstring_are_those_of_the_function(self):
        assert inspect.signature(simulator(energy)) == inspect.signature(energy)
        assert simulator(energy).__doc__ == "The energy."

    @pytest.mark.parametrize(
        ("fn", "name"),
        [
            (energy, "energy"),
            (functools.partial(functools.partial(energy, y=1), x=2), "energy"),
            (Harmonic(), "Harmonic"),
            (lambda x: x, "<lambda>"),
            (math.sin, "sin"),
        ],
    )
    def test_name(self, fn: Fn, name: str):
        assert as_simulator(fn).name == name

    @pytest.mark.parametrize("thing", [3.0, None, "energy"])
    def test_needs_something_to_call(self, thing: object):
        with pytest.raises(SimulatorError, match="something to call, got the"):
            as_simulator(thing)

    def test_declares_its_outputs(self):
        made = simulator(lambda x: {"f": x}, outputs={"f": "eV", "n": ""})
        assert made.outputs == (Output("f", unit="eV"), Output("n"))
        assert pickle.loads(cloudpickle.dumps(made)).outputs == made.outputs
        assert as_simulator(energy).outputs is None
        assert hash(made) == hash(made)

    @pytest.mark.parametrize("outputs", [["f"], "f", {"f": None}, {1: "eV"}, {"f": Output("f")}])
    def test_outputs_are_names_with_units(self, outputs: object):
        with pytest.raises(SimulatorError, match="outputs: expected names with their units"):
            simulator(energy, outputs=outputs)

    def test_travels_by_value_in_live_pipes(self):
        sent = pickle.loads(cloudpickle.dumps(simulator(lambda x: x + 1, version="7")))
        assert (sent(2), sent.version, sent.name) == (3, "7", "<lambda>")

    def test_travels_by_reference_where_it_can_be_found(self, monkeypatch: pytest.MonkeyPatch):
        module = ModuleType("some_simulators")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec("def square(x):\n    return x * x", vars(module))
        module.square = simulator(module.square)
        assert pickle.loads(pickle.dumps(module.square)) is module.square
        assert pickle.loads(pickle.dumps(bind(module.square, ("x",))))({"x": 3}) == 9


class TestIsAsync:
    async def coroutine(self, x: float):
        return x

    def test_coroutine_functions(self):
        async def fn(x: float):
            return x

        class Caller:
            async def __call__(self, x: float) -> float:
                return x

        assert all(map(is_async, map(as_simulator, (fn, functools.partial(fn, x=1), self.coroutine, Caller()))))

    def test_plain_functions(self):
        assert not any(map(is_async, map(as_simulator, (energy, math.sin, Harmonic(), lambda x: x))))


class TestBind:
    def test_by_name_in_any_order(self):
        assert called(energy, ("y", "x"), y=1.0, x=5.0) == 4.0

    def test_parameters_with_defaults_may_be_left_out(self):
        assert called(energy, ("x",), x=5.0) == 3.0

    def test_by_name_through_kwargs(self):
        assert called(lambda **inputs: inputs, ("a", "b"), a=1, b=2) == {"a": 1, "b": 2}

    def test_keyword_only(self):
        def fn(*, a: float, b: float):
            return a / b

        assert called(fn, ("b", "a"), a=1, b=2) == 0.5

    @pytest.mark.parametrize(
        "fn",
        [
            lambda smiles: smiles,
            lambda smiles, tolerance=1e-3: smiles,
            lambda smiles, /: smiles,
            lambda smiles, **options: smiles,
            lambda smiles=None, **options: smiles,
            lambda *rest: rest[0],
        ],
    )
    def test_one_variable_by_position_whatever_the_parameter_is_called(self, fn: Fn):
        assert called(fn, ("candidate",), candidate="CCO") == "CCO"

    def test_the_candidate_of_a_positional_parameter_beside_named_ones(self):
        def fn(candidate: str, /, *, level: str = "full", more: int = 0):
            return candidate, level, more

        assert called(fn, ("smiles", "level"), smiles="C", level="quick") == ("C", "quick", 0)
        assert called(fn, ("level", "structure", "more"), structure="N", level="x", more=1) == ("N", "x", 1)
        for names in (("smiles", "name"), ("smiles", "levle"), ("level", "more"), ("level",)):
            with pytest.raises(SimulatorError, match="cannot be called"):
                bind(as_simulator(fn), names)

    def test_one_variable_by_its_name_where_there_is_one(self):
        assert called(lambda tolerance=1, x=0: (tolerance, x), ("x",), x=5) == (1, 5)

    def test_no_variables(self):
        assert called(lambda: 7, ()) == 7

    def test_builtins(self):
        assert called(math.sqrt, ("x",), x=4.0) == 2.0

    def test_builtin_that_hides_its_signature(self):
        assert called(max, ("values",), values=[1, 3, 2]) == 3
        with pytest.raises(SimulatorError, match="no readable signature"):
            bind(as_simulator(max), ("a", "b"))

    def test_partials_objects_and_methods(self):
        assert called(functools.partial(energy, y=1.0), ("x",), x=5.0) == 4.0
        assert called(Harmonic(), ("q",), q=3) == 9
        assert called(Harmonic().__call__, ("r",), r=3) == 9

    @pytest.mark.parametrize(
        ("fn", "names"),
        [
            (energy, ("x", "z")),
            (energy, ("y",)),
            (lambda a, b, c: 0, ("a", "b")),
            (lambda a, b: 0, ("x",)),
            (lambda a, b, /: 0, ("a", "b")),
            (lambda: 0, ("x",)),
            (lambda *values: 0, ("a", "b")),
        ],
    )
    def test_misfits_are_refused_before_any_call(self, fn: Fn, names: tuple[str, ...]):
        with pytest.raises(SimulatorError) as caught:
            bind(as_simulator(fn), names)
        message = str(caught.value)
        assert as_simulator(fn).name in message
        assert str(list(names)) in message
        assert all(parameter in message for parameter in inspect.signature(fn).parameters)

    @given(st.lists(st.sampled_from("abcdef"), min_size=2, unique=True), st.data())
    def test_each_variable_reaches_its_parameter(self, names: list[str], data: st.DataObject):
        order = data.draw(st.permutations(names))
        fn = eval(f"lambda {', '.join(order)}: dict({', '.join(f'{n}={n}' for n in order)})")
        inputs = {name: object() for name in names}
        assert bind(as_simulator(fn), tuple(names))(inputs) == inputs


def test_identity_is_the_version_where_there_is_one():
    assert identity(simulator(energy, version="1")) == "1"
    assert identity(simulator(energy)) == identity(as_simulator(energy)) != "1"
