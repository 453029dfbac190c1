"""What is told of a system beside its fields: kinetic and total energy, temperature, whether it is finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor

from cohobate.dynamics.convergence import fmax
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.stages.kinetics import kinetic_energies, temperatures


def kinetic_energy(batch: Batch) -> Tensor:
    """Returns the kinetic energy of each system: (B,), eV; zero where nothing has velocities or masses."""
    if "velocities" not in batch or "masses" not in batch:
        return torch.zeros(batch.n_systems, dtype=batch.dtype, device=batch.device)
    return kinetic_energies(batch)


def total_energy(batch: Batch) -> Tensor:
    """Returns the potential and kinetic energy of each system: (B,), eV."""
    return batch["energy"] + kinetic_energy(batch)


def temperature(batch: Batch) -> Tensor:
    """Returns the temperature of each system: (B,), K; see ``temperatures``."""
    if "velocities" not in batch or "masses" not in batch:
        return torch.zeros(batch.n_systems, dtype=batch.dtype, device=batch.device)
    return temperatures(batch)


def finite(batch: Batch, names: tuple[str, ...]) -> Tensor:
    """Returns the systems whose fields are finite numbers throughout: (B,)."""
    good = torch.ones(batch.n_systems, dtype=torch.bool, device=batch.device)
    for name in names:
        if name in batch:
            value = batch[name]
            good_ones = torch.isfinite(value)
            bad = ~(good_ones.flatten(1).all(1) if value.ndim > 1 else good_ones)
            good[batch.system[bad] if batch.kind(name).scope == "atom" else bad] = False
    return good


MEASURES: Final[Mapping[str, Callable[[Batch], Tensor]]] = {
    "kinetic": kinetic_energy,
    "total": total_energy,
    "temperature": temperature,
    "fmax": fmax,
}
"""What loggers compute when it is named; all else are fields."""
