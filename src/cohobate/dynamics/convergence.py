"""When a system is done: criteria on its own fields, all of which must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final, get_args

import torch
from torch import Tensor

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field

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

    Within an entry ``reduce_op`` is applied over ``reduce_dims`` (default: a vector by its norm over all its
    dimensions); of the atoms of a system the largest counts. ``custom_op`` decides alone: it is given the array and
    returns a mask (B,).
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

    def holds(self, batch: Batch) -> Tensor:
        """Returns the systems for which it holds: (B,). Raises ``UserError`` where the batch has no such field."""
        value = batch[self.key]
        if self.custom_op is not None:
            return self.custom_op(value)
        entries = self._reduced(value)
        if batch.kind(self.key).scope == "system":
            return entries <= self.threshold
        worst = torch.full((batch.n_systems,), -torch.inf, dtype=entries.dtype, device=entries.device)
        worst.scatter_reduce_(0, batch.system, entries, reduce="amax")
        return worst <= self.threshold

    def _reduced(self, value: Tensor) -> Tensor:
        if value.ndim == 1:
            return value
        every = tuple(range(1, value.ndim))
        dims = every if self.reduce_dims is None else self.reduce_dims
        match self.reduce_op:
            case "min":
                found = torch.amin(value, dims)
            case "max":
                found = torch.amax(value, dims)
            case "mean":
                found = torch.mean(value, dims)
            case "sum":
                found = torch.sum(value, dims)
            case _:
                found = torch.linalg.vector_norm(value, dim=dims)
        return found if found.ndim == 1 else found.flatten(1).amax(1)


@final
@dataclass(frozen=True, slots=True)
class Convergence:
    """All criteria together, looked at after every ``frequency`` steps of a system, the first one included.

    >>> Convergence({"key": "fmax", "threshold": 0.05}).criteria[0].threshold
    0.05
    """

    criteria: tuple[Criterion, ...]
    frequency: int

    def __init__(self, *criteria: Criterion | Mapping[str, Any] | Sequence[Any], frequency: int = 1) -> None:
        listed: list[Any] = [
            one for given in criteria for one in (given if isinstance(given, list | tuple) else [given])
        ]
        found = tuple(one if isinstance(one, Criterion) else Criterion(**one) for one in listed)
        if not found:
            raise UserError("Convergence needs at least one criterion, got none")
        if isinstance(frequency, bool) or not isinstance(frequency, int) or frequency < 1:
            raise UserError(f"Convergence: frequency must be a whole number of at least 1, got {frequency!r}")
        object.__setattr__(self, "criteria", found)
        object.__setattr__(self, "frequency", frequency)

    @staticmethod
    def from_fmax(threshold: float, *, frequency: int = 1) -> Convergence:
        """Returns: no force above ``threshold`` (eV/Å), by the field ``fmax``."""
        return Convergence(Criterion(FMAX, threshold), frequency=frequency)

    @staticmethod
    def from_forces(threshold: float, *, frequency: int = 1) -> Convergence:
        """Returns: no force above ``threshold`` (eV/Å), by the forces themselves."""
        return Convergence(Criterion("forces", threshold, "norm"), frequency=frequency)

    def mask(self, batch: Batch) -> Tensor:
        """Returns the systems for which all criteria hold: (B,)."""
        found = self.criteria[0].holds(batch)
        for one in self.criteria[1:]:
            found = found & one.holds(batch)
        return found

    def evaluate(self, batch: Batch) -> Tensor | None:
        """Returns the numbers of the systems for which all hold, ``None`` where there are none."""
        found = torch.nonzero(self.mask(batch)).ravel()
        return found if len(found) else None

    @property
    def derived(self) -> frozenset[str]:
        """The fields that are to be computed for it."""
        return frozenset(one.key for one in self.criteria if one.key in (FMAX, ENERGY_CHANGE))


def derive(batch: Batch, names: frozenset[str]) -> None:
    """Computes ``fmax`` and ``energy_change`` where they are wanted; forces of fixed atoms do not count."""
    for name in names | ({BEFORE} if ENERGY_CHANGE in names else set()):
        if name not in batch:
            batch.add(name, DERIVED[name])
    if FMAX in names:
        forces = batch["forces"]
        norms = torch.sqrt(forces[:, 0] * forces[:, 0] + forces[:, 1] * forces[:, 1] + forces[:, 2] * forces[:, 2])
        if "fixed" in batch:
            norms = torch.where(batch["fixed"], torch.zeros_like(norms), norms)
        worst = torch.zeros(batch.n_systems, dtype=norms.dtype, device=norms.device)
        batch[FMAX] = worst.scatter_reduce_(0, batch.system, norms, reduce="amax")
    if ENERGY_CHANGE in names:
        batch[ENERGY_CHANGE] = torch.abs(batch["energy"] - batch[BEFORE])
        batch[BEFORE] = batch["energy"].clone()
