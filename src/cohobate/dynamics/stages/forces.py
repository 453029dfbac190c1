"""Computing those systems of a batch that are to be computed, and nothing else."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD, UNKNOWN, Field
from cohobate.dynamics.models.failing import explained
from cohobate.dynamics.models.potential import Potential, Results

KEPT: Final = ("stress", "energies")
"""Results that are kept up to date where a batch has them, beside those that a run needs."""


def compute(potential: Potential, batch: Batch, mask: Tensor, want: frozenset[str]) -> tuple[Tensor, dict[int, str]]:
    """Puts what is wanted of a potential for systems (B,) into the batch; returns those it failed on, and why.

    The potential sees these systems only: what it costs, and what it may stumble on, are theirs.
    """
    every = bool(mask.all())
    part = batch if every else batch.select(mask)
    outputs = potential.traits.outputs
    kept = [name for name in KEPT if name in part]
    want = (want.union(kept) & potential.traits.provides) | outputs.keys()
    found = potential.compute(part, want)
    _check(potential, want, found)
    for name in kept:
        if name not in found.values:
            part[name].fill_(UNKNOWN)  # what was known held for other positions
    for name, value in found.values.items():
        if name not in part:
            part.add(name, STANDARD.get(name) or outputs.get(name) or Field("system", tuple(value.shape[1:])))
        _put(part, name, value, found.ok)
    if every:
        return ~found.ok, explained(part, found.why)
    return_to(batch, part, mask)
    rows = torch.nonzero(mask).ravel()
    lost = torch.zeros_like(mask)
    lost[rows] = ~found.ok
    return lost, {int(rows[s]): text for s, text in explained(part, found.why).items()}


def return_to(batch: Batch, part: Batch, mask: Tensor) -> None:
    """Puts the fields of selected systems (B,) back where they came from, those that are new there too."""
    index = {"system": mask, "atom": mask[batch.system]}
    for name in part:
        kind = part.kind(name)
        if kind.scope == "edge" or name in ("id", "numbers"):
            continue
        if name not in batch:
            batch.add(name, kind)
        batch[name][index[kind.scope]] = part[name]


def _check(potential: Potential, want: frozenset[str], found: Results) -> None:
    if missing := sorted(want - found.values.keys()):
        raise UserError(
            f"the potential {type(potential).__name__} says that it provides {missing}, but gave {sorted(found.values)}"
        )


def _put(batch: Batch, name: str, value: Tensor, ok: Tensor) -> None:
    held, value = batch[name], value.detach()
    if bool(ok.all()):
        held.copy_(value)
        return
    rows = ok if batch.kind(name).scope == "system" else ok[batch.system]
    held.copy_(torch.where(rows.reshape(-1, *[1] * (value.ndim - 1)), value, held))
