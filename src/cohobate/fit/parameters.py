"""What a fit may change: nested parameters as a flat list of free numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias, TypeVar, final

import numpy as np

from cohobate.core.errors import Rejected, UserError, did_you_mean
from cohobate.core.problem import Real
from cohobate.fit.dual import Dual, Operand, value_of
from cohobate.fit.expression import Expression, parsed
from cohobate.fit.limits import Bounds, limits_of
from cohobate.fit.nesting import grafted, planted, shape_of
from cohobate.fit.parameter import Parameter, checked
from cohobate.fit.priors import READY, Penalty, check_prior, described, residuals_of
from cohobate.propose.scaling import Numbers

Nested: TypeAlias = Mapping[str, Any]
N = TypeVar("N")
__all__ = ["Bounds", "Nested", "Parameter", "Parameters"]


@final
class Parameters:
    """Nested parameters by dotted names, in their order; what is free, fixed and tied.

    Numbers, and ``Parameter`` where there is more to say, in mappings, lists and arrays. ``bounds`` are pairs, nested
    as the parameters are or by dotted names, ``None`` or infinite where they are open; one pair may do for a
    whole list. ``priors`` are functions of all nested parameters that return residuals, by name.

    Raises ``UserError`` for what is no number, for bounds that exclude the start, for names that there are not,
    and for ties in a cycle.

    >>> argon = {"epsilon": 0.01, "sigma": Parameter(3.4, 3, 4), "cutoff": Parameter(expr="2.5 * Ar.sigma")}
    >>> found = Parameters({"Ar": argon, "shift": Parameter(0, fixed=True)})
    >>> found.start
    {'Ar.epsilon': 0.01, 'Ar.sigma': 3.4}
    >>> found.nested({"Ar.epsilon": 0.02, "Ar.sigma": 4.0})
    {'Ar': {'epsilon': 0.02, 'sigma': 4.0, 'cutoff': 10.0}, 'shift': 0.0}
    """

    def __init__(
        self, params: Nested, bounds: Bounds | None = None, *, priors: Mapping[str, Penalty] | None = None
    ) -> None:
        self._tree, given = planted(params)
        if not given:
            raise UserError("expected at least one parameter, got none")
        limits = limits_of(bounds or {}, given)
        self.every: Mapping[str, Parameter] = {
            name: checked(name, value, limits.get(name)) for name, value in given.items()
        }
        self.free: Mapping[str, Parameter] = {name: one for name, one in self.every.items() if one.free}
        self._ties = _ties(self.every)
        self._kept = {name: one.value for name, one in self.every.items() if one.value is not None}
        self._own = {name: one.prior for name, one in self.every.items() if one.prior is not None}
        self._joint = _checked(priors or {}, self.every)
        try:
            self._counts = {name: len(one) for name, one in self._penalties(self.values({})).items()}
        except Rejected as error:
            raise UserError(f"at the start, {error}") from None

    @classmethod
    def of(cls, params: Nested | Parameters, bounds: Bounds | None = None) -> Parameters:
        """Returns parameters as they are, or made of nested ones; raises ``UserError`` for bounds given twice."""
        if not isinstance(params, Parameters):
            return cls(params, bounds)
        if bounds is not None:
            raise UserError("bounds beside Parameters: give them to Parameters(..., bounds=...)")
        return params

    def replaced(self, changes: Mapping[str, Parameter]) -> Parameters:
        """Returns parameters with others in the place of some, by dotted name; these stay as they are."""
        if not changes.keys() <= self.every.keys():
            raise _unknown("replaced: no parameter", changes, self.every)
        return Parameters(grafted(self._tree, {**self.every, **changes}), priors=self._joint)

    @property
    def start(self) -> dict[str, float]:
        """The values that a fit starts from, of those that are free."""
        return {name: self._kept[name] for name in self.free}

    @property
    def variables(self) -> dict[str, Real]:
        """The free ones as variables of a problem."""
        return {name: one.variable for name, one in self.free.items()}

    @property
    def scales(self) -> dict[str, float]:
        """The size of change that matters of each free one that is not varied by its logarithm."""
        return {name: one.size for name, one in self.free.items() if not one.log}

    @property
    def penalties(self) -> int:
        """How many residuals the priors have."""
        return sum(self._counts.values())

    def nested(self, free: Mapping[str, float]) -> dict[str, Any]:
        """Returns all parameters as a model takes them, from values of free ones; one that is missing is at the start.

        Raises ``Rejected`` where a tied one has no value.
        """
        found: dict[str, Any] = grafted(self._tree, self.values(free))
        return found

    def values(self, free: Mapping[str, float]) -> dict[str, float]:
        """Returns all parameters by dotted name, as ``nested`` does."""
        if not free.keys() <= self.free.keys():
            raise _unknown("values: no free parameter", free, self.free)
        found = {**self._kept, **free}
        for name, tie in self._ties:
            found[name] = _tied(name, tie, tie, found)
        return found

    def prior_residuals(self, free: Mapping[str, float]) -> dict[str, Numbers]:
        """Returns the residuals of each prior, (k,), by the name of its parameter or its own.

        Raises ``Rejected`` where one has none, or not as many as at the start.
        """
        found = self._penalties(self.values(free))
        for name, one in found.items():
            if len(one) != self._counts[name]:
                raise Rejected(f"prior of {name!r}: expected {self._counts[name]} residuals as before, got {len(one)}")
        return found

    def slopes(self, free: Mapping[str, float]) -> dict[str, Numbers]:
        """Returns how fast each parameter grows with the free ones, (d,), by dotted name: the chain rule of ties."""
        unit = np.eye(len(self.free))
        found: dict[str, Operand] = dict(self._kept)
        found |= {name: Dual({**self.start, **free}[name], row) for name, row in zip(self.free, unit, strict=True)}
        for name, tie in self._ties:
            found[name] = _tied(name, tie.dual, tie, found)
        none = np.zeros(len(self.free))
        return {name: one.slopes if isinstance(one := found[name], Dual) else none for name in self.every}

    def prior_slopes(self, free: Mapping[str, float]) -> Numbers:
        """Returns the derivatives of the residuals of all priors by the free parameters: (k, d).

        By central differences, of 1e-6 of the sizes: priors cost nothing.
        """
        at = {**self.start, **free}
        columns = []
        for name, one in self.free.items():
            h = 1e-6 * (abs(at[name]) or one.size)
            ahead, behind = (self.prior_residuals({**at, name: at[name] + step}) for step in (h, -h))
            columns.append(np.concatenate([np.empty(0), *((ahead[key] - behind[key]) / (2 * h) for key in ahead)]))
        return np.stack(columns, axis=1) if columns else np.empty((self.penalties, 0))

    def _penalties(self, values: Mapping[str, float]) -> dict[str, Numbers]:
        own = {name: residuals_of(one, values[name], f"prior of {name!r}") for name, one in self._own.items()}
        whole = grafted(self._tree, values) if self._joint else {}
        return own | {name: residuals_of(one, whole, f"prior {name!r}") for name, one in self._joint.items()}

    def describe(self) -> Mapping[str, Any]:
        """Returns what the outcome of a candidate depends on beside the values of the free ones."""
        each = {name: dict(one.describe()) for name, one in self.every.items()}
        joint = {name: described(prior) for name, prior in self._joint.items()}
        return {"shape": shape_of(self._tree), "parameters": each, **({"priors": joint} if joint else {})}

    def __repr__(self) -> str:
        return f"<Parameters: {', '.join(f'{name} {_told(one)}' for name, one in self.every.items())}>"


def _ties(every: Mapping[str, Parameter]) -> Sequence[tuple[str, Expression]]:
    """Returns tied parameters, each after those that it is tied to."""
    ties = {name: _parsed(name, one.expr, every) for name, one in every.items() if one.expr is not None}
    graph = {name: [other for other in tie.names if other in ties] for name, tie in ties.items()}
    try:
        return [(name, ties[name]) for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        ring = " -> ".join(reversed(error.args[1]))
        raise UserError(f"parameters are tied in a cycle: {ring}; give one of them a value") from None


def _parsed(name: str, expr: str, every: Mapping[str, Parameter]) -> Expression:
    told = f"parameter {name!r}: expr={expr!r:.80}"
    try:
        tie = parsed(expr)
    except UserError as error:
        raise UserError(f"{told}: {error}") from None
    for other in tie.names:
        if other not in every:
            whole = [one for one in every if one.endswith(f".{other}")]  # without the group that it is in
            hint = f"; did you mean {whole[0]!r}?" if whole else did_you_mean(other, every)
            raise UserError(f"{told}: no parameter {other!r}{hint}; there are {list(every)}")
    return tie


def _tied(name: str, fn: Callable[[Any], N], tie: Expression, values: Mapping[str, Any]) -> N:
    try:
        return fn(values)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        at = ", ".join(f"{other}={value_of(values[other])!r}" for other in tie.names)
        raise Rejected(f"parameter {name!r}: expr={tie.text!r:.80} has no value{at and f' at {at}'}: {error}") from None


def _checked(joint: Mapping[str, Penalty], every: Mapping[str, Parameter]) -> Mapping[str, Penalty]:
    for name, prior in joint.items():
        if name in every:
            raise UserError(f"priors: {name!r} is a parameter: give it Parameter(..., prior=...)")
        if isinstance(prior, READY):
            raise UserError(
                f"priors: {name!r} must be a function of all parameters; a {type(prior).__name__} is of one"
            )
        check_prior(prior, f"prior {name!r}")
    return dict(joint)


def _unknown(what: str, given: Iterable[str], known: Mapping[str, Parameter]) -> UserError:
    wrong = next(name for name in given if name not in known)
    return UserError(f"{what} {wrong!r}{did_you_mean(wrong, known)}; there are {list(known)}")


def _told(one: Parameter) -> str:
    said = f"= {one.expr}" if one.expr is not None else f"{one.value:g}"
    return f"{said}{f' {one.unit}' if one.unit else ''}{' fixed' if one.fixed else ''}"
