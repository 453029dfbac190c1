"""One quantity that a model gives, and what it should be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, final, runtime_checkable

import numpy as np

from cohobate.core.canonical import content_hash
from cohobate.core.errors import BadOutput, UserError
from cohobate.core.payload import Payload
from cohobate.fit.losses import Loss, check_loss
from cohobate.propose.scaling import Numbers
from cohobate.simulate.function import plain_name
from cohobate.simulate.identity import code_hash

Parameters = Mapping[str, Any]
Target = float | Sequence[float] | Numbers | Mapping[str, Any]


@runtime_checkable
class Uses(Protocol):
    """A quantity that says which parameters it needs: an external program by its templates."""

    @property
    def uses(self) -> tuple[str, ...]: ...


@final
@dataclass(frozen=True)
class Term:
    """A quantity of a model, its ``target``, and how much a difference counts.

    ``quantity`` is anything to call: with the parameters by name where its signature has them (those are
    then the ones it uses), else with all of them as one mapping; ``inputs`` are passed by name beside them.
    It returns a number, an array, or a mapping of names to such. ``target`` is one number or array, or
    a mapping that picks several of what comes back; ``read`` picks one. Residuals are (value - target) / sigma; the
    loss of a term is ``weight`` times the sum of ``loss`` over them: ``"square"`` by default, or a
    function of the quantities that returns a number of at least 0.

    Raises ``UserError`` for weights and sigmas that are negative, NaN, or of another shape than the target.
    """

    quantity: Callable[..., Any]
    target: Target | None = None
    sigma: Target = 1.0
    weight: float = 1.0
    loss: Loss = "square"
    name: str = ""
    read: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    uses: Sequence[str] | None = None
    unit: str = ""
    deterministic: bool = False
    version: str | None = None
    deadline: float | None = None
    needs: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.quantity):
            raise UserError(f"term {self.name!r}: quantity must be something to call, got {self.quantity!r:.80}")
        object.__setattr__(self, "name", self.name or _named(self.quantity, self.inputs))
        check_loss(self.loss, self.name)
        if not (isinstance(self.weight, int | float) and 0 <= self.weight < np.inf):
            raise UserError(f"term {self.name!r}: weight must be a finite number of at least 0, got {self.weight!r}")

    def arguments(self, params: Parameters) -> tuple[bool, dict[str, Any]]:
        """Returns whether the quantity takes one mapping, and the parameters that it is given."""
        uses = self.uses if self.uses is not None else _wanted(self.quantity, params, self.inputs)
        if uses is None:
            return True, dict(params)
        missing = [name for name in uses if name not in params]
        if missing:
            raise UserError(f"term {self.name!r}: no parameters {missing}; there are {list(params)}")
        return False, {name: params[name] for name in uses}

    def identity(self) -> str:
        """Returns what its values belong to: the version or the code of the quantity, and its inputs."""
        return content_hash([self.version or code_hash(self.quantity), dict(self.inputs)])

    def residuals(self, quantities: Mapping[str, Any]) -> Numbers:
        """Returns (value - target) / sigma: (m,). Raises ``BadOutput`` for what is missing, NaN or misshapen."""
        target = self.target
        pairs = target.items() if isinstance(target, Mapping) else [(self._name_in(quantities), target)]
        parts = [self._residuals(quantities, name, wanted) for name, wanted in pairs]
        return np.concatenate(parts) if parts else np.empty(0)

    def _name_in(self, quantities: Mapping[str, Any]) -> str:
        if self.read is not None:
            return self.read
        if len(quantities) != 1:
            raise BadOutput(f"term {self.name!r}: name one of {list(quantities)} by read=, or a mapping as the target")
        return next(iter(quantities))

    def _residuals(self, quantities: Mapping[str, Any], name: str, wanted: Payload) -> Numbers:
        if name not in quantities:
            raise BadOutput(f"term {self.name!r}: expected a quantity {name!r}, got {list(quantities)}")
        value, target = np.asarray(quantities[name], dtype=float), np.asarray(wanted, dtype=float)
        if value.shape != target.shape:
            raise BadOutput(f"term {self.name!r}: {name!r} must have the shape {target.shape}, got {value.shape}")
        if not np.all(np.isfinite(value)):
            raise BadOutput(f"term {self.name!r}: {name!r} must be finite, got {quantities[name]!r:.80}")
        sigma = self.sigma[name] if isinstance(self.sigma, Mapping) else self.sigma
        found: Numbers = ((value - target) / np.asarray(sigma, dtype=float)).ravel()
        return found


def quantities_of(value: Payload) -> dict[str, Any]:
    """Returns what a quantity gave, by name."""
    return dict(value) if isinstance(value, Mapping) else {"value": value}


def evaluate(
    quantity: Callable[..., Any], whole: bool, arguments: Mapping[str, Any], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Calls a quantity: the part of an evaluation that runs at an engine."""
    called = quantity(dict(arguments), **inputs) if whole else quantity(**arguments, **inputs)
    return quantities_of(called)


def _named(quantity: Callable[..., Any], inputs: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key}={value!r:.12}" for key, value in inputs.items())
    return f"{plain_name(quantity)}({told})" if told else plain_name(quantity)


def _wanted(quantity: Callable[..., Any], params: Parameters, inputs: Mapping[str, Any]) -> Sequence[str] | None:
    """Returns the parameters that a quantity takes by name; ``None`` where it takes all in one mapping."""
    if isinstance(quantity, Uses):
        return [name for name in quantity.uses if name not in inputs]
    try:
        taken = inspect.signature(quantity).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_KEYWORD for one in taken):
        return list(params)
    named = [one for one in taken if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    fitting = all(one.name in params or one.name in inputs or one.default is not one.empty for one in named)
    wanted = [one.name for one in named if one.name in params and one.name not in inputs]
    return wanted if fitting and wanted else None
