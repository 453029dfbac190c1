"""Rows of a gest-api generator: what it suggests as inputs, what came of them as it wants to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any, Final, Literal, final

import numpy as np

from cohobate.core.canonical import canonical
from cohobate.core.errors import GeneratorError
from cohobate.core.outcome import Outcome, Value
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.core.problem import AtLeast, AtMost, Choice, Constant, Integer, Output, Problem, Real, Variable
from cohobate.core.trial import Inputs

OnFailure = Literal["drop", "nan", "worst"]
Row = dict[str, Any]
XOPT: Final = {"xopt_runtime": 0.0, "xopt_error": False}
"""Columns that Xopt's own evaluator adds, and some of its generators read."""
SLACK: Final = 1e-9
"""How far beyond a bound, as a share of the interval, counts as rounding."""


def key_of(inputs: Inputs) -> str:
    """Returns one text for equal inputs."""
    return canonical(inputs)


@final
class Suggested:
    """Reads suggestions: whatever number types they are made of, constants left out or not."""

    def __init__(self, problem: Problem, name: str) -> None:
        self._name = name
        self._variables = _columns(problem)
        self._level = {problem.fidelity.name: problem.fidelity.full} if problem.fidelity else {}
        self.constants = tuple(name for name, one in self._variables.items() if isinstance(one, Constant))

    def inputs(self, row: Payload) -> Inputs:
        """Returns a suggestion as inputs, at the full level; an ``Integer`` is rounded to.

        Raises ``GeneratorError`` where it is no mapping, or lacks a variable; what else may be wrong is
        left to the problem.
        """
        if not isinstance(row, Mapping):
            raise GeneratorError(f"{self._name} suggested {row!r:.80}: expected a mapping of variables to values")
        inputs = {
            name: one.value if isinstance(one, Constant) else _fit(one, plain(self._value(row, name)))
            for name, one in self._variables.items()
        }
        return {**inputs, **self._level}

    def outside(self, inputs: Inputs) -> bool:
        """Whether a point is beyond the bounds of a variable, as local optimizers' may be."""
        return any(
            isinstance(one, Real | Integer) and _is_number(inputs[name]) and not one.lo <= inputs[name] <= one.hi
            for name, one in self._variables.items()
        )

    def row(self, inputs: Inputs) -> Row:
        """Returns the variables of a point, without its level."""
        return {name: inputs[name] for name in self._variables}

    def _value(self, row: Mapping[str, Payload], name: str) -> Payload:
        try:
            return row[name]
        except KeyError:
            raise GeneratorError(
                f"{self._name} suggested {list(row)!r:.200}: expected the variables {list(self._variables)}"
            ) from None


def _columns(problem: Problem) -> Mapping[str, Variable]:
    """Returns the variables; those of a pool are the choice of its values."""
    pool = problem.variables
    return {name: Choice(pool.column(name)) for name in pool.names} if isinstance(pool, Pool) else pool


def plain(value: Payload) -> Payload:
    """Returns numpy's scalars and arrays of no dimension as Python's own."""
    scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    return value.item() if scalar else value


def _fit(variable: Variable, value: Payload) -> Payload:
    """Returns a value as the variable has it; one that does not fit as it is."""
    match variable:
        case Choice(values) if value in values:
            return values[values.index(value)]  # ours: theirs may be numpy's, or 1.0 for 1
        case Real(lo, hi) if _is_number(value):
            slack = SLACK * (hi - lo) if variable.bounded else 0.0
            return float(min(max(value, lo), hi) if lo - slack <= value <= hi + slack else value)
        case Integer() if _is_number(value) and np.isfinite(value):
            return round(value)
    return value


def _is_number(value: Payload) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nothing is told of this one."""


@final
class Told:
    """Writes outcomes as a generator wants them: all declared outputs, and what stands for a failure."""

    def __init__(self, outputs: tuple[Output, ...], on_failure: OnFailure, *, xopt: bool) -> None:
        self._outputs, self._on_failure = outputs, on_failure
        self._columns = XOPT if xopt else {}
        self._worst: dict[str, float] = {}

    def row(self, outcome: Outcome) -> Row | Dropped:
        """Returns the outputs of one outcome; ``worst`` has nothing to say before the first value."""
        if isinstance(outcome, Value):
            return self.values(outcome.outputs)
        if self._on_failure == "drop" or (self._on_failure == "worst" and not self._worst):
            return Dropped()
        failed = {o.name: self._worst.get(o.name, nan) if self._on_failure == "worst" else nan for o in self._outputs}
        return {**failed, **self._columns, **({"xopt_error": True} if self._columns else {})}

    def values(self, outputs: Mapping[str, Payload]) -> Row:
        """Returns declared outputs; NaN for one that nobody had to return."""
        told = {o.name: plain(outputs.get(o.name, nan)) for o in self._outputs}
        self._learn(told)
        return {**told, **self._columns}

    def _learn(self, told: Row) -> None:
        for output in self._outputs:
            if (pick := _worse(output)) is not None:
                value = float(told[output.name])
                self._worst[output.name] = pick(self._worst.get(output.name, value), value)


def _worse(output: Output) -> Any:  # noqa: ANN401 min and max have no common type that mypy knows
    """Returns what picks the worse of two values; ``None`` where there is no worse."""
    match output:
        case Output(shape=(_, *_)):
            return None
        case Output(goal="minimize" | AtMost()):
            return max
        case Output(goal="maximize" | AtLeast()):
            return min
    return None
