"""What a simulator returned, checked against the outputs a problem declares."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from cohobate.core.errors import BadOutput, SimulatorError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.problem import Output
from cohobate.simulate.function import Simulator

NUMERIC = "iuf"
"""The kinds of numpy types that are real numbers (and not booleans)."""
SCALAR = NUMERIC + "b"
"""The kinds of numpy numbers that have a plain twin."""
PLAIN = frozenset({float, int, str, bool, type(None)})
"""Types of values that cannot change, and that any ledger takes."""
UNDECLARED = ("the simulator did not return", "the simulator must return")
"""How messages begin that tell of other outputs than were declared."""
DEEPEST = 100
"""Containers within containers that are looked into; a ledger takes no more."""


def outputs_of(returned: Payload, declared: tuple[Output, ...]) -> dict[str, Any]:
    """Returns the outputs by name.

    ``returned`` is a mapping of outputs, or the bare value of the one declared output (of ``value``
    where none is declared). Outputs with a goal or constraint must be finite real numbers of the
    declared shape; other declared ones must be there; undeclared ones are kept. Raises ``BadOutput``.
    What comes back shares no array, list or mapping with the simulator, which may use its own again;
    a numpy number, also as an array of shape (), is a plain one.

    >>> outputs_of(2.5, (Output("ie", "maximize"),))
    {'ie': 2.5}
    """
    if _is_simple(returned, declared):
        return {declared[0].name: returned}
    outputs = _named(returned, declared)
    for output in declared:
        _check_declared(output, outputs)
    if PLAIN.issuperset(map(type, outputs.values())):
        return outputs
    return {name: _own(value) for name, value in outputs.items()}


def check_outputs(simulator: Simulator, wanted: tuple[Output, ...]) -> None:
    """Raises ``SimulatorError`` where a problem wants what a simulator that declares its outputs does not return."""
    if simulator.outputs is None:
        return
    units = {output.name: output.unit for output in simulator.outputs}
    for output in wanted:
        if output.name not in units:
            raise SimulatorError(_unknown(output, simulator.name, units))
        if output.unit and output.unit != (given := units[output.name]):
            raise SimulatorError(
                f"output {output.name!r} is wanted in {output.unit!r}, but {simulator.name} gives it in {given!r}"
            )


def _unknown(output: Output, simulator: str, units: Mapping[str, str]) -> str:
    what = "objective" if output.goal in ("minimize", "maximize", "explore") else "output"
    listed = ", ".join(f"{name} ({unit})" if unit else name for name, unit in units.items())
    hint = did_you_mean(output.name, units)
    return f"{what} {output.name!r} is not among the outputs of {simulator}: {listed}{hint}"


def _is_simple(returned: Payload, declared: tuple[Output, ...]) -> bool:
    """Whether a finite number was returned where one number is wanted: the shortest way."""
    return type(returned) is float and len(declared) == 1 and not declared[0].shape and math.isfinite(returned)


def _check_declared(output: Output, outputs: Mapping[str, Any]) -> None:
    """Raises ``BadOutput`` unless a declared output is there, and as it must be where it has a goal."""
    name = output.name
    if name not in outputs:
        raise BadOutput(f"{UNDECLARED[0]} {name!r}: {_misspelled(name, outputs)}")
    value = outputs[name]
    if output.goal is not None and not (type(value) is float and not output.shape and math.isfinite(value)):
        _check(output, value)


def _own(value: Payload, depth: int = 0) -> Payload:
    """Returns a value that nobody else can change; what no ledger takes is left as it is, to be refused."""
    if type(value) in PLAIN:  # by far the most
        return value
    match value:
        case np.ndarray(shape=()) | np.generic() if value.dtype.kind in SCALAR:
            return value.item()
        case np.ndarray():
            return value.copy()
        case dict() | list() | tuple() if depth > DEEPEST or type(value) not in (dict, list, tuple):
            return value
        case dict():
            return {key: _own(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_own(item, depth + 1) for item in value)
    return value


def _named(returned: Payload, declared: tuple[Output, ...]) -> dict[str, Any]:
    if isinstance(returned, float) or not isinstance(returned, Mapping):
        return _bare(returned, declared)
    outputs = dict(returned)
    for key in outputs:
        if not isinstance(key, str):
            raise BadOutput(f"the simulator returned a mapping with the key {_short(key)}: names of outputs are text")
    return outputs


def _bare(returned: Payload, declared: tuple[Output, ...]) -> dict[str, Any]:
    if len(declared) == 1:
        return {declared[0].name: returned}
    if not declared:
        return {"value": returned}
    names = [output.name for output in declared]
    raise BadOutput(f"{UNDECLARED[1]} a mapping with the outputs {names}, it returned {_short(returned)}")


def _misspelled(name: str, outputs: Mapping[str, Any]) -> str:
    return f"it returned {_short(list(outputs))}{did_you_mean(name, outputs)}"


def _check(output: Output, value: Payload) -> None:
    """Raises ``BadOutput`` unless ``value`` is finite, real and of the declared shape."""
    if (array := _array(value)) is None:
        raise BadOutput(f"output {output.name!r}: expected {_wanted(output)}, got {_short(value)}")
    if output.shape is not None and array.shape != output.shape:
        raise BadOutput(f"output {output.name!r}: expected {_wanted(output)}, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise BadOutput(f"output {output.name!r}: expected {_wanted(output)}, got {_short(value)}, which is not finite")


def _array(value: Payload) -> np.ndarray[Any, Any] | None:
    """Returns real numbers as an array, ``None`` for anything else."""
    if not isinstance(value, int | float | list | tuple | np.ndarray | np.generic):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return None
    return array if array.dtype.kind in NUMERIC else None


def _wanted(output: Output) -> str:
    if output.shape is None:
        return "a finite real number, or an array of them"
    return f"finite real numbers of shape {output.shape}" if output.shape else "a finite real number"


def _short(value: object) -> str:
    """Returns its ``repr`` in one short line, whatever that does."""
    return " ".join(reprlib.repr(value).split())[:200]
