"""What may be proposed and what is wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from numbers import Real as Number
from typing import Any, Literal, get_args

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import ProblemError, did_you_mean
from cohobate.core.fidelity import Fidelity
from cohobate.core.payload import Payload, Plain
from cohobate.core.pool import Pool
from cohobate.core.trial import Inputs

Goal = Literal["minimize", "maximize", "explore"]


@dataclass(frozen=True, slots=True)
class Real:
    """A real number between ``lo`` and ``hi``, both included; ``log`` samples its logarithm.

    An infinite bound is none: then local optimisers can vary it, and whatever samples an interval refuses.
    With ``log`` and without a lower bound it is any positive number.
    """

    lo: float
    hi: float
    log: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        _check_interval("Real", self.lo, self.hi, log=self.log, finite=False)

    @property
    def bounded(self) -> bool:
        """Whether both bounds are finite."""
        return math.isfinite(self.lo) and math.isfinite(self.hi)

    def check(self, value: Payload) -> str | None:
        """Returns what is wrong with ``value``, or ``None``."""
        if type(value) is not float and (isinstance(value, bool) or not isinstance(value, Number)):
            return f"expected a number, got {value!r}"
        number = float(value)
        if self.lo <= number <= self.hi and number - number == 0 and (number > 0 or not self.log):
            return None
        return f"{value!r} is not {self.within}"

    @property
    def within(self) -> str:
        """What it may be, in words."""
        if self.bounded:
            return f"within [{self.lo}, {self.hi}]"
        if self.log:
            return f"positive{'' if self.hi == math.inf else f', at most {self.hi}'}"
        ends = [f"at least {self.lo}"] * math.isfinite(self.lo) + [f"at most {self.hi}"] * math.isfinite(self.hi)
        return f"finite{', ' if ends else ''}{''.join(ends)}"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between ``lo`` and ``hi``, both included."""

    lo: int
    hi: int
    log: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        _check_interval("Integer", self.lo, self.hi, log=self.log)
        if not (isinstance(self.lo, Integral) and isinstance(self.hi, Integral)):
            raise ProblemError(f"Integer({self.lo}, {self.hi}): both bounds must be whole numbers")

    def check(self, value: Payload) -> str | None:
        """Returns what is wrong with ``value``, or ``None``."""
        if isinstance(value, bool) or not isinstance(value, Integral):
            return f"expected a whole number, got {value!r}"
        return None if self.lo <= int(value) <= self.hi else f"{value!r} is not within [{self.lo}, {self.hi}]"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of ``values``; their order is part of the problem."""

    values: tuple[Any, ...]

    def __init__(self, values: Iterable[Payload]) -> None:
        if isinstance(values, str | set | frozenset):
            raise ProblemError(f"Choice needs an ordered list of values, got the {type(values).__name__} {values!r}")
        object.__setattr__(self, "values", tuple(values))
        if not self.values:
            raise ProblemError("Choice needs at least one value, got none")

    def check(self, value: Payload) -> str | None:
        """Returns what is wrong with ``value``, or ``None``."""
        return None if value in self.values else f"{value!r} is not one of {list(self.values)!r}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is passed to every evaluation and never varied."""

    value: Any

    def check(self, value: Payload) -> str | None:
        """Returns what is wrong with ``value``, or ``None``."""
        return None if value == self.value else f"{value!r} is not the constant {self.value!r}"


@dataclass(frozen=True, slots=True)
class Structured:
    """An opaque payload, for example a crystal: ``encode`` turns it into JSON data, ``decode`` back."""

    name: str
    encode: Callable[[Any], Any] = field(compare=False)
    decode: Callable[[Any], Any] = field(compare=False)

    def check(self, value: Payload) -> str | None:
        """Returns what is wrong with ``value``, or ``None``."""
        return f"expected a {self.name}, got None" if value is None else None

    def describe(self) -> Mapping[str, Any]:
        """Returns what identifies this kind of payload."""
        return {"structured": self.name}


Variable = Real | Integer | Choice | Constant | Structured


@dataclass(frozen=True, slots=True)
class AtMost:
    """A constraint: the output must not exceed ``limit``."""

    limit: float


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A constraint: the output must reach ``limit``."""

    limit: float


@dataclass(frozen=True, slots=True)
class Output:
    """A quantity the simulator returns.

    With a goal or a constraint it must be finite and of ``shape`` (``None``: of any); without, it may
    hold anything that can be stored, NaN included.
    """

    name: str
    goal: Goal | AtMost | AtLeast | None = None
    shape: tuple[int, ...] | None = ()
    unit: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.goal, str) and self.goal not in get_args(Goal):
            hint = did_you_mean(self.goal, get_args(Goal))
            raise ProblemError(f"Output({self.name!r}): unknown goal {self.goal!r}{hint}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Variables (or one pool of candidates) and outputs; with a ``fidelity`` inputs also name its level."""

    variables: Mapping[str, Variable] | Pool
    outputs: tuple[Output, ...] = ()
    fidelity: Fidelity | None = None

    def __post_init__(self) -> None:
        if self.fidelity and self.fidelity.name in self._varied:
            raise ProblemError(f"the fidelity is named {self.fidelity.name!r}, as a variable is: choose another name")
        if not isinstance(self.variables, Pool):
            for name, variable in self.variables.items():
                _check_variable(name, variable)
        if len(set(self.output_names)) < len(self.outputs):
            raise ProblemError(f"outputs need different names, got {list(self.output_names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the variables, in the order they are passed."""
        return (*self._varied, self.fidelity.name) if self.fidelity else self._varied

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the declared outputs."""
        return tuple(output.name for output in self.outputs)

    @property
    def objectives(self) -> tuple[Output, ...]:
        """The outputs to minimize or maximize."""
        return tuple(output for output in self.outputs if output.goal in ("minimize", "maximize"))

    def check(self, inputs: Inputs) -> str | None:
        """Returns what is wrong with proposed inputs, or ``None``."""
        if self.fidelity is None:
            return self._check_varied(inputs)
        wrong = self.fidelity.check(inputs.get(self.fidelity.name))
        return wrong or self._check_varied({k: value for k, value in inputs.items() if k != self.fidelity.name})

    def _check_varied(self, inputs: Inputs) -> str | None:
        """``inputs``: without the level."""
        if isinstance(self.variables, Pool):
            return None if inputs in self.variables else f"{dict(inputs)!r} is not a row of the pool"
        if inputs.keys() != self.variables.keys():
            return f"expected the variables {list(self.names)}, got {list(inputs)}"
        for name, variable in self.variables.items():
            if (wrong := variable.check(inputs[name])) is not None:
                return f"{name}: {wrong}"
        return None

    @property
    def structured(self) -> Mapping[str, Structured]:
        """The variables whose values are opaque payloads."""
        if isinstance(self.variables, Pool):
            return {}
        return {name: kind for name, kind in self.variables.items() if isinstance(kind, Structured)}

    def describe(self) -> Mapping[str, Any]:
        """Returns the problem as plain data, to compare a run with its resume."""
        if isinstance(self.variables, Pool):
            variables: Any = self.variables.describe()
        else:
            variables = [[name, _describe(variable)] for name, variable in self.variables.items()]
        described = {"variables": variables, "outputs": [_describe(output) for output in self.outputs]}
        return {**described, "fidelity": self.fidelity.describe()} if self.fidelity else described

    @property
    def _varied(self) -> tuple[str, ...]:
        return self.variables.names if isinstance(self.variables, Pool) else tuple(self.variables)


def pack(inputs: Inputs, structured: Mapping[str, Structured]) -> Inputs:
    """Returns inputs as they are stored: structured payloads encoded, the rest as it is.

    Raises ``ProblemError`` for what the codec of a payload raises, as ``unpack`` does.
    """
    encoded = {name: _converted(kind, "encode", inputs[name]) for name, kind in structured.items()}
    return {**inputs, **encoded} if encoded else inputs


def pack_some(inputs: Inputs, structured: Mapping[str, Structured]) -> Inputs:
    """Returns some of the inputs as they are stored; see ``pack``."""
    return pack(inputs, {name: kind for name, kind in structured.items() if name in inputs})


def unpack(stored: Inputs, structured: Mapping[str, Structured]) -> Inputs:
    """Returns inputs as they were proposed, from how they are stored."""
    decoded = {name: _converted(kind, "decode", stored[name]) for name, kind in structured.items()}
    return {**stored, **decoded} if decoded else stored


def _converted(kind: Structured, way: Literal["encode", "decode"], value: Payload) -> Payload:
    match capture(kind.encode if way == "encode" else kind.decode, value):
        case Returned(converted):
            return converted
        case Raised(error, message, _):
            raise ProblemError(f"{way} of the structured {kind.name!r} raised {message}") from error


def _describe(value: Payload) -> Plain:
    """Returns a dataclass as plain data, its class named."""
    match value:
        case Structured():
            return value.describe()
        case AtMost() | AtLeast() | Real() | Integer() | Choice() | Constant() | Output():
            fields = {name: _describe(getattr(value, name)) for name in value.__slots__}
            return {"is": type(value).__name__, **fields}
    return value


def _check_variable(name: object, variable: object) -> None:
    if not isinstance(name, str) or not name:
        raise ProblemError(f"a variable needs a name, got {name!r}")
    if not isinstance(variable, Real | Integer | Choice | Constant | Structured):
        raise ProblemError(
            f"variable {name!r}: expected Real, Integer, Choice, Constant or Structured, got {variable!r}"
        )


def _check_interval(kind: str, lo: float, hi: float, *, log: bool, finite: bool = True) -> None:
    numbers = isinstance(lo, Number) and isinstance(hi, Number) and not (math.isnan(lo) or math.isnan(hi))
    if not numbers or (finite and not (math.isfinite(lo) and math.isfinite(hi))):
        raise ProblemError(f"{kind}({lo!r}, {hi!r}): bounds must be {'finite ' if finite else ''}numbers")
    if lo >= hi:
        raise ProblemError(f"{kind}({lo}, {hi}): the lower bound must be below the upper one")
    if lo == math.inf or hi == -math.inf:
        raise ProblemError(f"{kind}({lo}, {hi}): no finite number is between these bounds")
    if log and (hi <= 0 or -math.inf < lo <= 0):
        raise ProblemError(f"{kind}({lo}, {hi}, log=True): the lower bound must be positive")
