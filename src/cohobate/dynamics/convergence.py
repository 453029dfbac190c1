"""When a system is done: criteria on its own fields, all of which must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from math import isnan
from numbers import Real
from typing import Any, Final, Literal, final, get_args

import torch
from torch import Tensor

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.masking import root

Reduction = Literal["min", "max", "norm", "mean", "sum"]
FMAX: Final = "fmax"
ENERGY_CHANGE: Final = "energy_change"
BEFORE: Final = "convergence.energy"
DERIVED: Final = {
    FMAX: Field("system", (), unit="eV/Å", fill=float("inf")),
    ENERGY_CHANGE: Field("system", (), unit="eV", fill=float("inf")),
    BEFORE: Field("system", (), unit="eV", fill=float("inf")),
}
"""What is computed after each step where a criterion names it."""


@final
@dataclass(frozen=True, slots=True)
class Criterion:
    """A field that must be at most ``threshold`` in every entry of a system.

    Within an entry ``reduce_op`` is applied over ``reduce_dims``, counted as in the whole array (default: over all
    of the entry, and to a vector its norm); of what is left, and of the atoms of a system, the largest counts. Forces
    of fixed atoms do not. ``custom_op`` decides alone: it is given the array and returns a mask (B,).
    """

    key: str
    threshold: float = 0.0
    reduce_op: Reduction | None = None
    reduce_dims: int | Sequence[int] | None = None
    custom_op: Callable[[Tensor], Tensor] | None = None

    def __post_init__(self) -> None:
        if self.reduce_op is not None and self.reduce_op not in get_args(Reduction):
            hint = did_you_mean(str(self.reduce_op), get_args(Reduction))
            raise UserError(f"convergence of {self.key!r}: no reduce_op {self.reduce_op!r}{hint}")
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, Real) or isnan(self.threshold):
            raise UserError(f"convergence of {self.key!r}: threshold must be a number, got {self.threshold!r}")

    @staticmethod
    def of(given: Any) -> Criterion:  # noqa: ANN401 what a user gives
        """Returns a criterion of the dictionary of its arguments, or of one."""
        if isinstance(given, Criterion):
            return given
        if not isinstance(given, Mapping):
            raise UserError(f"Convergence: expected criteria or dictionaries, got {type(given).__name__} {given!r:.60}")
        known = [field.name for field in fields(Criterion)]
        for name in given:
            if name not in known:
                raise UserError(f"Convergence: a criterion has no {name!r}{did_you_mean(str(name), known)}")
        if "key" not in given or ("threshold" not in given and given.get("custom_op") is None):
            raise UserError(f"Convergence: a criterion needs a key, and a threshold or custom_op; got {dict(given)}")
        return Criterion(**given)

    def holds(self, batch: Batch) -> Tensor:
        """Returns the systems for which it holds: (B,). Raises ``UserError`` where the batch has no such field."""
        value = self._value(batch)
        if self.custom_op is not None:
            return self._checked(self.custom_op(value), batch.n_systems)
        entries = self._reduced(value)
        scope = batch.kind(self.key).scope if self.key in batch else DERIVED[self.key].scope
        if scope == "system":
            return entries <= self.threshold
        if self.key == "forces" and "fixed" in batch:
            entries = torch.where(batch["fixed"], -torch.inf, entries)
        numbers = torch.arange(batch.n_systems, device=batch.device)
        index = batch.system if scope == "atom" else torch.repeat_interleave(numbers, batch.edges)
        worst = torch.full((batch.n_systems,), -torch.inf, dtype=entries.dtype, device=entries.device)
        worst.scatter_reduce_(0, index, entries, reduce="amax")
        return worst <= self.threshold

    def _value(self, batch: Batch) -> Tensor:
        if self.key not in batch:
            if self.key == FMAX and "forces" in batch:
                return fmax(batch)
            raise UserError(
                f"convergence: the batch has no field {self.key!r}{did_you_mean(self.key, batch)}; it has {list(batch)}"
            )
        return batch[self.key]

    def _checked(self, mask: Any, n: int) -> Tensor:  # noqa: ANN401 what a user's function returned
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool or tuple(mask.shape) != (n,):
            got = f"{mask.dtype} of the shape {tuple(mask.shape)}" if isinstance(mask, Tensor) else repr(mask)
            raise UserError(f"convergence of {self.key!r}: custom_op must return {n} booleans (B,), got {got:.80}")
        return mask

    def _reduced(self, value: Tensor) -> Tensor:
        if value.is_complex():
            raise UserError(f"convergence of {self.key!r}: complex numbers have no order; give a custom_op")
        value = value if value.is_floating_point() else value.double()
        if value.ndim == 1 and self.reduce_dims is None:
            return torch.abs(value) if self.reduce_op == "norm" else value
        found = self._over(value, self._dims(value))
        return found if found.ndim == 1 else found.flatten(1).amax(1)

    def _over(self, value: Tensor, dims: tuple[int, ...]) -> Tensor:
        match self.reduce_op:
            case "min":
                return torch.amin(value, dims)
            case "max":
                return torch.amax(value, dims)
            case "mean":
                many = reduce(int.__mul__, (value.shape[d] for d in dims), 1)
                return _added(value, dims) / many
            case "sum":
                return _added(value, dims)
            case _:
                return root(_added(value * value, dims))

    def _dims(self, value: Tensor) -> tuple[int, ...]:
        if self.reduce_dims is None:
            return tuple(range(1, value.ndim))
        given = [self.reduce_dims] if isinstance(self.reduce_dims, int) else list(self.reduce_dims)
        found = tuple(sorted({d + value.ndim if d < 0 else d for d in given}))
        if not found or found[0] < 1 or found[-1] >= value.ndim:
            raise UserError(
                f"convergence of {self.key!r}: reduce_dims must be of 1 to {value.ndim - 1}, those of one entry"
                f" (0 counts the entries), got {self.reduce_dims!r} for the shape {tuple(value.shape)}"
            )
        return found


@final
@dataclass(frozen=True, slots=True)
class Convergence:
    """All criteria together, looked at every ``frequency`` steps that a system has made in its stage.

    The first step is looked at, whatever the frequency. As each system's own steps count, it does not matter for its
    trajectory when it came into the batch.

    >>> Convergence({"key": "fmax", "threshold": 0.05}).criteria[0].threshold
    0.05
    """

    criteria: tuple[Criterion, ...]
    frequency: int

    def __init__(self, *criteria: Criterion | Mapping[str, Any] | Sequence[Any], frequency: int = 1) -> None:
        listed: list[Any] = [
            one for given in criteria for one in (given if isinstance(given, list | tuple) else [given])
        ]
        found = tuple(Criterion.of(one) for one in listed)
        if not found:
            raise UserError("Convergence needs at least one criterion, got none")
        if isinstance(frequency, bool) or not isinstance(frequency, int) or frequency < 1:
            raise UserError(f"Convergence: frequency must be a whole number of at least 1, got {frequency!r}")
        object.__setattr__(self, "criteria", found)
        object.__setattr__(self, "frequency", frequency)

    def every(self, frequency: int) -> Convergence:
        """Returns the same, looked at every ``frequency`` steps."""
        return Convergence(*self.criteria, frequency=frequency)

    @staticmethod
    def from_fmax(threshold: float = 0.05, *, frequency: int = 1) -> Convergence:
        """Returns: no force above ``threshold`` (eV/Å), by the field ``fmax``."""
        return Convergence(Criterion(FMAX, threshold), frequency=frequency)

    @staticmethod
    def from_forces(threshold: float, *, frequency: int = 1) -> Convergence:
        """Returns: no force above ``threshold`` (eV/Å), by the forces themselves."""
        return Convergence(Criterion("forces", threshold, "norm"), frequency=frequency)

    def mask(self, batch: Batch) -> Tensor:
        """Returns the systems for which all criteria hold: (B,)."""
        return reduce(torch.logical_and, (one.holds(batch) for one in self.criteria))

    def evaluate(self, batch: Batch) -> Tensor | None:
        """Returns the numbers of the systems for which all hold, ``None`` where there are none."""
        found = torch.nonzero(self.mask(batch)).ravel()
        return found if len(found) else None


def derived_of(until: Convergence | None) -> frozenset[str]:
    """Returns the fields that are to be computed so that it can be looked at."""
    criteria: Iterable[Criterion] = until.criteria if until is not None else ()
    return frozenset(one.key for one in criteria if one.key in (FMAX, ENERGY_CHANGE))


def derive(batch: Batch, names: frozenset[str], mask: Tensor) -> None:
    """Computes ``fmax`` and ``energy_change`` of systems (B,) where they are wanted, or were once."""
    names = names | {name for name in (FMAX, ENERGY_CHANGE) if name in batch}
    for name in names | ({BEFORE} if ENERGY_CHANGE in names else set()):
        if name not in batch:
            batch.add(name, DERIVED[name])
    if FMAX in names:
        batch[FMAX].copy_(torch.where(mask, fmax(batch), batch[FMAX]))
    if ENERGY_CHANGE in names:
        change = torch.abs(batch["energy"] - batch[BEFORE])
        batch[ENERGY_CHANGE].copy_(torch.where(mask, change, batch[ENERGY_CHANGE]))
        batch[BEFORE].copy_(torch.where(mask, batch["energy"], batch[BEFORE]))


def fmax(batch: Batch) -> Tensor:
    """Returns the largest force of each system: (B,), eV/Å; those of fixed atoms do not count."""
    norms = root(_added(batch["forces"] * batch["forces"], (1,)))
    if "fixed" in batch:
        norms = torch.where(batch["fixed"], torch.zeros_like(norms), norms)
    worst = torch.zeros(batch.n_systems, dtype=norms.dtype, device=norms.device)
    return worst.scatter_reduce_(0, batch.system, norms, reduce="amax")


def _added(value: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Returns sums over dimensions, term after term: their bits do not depend on where in the array they are."""
    for d in sorted(dims, reverse=True):
        value = reduce(torch.add, value.unbind(d))
    return value
