"""Normal random numbers for the atoms of a batch, the same for a system wherever it is."""

from __future__ import annotations

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch


def noise(batch: Batch, seed: int, counts: Tensor) -> Tensor:
    """Returns standard normal numbers (N, 3): a function of the seed, the id of a system, its count (B,), the atom."""
    from cohobate.dynamics.kernels.normals import normals  # numba takes a while to import

    found = torch.empty(batch["positions"].shape, dtype=batch.dtype)
    ids, start = batch["id"].cpu().numpy(), batch.start.cpu().numpy()
    normals(seed, ids, counts.cpu().numpy(), start, found.numpy())
    return found.to(batch.device)
