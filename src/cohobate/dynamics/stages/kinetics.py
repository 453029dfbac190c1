"""How much systems move: kinetic energies, degrees of freedom, temperatures."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.stages.masking import ACCELERATION, per_system

BOLTZMANN: Final = 8.617333262145179e-05
"""eV/K, CODATA 2018."""


def kinetic_energies(batch: Batch) -> Tensor:
    """Returns the kinetic energy of each system: (B,), eV; fixed atoms have none."""
    squares = batch["velocities"] * batch["velocities"] * batch["masses"][:, None]
    if "fixed" in batch:
        squares = torch.where(batch["fixed"][:, None], torch.zeros_like(squares), squares)
    return per_system(batch, squares) * (0.5 / ACCELERATION)


def degrees_of_freedom(batch: Batch, removed: int = 3) -> Tensor:
    """Returns how many degrees of freedom each system has: (B,).

    Three for each atom that is not fixed; less ``removed`` where none is: 3 where the momentum is conserved and
    zero (forces among the atoms alone, no drift at the start), 0 where it is not.
    """
    if "fixed" not in batch:
        return torch.clamp(3 * batch.atoms - removed, min=0)
    free = (~batch["fixed"]).to(torch.int64)
    count = torch.zeros_like(batch.atoms).index_add_(0, batch.system, free)
    return torch.clamp(3 * count - torch.where(count == batch.atoms, removed, 0), min=0)


def temperatures(batch: Batch, removed: int = 3) -> Tensor:
    """Returns the temperature of each system from its kinetic energy: (B,), K; 0 without degrees of freedom."""
    degrees = torch.clamp(degrees_of_freedom(batch, removed), min=1).to(batch.dtype)
    return 2 * kinetic_energies(batch) / (degrees * BOLTZMANN)
