"""Changes under a mask of systems, with operations whose bits do not depend on where in a batch they happen."""

from __future__ import annotations

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch

ACCELERATION = 0.009648533290731906
"""eV/(Å amu) in Å/fs^2: e / (1e-10 u) 1e-20 with CODATA 2014 as in ASE."""


def moving(batch: Batch, mask: Tensor) -> Tensor:
    """Returns the atoms of the systems in ``mask`` that are not fixed: (N, 1)."""
    atoms = mask[batch.system]
    if "fixed" in batch:
        atoms = atoms & ~batch["fixed"]
    return atoms[:, None]


def add(field: Tensor, change: Tensor, where: Tensor) -> None:
    """Adds a change in place where wanted: elsewhere not even the sign of a zero changes."""
    field.copy_(torch.where(where, field + change, field))


def accelerations(batch: Batch) -> Tensor:
    """Returns forces over masses: (N, 3), Å/fs^2."""
    return batch["forces"] * (ACCELERATION / batch["masses"])[:, None]
