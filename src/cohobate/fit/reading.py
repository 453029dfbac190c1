"""What a term makes of quantities: residuals, and a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import copysign, inf, isfinite, sqrt
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import BadOutput, did_you_mean
from cohobate.core.payload import Payload
from cohobate.fit.fresh import fresh
from cohobate.fit.losses import RHO
from cohobate.propose.scaling import Numbers

SCALARS: Final = frozenset({float, int, np.float64, np.float32, np.int64})
Quantities = Mapping[str, Any]
Rooted = float | Numbers
"""Residuals whose squares sum up to a loss: one, or (m,)."""


@final
@dataclass(frozen=True, slots=True)
class Wanted:
    """One quantity, what it should be, and by how much it may differ: arrays of one shape."""

    name: str | None
    target: Numbers
    sigma: Numbers

    def residuals(self, quantities: Quantities, who: str) -> Numbers:
        """Returns (value - target) / sigma: (m,). Raises ``BadOutput`` for what is missing, NaN or misshapen."""
        name, value = picked(quantities, self.name, who)
        value = numbers(value, name, who)
        if value.shape != self.target.shape:
            raise BadOutput(f"term {who!r}: {name!r} must have the shape {self.target.shape}, got {value.shape}")
        with np.errstate(over="ignore"):  # what is too large is refused as a loss
            found: Numbers = ((value - self.target) / self.sigma).ravel()
        return found


@final
@dataclass(frozen=True, slots=True)
class Targets:
    """Residuals of quantities that have targets."""

    each: tuple[Wanted, ...]

    def __call__(self, quantities: Quantities, who: str) -> Numbers:
        if len(self.each) == 1:
            return self.each[0].residuals(quantities, who)
        return np.concatenate([one.residuals(quantities, who) for one in self.each])


@final
@dataclass(frozen=True, slots=True)
class Computed:
    """Residuals that a function makes of all quantities."""

    function: Callable[[Quantities], Any]
    sigma: Numbers

    def __call__(self, quantities: Quantities, who: str) -> Numbers:
        value = numbers(self.function(fresh(quantities)), "residual", who)
        if value.ndim > 1 or value.size == 0:
            raise BadOutput(f"term {who!r}: residual= must return a vector of at least one number, got {value.shape}")
        if self.sigma.ndim and self.sigma.shape != value.shape:
            wrong = f"expected as many residuals as sigmas, {self.sigma.shape}, got {value.shape}"
            raise BadOutput(f"term {who!r}: {wrong}")
        found: Numbers = np.atleast_1d(value / self.sigma)
        return found


def picked(quantities: Quantities, name: str | None, who: str) -> tuple[str, Payload]:
    """Returns the quantity of a name, or the only one."""
    if name is None:
        if len(quantities) != 1:
            there = list(quantities)
            raise BadOutput(f"term {who!r}: name one of {there} by read=, or give a mapping as the target")
        name = next(iter(quantities))
    if name not in quantities:
        there = list(quantities)
        raise BadOutput(f"term {who!r}: expected a quantity {name!r}, got {there}{did_you_mean(name, there)}")
    return name, quantities[name]


def numbers(value: Payload, name: str, who: str) -> Numbers:
    """Returns finite real numbers as an array; raises ``BadOutput`` for anything else."""
    try:
        found = np.asarray(value)
    except ValueError:  # rows of several lengths
        found = np.asarray(None)
    if found.dtype.kind not in "fiub":
        raise BadOutput(f"term {who!r}: {name!r} must be numbers, got {value!r:.80}")
    real: Numbers = found.astype(float)
    if not np.all(np.isfinite(real)):
        raise BadOutput(f"term {who!r}: {name!r} must be finite, got {_shown(value, real)}")
    return real


@final
@dataclass(frozen=True, slots=True)
class Scorer:
    """What makes the loss of a term of what its quantity gave: a number, or quantities by name.

    ``loss`` is for plain calls, ``both`` also returns what the squares of which sum up to it; of the same bits.
    """

    loss: Callable[[Payload], float]
    both: Callable[[Payload], tuple[float, Rooted]]


def scorer(
    residuals: Targets | Computed | None, loss: str | Callable[[Quantities], float], read: str | None, who: str
) -> Scorer:
    """Returns how a term is scored, as quickly as its form allows."""
    if callable(loss):
        made = loss
        return _of_losses(lambda value: counted(made(fresh(_named(value))), who))
    if loss == "value":
        return _of_losses(lambda value: counted(picked(_named(value), read, who)[1], who))
    assert residuals is not None
    if isinstance(residuals, Targets) and len(residuals.each) == 1 and residuals.each[0].target.shape == ():
        return _of_one(residuals.each[0], loss, who)
    return _of_many(residuals, loss, who)


def _of_losses(score: Callable[[Payload], float]) -> Scorer:
    def both(value: Payload) -> tuple[float, Rooted]:
        loss = score(value)
        return loss, sqrt(loss)

    return Scorer(score, both)


def _of_many(residuals: Targets | Computed, loss: str, who: str) -> Scorer:
    rho = RHO[loss]

    def both(value: Payload) -> tuple[float, Rooted]:
        found = residuals(_named(value), who)
        return summed(found), found if loss == "square" else rho.rooted(found)

    def summed(found: Numbers) -> float:
        with np.errstate(over="ignore"):
            total = float(np.add.reduce(rho.many(found)))
        if total < inf:
            return total
        raise BadOutput(f"term {who!r}: its loss must be finite, got {total!r}")

    return Scorer(lambda value: summed(residuals(_named(value), who)), both)


def counted(value: Payload, who: str) -> float:
    """Returns a loss that a function of the user gave."""
    wanted = f"term {who!r}: its loss must be a finite number of at least 0"
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise BadOutput(f"{wanted}, got {value!r:.80}") from None
    if not 0 <= found < inf:
        raise BadOutput(f"{wanted}, got {found!r}")
    return found


def _of_one(wanted: Wanted, kind: str, who: str) -> Scorer:
    """By far the most common term is one number: no arrays are made for it."""
    name, target, sigma, rho = wanted.name, float(wanted.target), float(wanted.sigma), RHO[kind].one

    def score(value: Payload) -> float:
        if type(value) is not float:
            if isinstance(value, Mapping):
                value = value[name] if name in value else picked(value, name, who)[1]
            value = float(value) if type(value) in SCALARS else _scalar(value, name or "value", who)
        loss = rho((value - target) / sigma)
        if loss < inf:
            return loss
        raise BadOutput(_infinite(name, value, loss, who))

    def both(value: Payload) -> tuple[float, Rooted]:
        loss = score(value)
        r = (float(picked(value, name, who)[1] if isinstance(value, Mapping) else value) - target) / sigma
        return loss, r if kind == "square" else copysign(sqrt(loss), r)

    return Scorer(score, both)


def _scalar(value: Payload, name: str, who: str) -> float:
    found = numbers(value, name, who)
    if found.shape != ():
        raise BadOutput(f"term {who!r}: {name!r} must have the shape (), got {found.shape}")
    return float(found)


def _named(value: Payload) -> Quantities:
    return value if isinstance(value, Mapping) else {"value": value}


def _infinite(name: str | None, value: float, loss: float, who: str) -> str:
    if isfinite(value):
        return f"term {who!r}: its loss must be finite, got {loss!r}"
    return f"term {who!r}: {name or 'value'!r} must be finite, got {value!r}"


def _shown(value: Payload, real: Numbers) -> str:
    """Names where in an array the first bad number is."""
    if real.ndim == 0:
        return f"{value!r:.80}"
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(real))[0])
    return f"{real[at]!r} at {list(at)}".replace("np.float64(", "").replace(")", "")


def array(value: Sequence[float] | float | Numbers) -> Numbers:
    """Returns numbers as an array of their own, which nobody changes."""
    found = np.array(value, dtype=float)
    found.flags.writeable = False
    return found
