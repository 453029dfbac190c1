"""Simulators that take many candidates in one call: an array for each variable in, an array for each output out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import BadOutput, SimulatorError
from cohobate.core.payload import Payload
from cohobate.core.problem import Constant, Problem, Real, Variable
from cohobate.core.trial import Inputs
from cohobate.simulate.function import Call, Simulator

NATIVE: Final = frozenset({float, int, str, bool})
"""Types of values of which there are arrays; a mixture of them, or anything else, goes into an array of objects."""


@final
@dataclass(frozen=True, slots=True)
class Vectorised:
    """How to call a simulator with one candidate, or with many at once."""

    call: Call
    variables: Mapping[str, Variable]

    def __call__(self, inputs: Inputs) -> Payload:
        """Returns what the simulator returns for one candidate."""
        return self.rows([inputs])[0]

    def rows(self, many: Sequence[Inputs]) -> Sequence[Payload]:
        """Returns what the simulator returns for each candidate; ``BadOutput`` where it is not one value for each."""
        names = many[0]
        return rows_of(self.call({name: self._column(name, many) for name in names}), len(many))

    def _column(self, name: str, many: Sequence[Inputs]) -> Payload:
        """Returns the values of a variable as an array: (n,)."""
        match self.variables.get(name):
            case Constant(value):
                return value
            case Real():
                return np.array([inputs[name] for inputs in many], dtype=float)
        return column([inputs[name] for inputs in many])


def vectorised(simulator: Simulator, call: Call, problem: Problem) -> Vectorised:
    """Returns how to call a vectorised simulator; raises ``SimulatorError`` where the candidates make no arrays."""
    if problem.structured:
        names = ", ".join(map(repr, problem.structured))
        raise SimulatorError(
            f"{simulator.name} is vectorised, and the structured variable {names} cannot be an array: "
            "let it take one candidate at a time, without vectorised="
        )
    variables = problem.variables if isinstance(problem.variables, Mapping) else {}
    return Vectorised(call, variables)


def column(values: Sequence[Payload]) -> np.ndarray[Any, Any]:
    """Returns values as an array: (n,), of their own type where that is one of Python's, else of objects.

    >>> column([1, 2]), column(["a", "bc"]), column([(1, 2), None])
    (array([1, 2]), array(['a', 'bc'], dtype='<U2'), array([(1, 2), None], dtype=object))
    """
    kinds = set(map(type, values))
    if len(kinds) == 1 and kinds <= NATIVE:
        return np.array(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def rows_of(returned: Payload, n: int) -> Sequence[Payload]:
    """Returns what a vectorised simulator returned, candidate by candidate: a value, or a mapping, for each of ``n``.

    >>> rows_of({"area": np.array([1.0, 4.0]), "remark": ["a", "b"]}, 2)
    [{'area': 1.0, 'remark': 'a'}, {'area': 4.0, 'remark': 'b'}]
    """
    if not isinstance(returned, Mapping):
        return _items(returned, n, "")
    names = list(returned)
    columns = [_items(values, n, f" of output {name!r}") for name, values in returned.items()]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _items(returned: Payload, n: int, of: str) -> Sequence[Payload]:
    """Returns the values of one output; numbers as Python's own."""
    wanted = f"a vectorised simulator must return a value for each candidate: expected {n} values{of}"
    if not isinstance(returned, list | tuple):
        returned = np.asarray(returned)
        if not returned.ndim:
            raise BadOutput(f"{wanted}, got a single {type(returned.item()).__name__}")
    if len(returned) != n:
        raise BadOutput(f"{wanted}, got {len(returned)}")
    if isinstance(returned, np.ndarray) and returned.ndim == 1:
        values: list[Payload] = returned.tolist()
        return values
    return list(returned)
