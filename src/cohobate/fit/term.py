"""One quantity that a model gives, and what it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Final, final

import numpy as np

from cohobate.core.canonical import canonical, content_hash
from cohobate.core.errors import UserError
from cohobate.core.identity import code_hash
from cohobate.core.payload import Plain
from cohobate.fit.calling import Calling, Evaluator, Params, Uses, calling, quantities_of
from cohobate.fit.fresh import fresh
from cohobate.fit.losses import Loss, check_loss
from cohobate.fit.reading import Computed, Quantities, Scorer, Targets, scorer
from cohobate.fit.spelling import source_of, spelled
from cohobate.fit.targets import Target, check_deadline, check_loss_of, check_weight, comparison
from cohobate.propose.scaling import Numbers
from cohobate.simulate.function import as_simulator, plain_name

SHORT: Final = 32
"""Characters up to which what a term is compared with is told as it is."""
Parameters = Params
__all__ = ["Parameters", "Target", "Term", "Uses", "quantities_of"]


@final
@dataclass(frozen=True, eq=False)
class Term:
    """A quantity of a model, its ``target``, and how much a difference counts.

    ``quantity`` is anything to call, an ``async def`` too: with the parameters by name where its
    signature has them (those are then the ones it uses), else with all of them as one mapping, nested as
    they are; ``inputs`` are passed by name beside them, and take the place of parameters of those
    names. ``uses`` picks parameters by dotted names. It returns a number, an array, or a mapping of names to
    such. All that it is given are copies.

    ``target`` is one number or array, or a mapping that picks several of what comes back; ``read``
    picks one. Residuals are (value - target) / ``sigma``, or what ``residual``, a function of the quantities,
    returns, over ``sigma``. The loss of a term is ``weight`` times the sum of ``loss`` over them: r² (``"square"``),
    abs(r) (``"absolute"``), or ``"huber"``, ``"soft_l1"``, ``"cauchy"``, which are r² near zero and grow slower
    beyond one sigma. ``loss`` may also be a function of the quantities that returns a number of at least 0, or
    ``"value"``: the quantity is the loss already.

    ``jac`` takes the same arguments as the quantity and returns its derivatives: a mapping of (dotted)
    parameters to arrays of the quantity's shape, by quantity where there are several. By a parameter that is a list
    it is a list of such, by one that is an array, or a list, also one array with its axes last (as torch and jax do).

    ``deterministic`` says that equal parameters and inputs give equal quantities, so that what is
    known is not computed again; ``version`` stands for the source of a function with a name of its own in that. By
    default both are those of a ``co.simulator``. At an engine, ``deadline`` (s) and ``needs`` take the place of
    the campaign's. ``unit`` is that of the target, for people.

    Raises ``UserError`` for weights and sigmas that are negative, zero where they divide, NaN, or of
    another shape than the target, and where there is nothing to compare.

    >>> bond = Term(lambda k: {"energy": k * 0.1**2, "force": k * 0.2}, {"energy": 0.02, "force": 0.5}, sigma=0.1)
    >>> bond.residuals({"energy": 0.03, "force": 0.6}).round(9).tolist()
    [0.1, 1.0]
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
    residual: Callable[[Quantities], Any] | None = None
    jac: Callable[..., Any] | None = None
    unit: str = ""
    deterministic: bool | None = None
    version: str | None = None
    deadline: float | None = None
    needs: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.quantity):
            raise UserError(f"term {self.name!r}: quantity must be something to call, got {self.quantity!r:.80}")
        object.__setattr__(self, "name", self.name or _named(self.quantity, self.inputs))
        object.__setattr__(self, "inputs", fresh(self.inputs))
        if self.deterministic is None:
            object.__setattr__(self, "deterministic", as_simulator(self.quantity).deterministic)
        check_weight(self.weight, f"term {self.name!r}")
        check_loss(self.loss, self.name)
        check_deadline(self.deadline, self.name)
        check_loss_of(self.compared, self.loss, self.jac, self.name)
        if self.deterministic:
            self._check_spelling()

    @cached_property
    def compared(self) -> Targets | Computed | None:
        """What makes its residuals, if anything does."""
        return comparison(self.target, self.sigma, self.read, self.residual, self.name)

    def calling(self, params: Params) -> Calling:
        """Returns how the quantity is called with parameters of these names."""
        return calling(self.quantity, self.inputs, self.uses, params, self.name)

    def arguments(self, params: Params) -> tuple[bool, dict[str, Any]]:
        """Returns whether the quantity takes one mapping, and the parameters that it is given."""
        how = self.calling(params)
        return how.whole, how.arguments(params, self.name)

    def evaluator(self, how: Calling) -> Evaluator:
        """Returns the call of the quantity, for an engine."""
        return Evaluator(self.quantity, how.whole, self.inputs)

    @cached_property
    def source(self) -> str:
        """What its values belong to: the version or the code of the quantity, and its inputs."""
        return content_hash([source_of(self.quantity, self.version), spelled(self.inputs)[0]])

    @cached_property
    def slope_source(self) -> str:
        """What its derivatives belong to: the version or the code of ``jac``, and the inputs; empty without one."""
        if self.jac is None:
            return ""
        return content_hash(["jac", source_of(self.jac, self.version), spelled(self.inputs)[0]])

    def describe(self) -> dict[str, Any]:
        """Returns what tells it from another term: also what it is compared with, and how; long things by a hash."""
        functions = [code_hash(one) if callable(one) else one for one in (self.loss, self.residual)]
        compared = {"target": spelled(self.target)[0], "sigma": spelled(self.sigma)[0], "weight": self.weight}
        told = {"quantity": self.source, **compared, "loss": functions[0], "residual": functions[1], "read": self.read}
        return {name: _short(one) for name, one in told.items()}

    def identity(self) -> str:
        """Returns a hash of that."""
        return content_hash(self.describe())

    def residuals(self, quantities: Quantities) -> Numbers:
        """Returns (value - target) / sigma, or what ``residual`` makes, over sigma: (m,).

        Raises ``BadOutput`` for what is missing, NaN or misshapen. Where the loss is not made of residuals and there
        is no target there are none.
        """
        return np.empty(0) if self.compared is None else self.compared(quantities, self.name)

    @cached_property
    def scorer(self) -> Scorer:
        """Makes the loss, without weight, of what the quantity gave: as it is, or as quantities by name."""
        return scorer(self.compared, self.loss, self.read, self.name)

    def rooted(self, quantities: Quantities) -> Numbers:
        """Returns residuals (m,) whose squares sum up to the loss, without weight."""
        return np.atleast_1d(self.scorer.both(quantities)[1])

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what is made of the fields again."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def _check_spelling(self) -> None:
        if (odd := spelled(self.inputs)[1]) is not None:
            raise UserError(
                f"term {self.name!r}: deterministic needs inputs that can be told apart, and a {odd} cannot: "
                "give numbers, texts, arrays, paths, ASE atoms or objects with describe()"
            )


def _short(value: Plain) -> Plain:
    told = canonical(value)
    return value if len(told) <= SHORT else content_hash(value)[:SHORT]


def _named(quantity: Callable[..., Any], inputs: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key}={value!r:.12}" for key, value in inputs.items())
    return f"{plain_name(quantity)}({told})" if told else plain_name(quantity)
