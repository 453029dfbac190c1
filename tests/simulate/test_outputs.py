"""What is taken from a simulator and what is refused."""

from __future__ import annotations

import math
import timeit
from collections import UserDict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.campaign.campaign import Campaign
from cohobate.core.errors import BadOutput, SimulatorError
from cohobate.core.pool import Pool
from cohobate.core.problem import AtMost, Output
from cohobate.propose.active import ActiveLearning
from cohobate.simulate.chem import ionization_energy
from cohobate.simulate.function import Simulator, as_simulator, simulator
from cohobate.simulate.outputs import check_outputs, outputs_of

IE = (Output("ie", "maximize", unit="eV"),)
TWO = (Output("ie", "maximize"), Output("gap", AtMost(3.0)))
FREE = (Output("note"),)
FORCES = (Output("forces", "explore", shape=(2, 3)),)
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite)
def test_a_bare_number_is_the_one_output(x: float):
    assert outputs_of(x, IE) == {"ie": x}


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.text(), st.booleans()), max_size=3), finite, finite)
def test_a_mapping_is_kept_as_it_is(extra: dict[str, Any], x: float, y: float):
    returned = {**extra, "ie": x, "gap": y}
    assert outputs_of(returned, TWO) == returned
    assert outputs_of(UserDict(returned), TWO) == returned


def test_the_returned_mapping_is_not_the_callers():
    returned = {"ie": 1.0}
    assert outputs_of(returned, IE) is not returned


def test_nothing_declared():
    assert outputs_of(2.0, ()) == {"value": 2.0}
    assert outputs_of({"a": math.nan}, ())["a"] is math.nan


@pytest.mark.parametrize("value", [1, 1.5, np.float64(2), np.float32(2), np.int8(3), np.array(4.0), -0.0, 5e-324])
def test_numbers(value: object):
    assert outputs_of(value, IE)["ie"] == value


NO_NUMBERS = (True, np.True_, 1j, np.complex128(1), None, "1.0", b"1", [1.0], {1.0}, Fraction(1, 3), object())
NOT_FINITE = (math.nan, math.inf, np.float64("nan"), np.array(-np.inf), 10**400)
ARRAYS = (np.array([1.0]), np.array("x"), np.array(None))


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE, *ARRAYS])
def test_what_is_no_finite_real_number(value: object):
    with pytest.raises(BadOutput, match=r"output 'ie': expected a finite real number, got "):
        outputs_of(value, IE)


@pytest.mark.parametrize("value", [np.zeros((2, 3)), [[0, 1, 2], [3, 4, 5]], ((0.0,) * 3,) * 2])
def test_arrays_of_the_declared_shape(value: object):
    assert np.array_equal(outputs_of({"forces": value}, FORCES)["forces"], value)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (np.zeros((3, 2)), r"shape \(3, 2\)"),
        (np.zeros(6), r"shape \(6,\)"),
        (0.0, r"shape \(\)"),
        (np.full((2, 3), math.nan), "not finite"),
        ([[1, 2, 3], [4, 5, math.inf]], "not finite"),
        ([[1, 2, 3], [4, 5]], r"\[\[1, 2, 3\], \[4, 5\]\]"),
        (np.zeros((2, 3), dtype=bool), "array"),
        ([["a"] * 3] * 2, "'a'"),
    ],
)
def test_arrays_that_do_not_fit(value: object, got: str):
    with pytest.raises(BadOutput, match=rf"'forces': expected finite real numbers of shape \(2, 3\), got .*{got}"):
        outputs_of({"forces": value}, FORCES)


@pytest.mark.parametrize("value", [math.nan, None, "text", 1j, [object()], np.array([True])])
def test_outputs_without_goal_may_be_anything(value: object):
    assert repr(outputs_of(value, FREE)["note"]) == repr(value)
    assert repr(outputs_of({"note": value}, FREE)["note"]) == repr(value)


@pytest.mark.parametrize("declared", [IE, (Output("ie"),)])
def test_declared_outputs_must_be_there(declared: tuple[Output, ...]):
    with pytest.raises(BadOutput, match=r"did not return 'ie': it returned \['IE', 'n'\]"):
        outputs_of({"IE": 1.0, "n": 2}, declared)


def test_a_misspelled_output_is_guessed():
    with pytest.raises(BadOutput, match=r"'energy'.*did you mean 'enregy'\?"):
        outputs_of({"enregy": 1.0}, (Output("energy", "minimize"),))


def test_a_bare_value_for_two_outputs():
    with pytest.raises(BadOutput, match=r"mapping with the outputs \['ie', 'gap'\], it returned 1.0"):
        outputs_of(1.0, TWO)


@pytest.mark.parametrize("key", [1, None, b"ie", ("ie",)])
def test_names_are_text(key: object):
    with pytest.raises(BadOutput, match="names of outputs are text"):
        outputs_of({"ie": 1.0, key: 2.0}, IE)


def test_messages_survive_any_repr():
    class Rude:
        def __repr__(self) -> str:
            raise ValueError

    with pytest.raises(BadOutput, match="Rude"):
        outputs_of(Rude(), IE)
    with pytest.raises(BadOutput) as caught:
        outputs_of("line\n" * 100_000, IE)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("returned", "declared"), [(1.5, IE), ({"ie": 1.5}, IE), ({"ie": 1.0, "gap": 2.0}, TWO)])
def test_plain_floats_cost_next_to_nothing(returned: object, declared: tuple[Output, ...]):
    fastest = min(timeit.repeat(lambda: outputs_of(returned, declared), number=1000, repeat=50)) / 1000
    assert fastest < 1.5e-6


def test_what_the_simulator_uses_again_is_not_shared():
    buffer, words, inner = np.zeros(3), ["a"], {"deep": np.zeros(2)}
    outputs = outputs_of({"ie": 1.0, "buffer": buffer, "words": words, "inner": [inner]}, IE)
    buffer[:], inner["deep"][:] = 7, 7
    words.append("b")
    assert outputs["buffer"].tolist() == [0, 0, 0]
    assert outputs["words"] == ["a"]
    assert outputs["inner"][0]["deep"].tolist() == [0, 0]


@pytest.mark.parametrize("value", [np.array(2.5), np.float32(2.5), np.float64(2.5)])
def test_a_numpy_number_is_a_plain_one(value: Any):
    assert type(outputs_of({"ie": value}, IE)["ie"]) is float
    assert type(outputs_of(value, IE)["ie"]) is float


def test_a_container_within_itself_is_left_to_be_refused():
    endless: list[Any] = []
    endless.append(endless)
    assert "note" in outputs_of({"note": endless}, FREE)


@simulator(outputs={"ie": "eV", "note": ""})
def declared(smiles: str) -> dict[str, Any]:
    return {"ie": 1.0 * len(smiles), "note": smiles}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            Output("ei", "maximize"),
            r"objective 'ei' is not among .* of declared: ie \(eV\), note; did you mean 'ie'",
        ),
        (Output("gap", AtMost(1.0)), r"^output 'gap' is not among the outputs of declared: ie \(eV\), note$"),
        (Output("ie", "maximize", unit="kcal/mol"), "'ie' is wanted in 'kcal/mol', but declared gives it in 'eV'"),
    ],
)
def test_what_a_simulator_does_not_declare_is_refused(wanted: Output, message: str):
    with pytest.raises(SimulatorError, match=message):
        check_outputs(declared, (Output("note"), wanted))


@pytest.mark.parametrize("wanted", [(), IE, (Output("ie", "maximize"), Output("note"))])
def test_what_a_simulator_declares_is_taken(wanted: tuple[Output, ...]):
    check_outputs(declared, wanted)


@pytest.mark.parametrize("made", [as_simulator(len), Simulator(len), simulator(len), simulator()(len)])
def test_what_declares_nothing_is_not_checked(made: Simulator):
    check_outputs(made, IE)


def test_a_misspelt_objective_is_refused_before_the_first_evaluation():
    pool = Pool(["C", "CC", "CCC"], name="smiles")
    with pytest.raises(SimulatorError, match=r"'ei' is not among the outputs of ionization_energy.*did you mean 'ie'"):
        Campaign(ActiveLearning(pool, maximize="ei"), ionization_energy)


def test_a_misspelt_output_of_an_undeclared_one_is_told_in_the_failure():
    with pytest.raises(BadOutput, match=r"did not return 'ei': it returned .*did you mean 'ie'"):
        outputs_of({"ie": 1.0, "gap": 2.0}, (Output("ei", "maximize"),))
