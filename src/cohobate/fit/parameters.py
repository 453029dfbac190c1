"""What a fit may change: nested parameters as a flat list of free numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, final

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.problem import Real

Bounds = Mapping[str, Any]
Nested = Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a model: where a fit starts, within which bounds, and how it is varied.

    ``log`` varies its logarithm, ``scale`` is the size of change that matters (default: that of the
    value), ``fixed`` keeps it, ``expr`` ties it to others by an expression of their dotted names. ``prior``
    says what was known of it before.
    """

    value: float | None = None
    lo: float = -inf
    hi: float = inf
    log: bool = False
    scale: float | None = None
    fixed: bool = False
    expr: str | None = None
    prior: Any = None
    unit: str = ""


@final
class Parameters:
    """Nested parameters by dotted names, in their order; what is free, fixed and tied.

    >>> argon = {"epsilon": 0.01, "sigma": Parameter(3.4, 3, 4)}
    >>> found = Parameters({"Ar": argon, "cutoff": Parameter(8.5, fixed=True)})
    >>> found.start
    {'Ar.epsilon': 0.01, 'Ar.sigma': 3.4}
    >>> found.nested({"Ar.epsilon": 0.02, "Ar.sigma": 3.5})
    {'Ar': {'epsilon': 0.02, 'sigma': 3.5}, 'cutoff': 8.5}
    """

    def __init__(self, params: Nested, bounds: Bounds | None = None) -> None:
        given = dict(_flat(params))
        limits = dict(_flat(bounds or {}))
        for name in limits:
            if name not in given:
                raise UserError(f"bounds: no parameter {name!r}{did_you_mean(name, given)}; there are {list(given)}")
        self.every = {name: _parameter(value, limits.get(name)) for name, value in given.items()}

    @property
    def free(self) -> Mapping[str, Parameter]:
        """Those that are varied, by dotted name."""
        return {name: one for name, one in self.every.items() if not one.fixed and one.expr is None}

    @property
    def start(self) -> dict[str, float]:
        """The values that a fit starts from, of those that are free."""
        return {name: float(one.value or 0.0) for name, one in self.free.items()}

    @property
    def variables(self) -> dict[str, Real]:
        """The free ones as variables of a problem."""
        return {name: Real(one.lo, one.hi, log=one.log, unit=one.unit) for name, one in self.free.items()}

    def nested(self, free: Mapping[str, float]) -> dict[str, Any]:
        """Returns all parameters as a model takes them, from the values of the free ones."""
        found: dict[str, Any] = {}
        for name, one in self.every.items():
            *path, last = name.split(".")
            inner = found
            for key in path:
                inner = inner.setdefault(key, {})
            inner[last] = free.get(name, one.value)
        return found

    def values(self, free: Mapping[str, float]) -> dict[str, float]:
        """Returns all parameters by dotted name, from the values of the free ones."""
        return {name: free.get(name, one.value or 0.0) for name, one in self.every.items()}

    def replaced(self, changes: Mapping[str, Parameter]) -> Parameters:
        """Returns these parameters with others in the place of some, by dotted name."""
        return Parameters({**self.every, **changes})

    def describe(self) -> Mapping[str, Any]:
        """Returns what tells these from others: all but the values at the start."""
        return {}


def _flat(nested: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _parameter(value: Payload, limits: tuple[float, float] | None) -> Parameter:
    one = value if isinstance(value, Parameter) else Parameter(float(value))
    return one if limits is None else Parameter(one.value, *limits, one.log)
