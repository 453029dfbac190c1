"""Where the atoms of each system were when its neighbours were last looked for, and whether that is too long ago."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.kernels.compiling import compiles

ORIGIN: Final = "pairs.origin"
CELL: Final = "pairs.cell"
STAMP: Final = "pairs.stamp"
FIELDS: Final = {
    ORIGIN: Field("atom", (3,), unit="Å", fill=float("nan")),
    CELL: Field("system", (4, 3), unit="Å", fill=float("nan")),
    STAMP: Field("system", (), torch.int64),
}
"""They follow a system wherever it goes: neighbours are a function of them, so these can be listed again anywhere."""
LARGEST: Final = 32_000
"""Images of a cell that are told apart: how many can be within reach."""
Array = NDArray[Any]


def renewed(batch: Batch, skin: float) -> None:
    """Sets the origin of systems of which an atom has moved by half the skin (Å), or the cell has changed.

    The stamp tells origins apart: it is a digest of the positions and the cell, 0 where nobody has made one yet.
    """
    for name, kind in FIELDS.items():
        if name not in batch:
            batch.add(name, kind)
    cells = _repeated(batch)
    stale = _moved(batch, (skin / 2) * (skin / 2))
    stale |= (cells != batch[CELL]).flatten(1).any(1).cpu().numpy()
    for s in np.flatnonzero(stale | (batch[STAMP] == 0).cpu().numpy()).tolist():
        mine = slice(int(batch.start[s]), int(batch.start[s + 1]))
        if stale[s]:
            batch[ORIGIN][mine] = batch["positions"][mine]
            batch[CELL][s] = cells[s]
        batch[STAMP][s] = _digest(batch[ORIGIN][mine], batch[CELL][s])


def _repeated(batch: Batch) -> Tensor:
    """Returns the cells, and below each which of its vectors repeat: (B, 4, 3), zeros where none does."""
    if "cell" not in batch or "pbc" not in batch:
        return torch.zeros((batch.n_systems, 4, 3), dtype=batch.dtype, device=batch.device)
    found = torch.cat([batch["cell"], batch["pbc"][:, None].to(batch.dtype)], 1)
    return torch.where(batch["pbc"].any(1)[:, None, None], found, torch.zeros_like(found))


def cells_of(batch: Batch) -> tuple[Array, Array]:
    """Returns the cells (B, 3, 3), and in which directions they repeat (B, 3)."""
    if "cell" in batch and "pbc" in batch:
        return batch["cell"].double().cpu().numpy(), batch["pbc"].cpu().numpy()
    return np.tile(np.eye(3), (batch.n_systems, 1, 1)), np.zeros((batch.n_systems, 3), bool)


def wrong_system(origin: Array, cell: Array, periodic: Array, reach: float) -> str | None:
    """Returns why no neighbours can be looked for so far (Å), ``None`` where they can."""
    if not np.isfinite(origin).all():
        return "positions must be finite"
    if not periodic.any():
        return None
    if not (np.isfinite(cell).all() and np.linalg.det(cell) != 0):
        return "the cell must be finite and have a volume"
    with np.errstate(all="ignore"):
        images = np.ceil(reach * np.linalg.norm(np.linalg.inv(cell), axis=0))
    if not np.prod(2 * images[periodic] + 1) <= LARGEST:
        return "the cell is too small for the cutoff: its images cannot be numbered"
    return None


def _moved(batch: Batch, limit2: float) -> Array:
    """Returns the systems of which an atom is further than that from its origin, or had none: (B,)."""
    if batch.device.type == "cpu" and compiles():
        from cohobate.dynamics.kernels.lists import moved  # numba takes a while to import

        found = np.zeros(batch.n_systems, bool)
        moved(batch["positions"].numpy(), batch[ORIGIN].numpy(), batch.start.numpy(), limit2, found)
        return found
    way = batch["positions"] - batch[ORIGIN]
    near = way[:, 0] * way[:, 0] + way[:, 1] * way[:, 1] + way[:, 2] * way[:, 2] <= limit2
    far = torch.zeros(batch.n_systems, dtype=torch.bool, device=batch.device)
    far[batch.system[~near]] = True
    return np.asarray(far.cpu().numpy(), dtype=bool)


def _digest(origin: Tensor, cell: Tensor) -> int:
    said = origin.cpu().numpy().tobytes() + cell.cpu().numpy().tobytes()
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big", signed=True)
