"""Sums over pairs by torch: where nothing can be compiled, and on other devices than the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.models.edges import EdgeList


@dataclass(frozen=True, slots=True)
class Cut:
    """How far pairs are summed (Å), and from where on they are switched off."""

    cutoff: float
    switch_from: float | None

    @property
    def on(self) -> float:
        """From where on they are switched off, 0 where they are not."""
        return self.switch_from or 0.0


def summed(
    law: Callable[[Any, Any], Any],
    table: NDArray[np.float64],
    cut: Cut,
    *,
    batch: Batch,
    kinds: Tensor,
    edges: EdgeList,
) -> dict[str, Tensor]:
    """Returns energy (B,), forces (N, 3), energies (N,), and virial (B, 3, 3) of the pairs that are edges."""
    between = edges.vectors(batch).double()
    r2 = between[:, 0] * between[:, 0] + between[:, 1] * between[:, 1] + between[:, 2] * between[:, 2]
    near = torch.nonzero(r2 < cut.cutoff * cut.cutoff).ravel()
    first, second, between, r2 = edges.first[near], edges.second[near], between[near], r2[near]
    numbers = torch.from_numpy(table).to(batch.device)[kinds[first], kinds[second]]
    e, g = in_torch(law)(r2, numbers.unbind(-1))
    e = e - numbers[:, -1]
    if cut.switch_from is not None:
        e, g = _switched(e, g, r2, cut)
    pull = g[:, None] * between
    forces = torch.zeros((batch.n_atoms, 3), dtype=r2.dtype, device=batch.device)
    forces.index_add_(0, first, pull).index_add_(0, second, -pull)
    each = torch.zeros(batch.n_atoms, dtype=r2.dtype, device=batch.device)
    each.index_add_(0, first, 0.5 * e).index_add_(0, second, 0.5 * e)
    system = batch.system[first]
    virial = torch.zeros((batch.n_systems, 3, 3), dtype=r2.dtype, device=batch.device)
    virial.index_add_(0, system, pull[:, :, None] * between[:, None, :])
    energy = torch.zeros(batch.n_systems, dtype=r2.dtype, device=batch.device).index_add_(0, system, e)
    return {"energy": energy.to(batch.dtype), "forces": forces.to(batch.dtype), "energies": each.to(batch.dtype)} | {
        "virial": virial
    }


@cache
def in_torch(law: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Returns the same function for tensors: with those of torch where it names functions of ``math``."""
    given = cast("FunctionType", law)
    names = {
        name: getattr(torch, name)
        for name, value in given.__globals__.items()
        if hasattr(math, name) and value is getattr(math, name) and hasattr(torch, name)
    }
    return FunctionType(
        given.__code__, {**given.__globals__, **names, "math": torch}, law.__name__, None, given.__closure__
    )


def _switched(e: Tensor, g: Tensor, r2: Tensor, cut: Cut) -> tuple[Tensor, Tensor]:
    width = 1.0 / (cut.cutoff * cut.cutoff - cut.on * cut.on)
    t = torch.clamp((r2 - cut.on * cut.on) * width, min=0.0)
    share = 1.0 - t * t * (3.0 - 2.0 * t)
    return e * share, g * share - e * (12.0 * t * (1.0 - t) * width)
