"""Showing systems that come to what is to be done with them: one with which that fails does not concern the others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.stages.forces import return_to


def show(admit: Callable[[Batch], None], batch: Batch, mask: Tensor) -> dict[int, str]:
    """Calls ``admit`` with the systems of a mask (B,) alone; returns with which of them it raised, and what.

    It is given a copy, and where it raises with several again each of them: what it did until then does not count.
    """
    rows = torch.nonzero(mask).ravel().tolist()
    if not rows:
        return {}
    part = batch.select(mask)
    try:
        admit(part)
    except Exception as error:  # noqa: BLE001 a user's function ends its own system only
        if len(rows) == 1:
            return {rows[0]: f"on_admit raised {type(error).__name__}: {error}"}
    else:
        return_to(batch, part, mask)
        return {}
    found: dict[int, str] = {}
    for row in rows:
        alone = torch.zeros_like(mask)
        alone[row] = True
        found |= show(admit, batch, alone)
    return found
