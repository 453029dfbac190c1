"""Why there is no result of a system."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.checking import wrong

TOO_MUCH: Final = (torch.OutOfMemoryError, MemoryError)
"""What is raised where memory is not enough, on any device."""


def not_finite(batch: Batch, values: Mapping[str, Tensor]) -> dict[int, str]:
    """Returns, by their numbers in the batch, the systems with energies or forces that are not finite, and says so."""
    given = [values[name] for name in ("energy", "forces") if name in values]
    if all(math.isfinite(float(one.sum())) for one in given):  # a sum keeps what is not finite
        return {}
    whose = [batch.system if one.ndim > 1 else torch.arange(batch.n_systems, device=batch.device) for one in given]
    fine = [torch.isfinite(one).reshape(len(one), -1).all(1) for one in given]
    which = torch.cat([system[~good] for system, good in zip(whose, fine, strict=True)]).unique().tolist()
    return dict.fromkeys(which, "the potential gave energies or forces that are not finite")


def unknown(batch: Batch, species: frozenset[int] | None) -> dict[int, str]:
    """Returns the systems with atoms that a potential does not know, and says so; ``None``: it knows all."""
    if species is None:
        return {}
    numbers = batch["numbers"]
    odd = torch.nonzero(~torch.isin(numbers, torch.tensor(sorted(species), device=batch.device))).ravel().tolist()
    found: dict[int, str] = {}
    for i in odd:
        found.setdefault(int(batch.system[i]), f"atomic number {int(numbers[i])} is not known to the potential")
    return found


def explained(batch: Batch, why: Mapping[int, str]) -> dict[int, str]:
    """Returns why some systems have no result, and what of their fields no system may have, if that is so."""
    return {s: _told(text, wrong(_alone(batch.select([s])))) for s, text in why.items()}


def _told(text: str, own: str | None) -> str:
    if own is None or own in text:
        return text
    return own if own.startswith(text) else f"{text}; {own}"


def _alone(batch: Batch) -> dict[str, Tensor]:
    return {name: batch[name] for name in batch}
