"""Normal random numbers for the atoms of a batch, the same for a system wherever it is."""

from __future__ import annotations

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.stages.drawing import drawn
from cohobate.dynamics.stages.masking import has_loops


def noise(batch: Batch, seed: int, counts: Tensor) -> Tensor:
    """Returns standard normal numbers (N, 3): a function of the seed, the id of a system, its count (B,), the atom."""
    if not has_loops(batch.device):
        return drawn(seed, batch["id"], counts, batch.start, batch.system).to(batch.dtype)
    from cohobate.dynamics.kernels.normals import normals  # numba takes a while to import

    found = torch.empty((batch.n_atoms, 3), dtype=torch.float64)
    normals(seed, batch["id"].numpy(), counts.numpy(), batch.start.numpy(), found.numpy())
    return found.to(batch.dtype)
