"""What a potential says of itself, and what it gives for a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field


@dataclass(frozen=True, slots=True)
class Traits:
    """What a potential provides and needs.

    ``provides``: names of fields. ``cutoff`` (Å): how far it looks, ``None`` where it sees to neighbours itself.
    ``exact``: its numbers for a system are the same bits in every batch; else equal within rounding.
    ``species``: atomic numbers that it knows, ``None``: all. ``outputs``: what it provides and nobody needs, but
    is to land on the batch at every step.
    """

    provides: frozenset[str]
    cutoff: float | None = None
    exact: bool = False
    species: frozenset[int] | None = None
    dtypes: Sequence[torch.dtype] = (torch.float64, torch.float32)
    devices: Sequence[str] = ("cpu", "cuda")
    outputs: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """Arrays by name, in the units of ``STANDARD``; ``ok``: (B,) marks the systems that have them.

    ``why`` says of the others, by their number in the batch, what was wrong.
    """

    values: Mapping[str, Tensor]
    ok: Tensor
    why: Mapping[int, str] = field(default_factory=dict)


@runtime_checkable
class Potential(Protocol):
    """Energies and forces of all systems of a batch."""

    @property
    def traits(self) -> Traits: ...

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        """Returns what is wanted of what it provides; a system that cannot be computed spoils no other."""
        ...
