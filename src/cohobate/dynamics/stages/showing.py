"""What comes is shown to the user's function, and looked at: one with which that fails does not concern the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from cohobate.core.capture import Raised, Returned, capture
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.models.failing import TOO_MUCH
from cohobate.dynamics.stages.forces import return_to


def show(admit: Callable[[Batch], None], batch: Batch, mask: Tensor) -> dict[int, str]:
    """Calls ``admit`` with the systems of a mask (B,) alone; returns with which of them it raised, and what.

    It is given a copy, and where it raises with several again each of them: what it did until then does not count.
    """
    rows = torch.nonzero(mask).ravel().tolist()
    if not rows:
        return {}
    part = batch.select(mask)
    match capture(admit, part):
        case Returned():
            return_to(batch, part, mask)
            return {}
        case Raised(error) if isinstance(error, TOO_MUCH):
            raise error
        case Raised(message=message) if len(rows) == 1:
            return {rows[0]: f"on_admit raised {message}"}
    found: dict[int, str] = {}
    for row in rows:
        alone = torch.zeros_like(mask)
        alone[row] = True
        found |= show(admit, batch, alone)
    return found


def unfit(batch: Batch, *, weighed: bool) -> Iterator[tuple[Tensor, str]]:
    """Yields systems (B,) that no step can be made of, and why; ``weighed``: their masses are needed."""
    yield batch.atoms == 0, "positions: expected at least one atom, got none"
    if weighed:
        light = torch.zeros(batch.n_systems, dtype=torch.bool, device=batch.device)
        light[batch.system[~((batch["masses"] > 0) & batch["masses"].isfinite())]] = True
        yield light, "masses must be positive numbers of amu"
