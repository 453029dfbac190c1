"""Changes under a mask of systems, with operations whose bits do not depend on where in a batch they happen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.kernels.compiling import compiles

ACCELERATION = 0.009648533290731906
"""eV/(Å amu) in Å/fs^2, with the constants of ASE (CODATA 2014)."""


def in_loops(batch: Batch) -> bool:
    """Whether half steps can be made by the loops of ``kernels.motion``: the same bits, in one pass."""
    return batch.dtype == torch.float64 and has_loops(batch.device)


def has_loops(device: torch.device) -> bool:
    """Whether there are compiled loops for what is on a device."""
    return device.type == "cpu" and not torch.compiler.is_compiling() and compiles()


def looped(batch: Batch, mask: Tensor, *names: str) -> list[NDArray[Any]]:
    """Returns what the loops are given first: mask, starts, which atoms are fixed, and fields by their names."""
    fixed = batch["fixed"] if "fixed" in batch else mask[:0]
    return [one.numpy() for one in (mask, batch.start, fixed, *(batch[name] for name in names))]


def moving(batch: Batch, mask: Tensor) -> Tensor | None:
    """Returns the atoms of the systems in ``mask`` that are not fixed: (N, 1); ``None`` where these are all."""
    if "fixed" not in batch and not torch.compiler.is_compiling() and bool(mask.all()):
        return None
    atoms = mask[batch.system]
    if "fixed" in batch:
        atoms = atoms & ~batch["fixed"]
    return atoms[:, None]


def add(field: Tensor, change: Tensor, where: Tensor | None) -> None:
    """Adds a change in place where wanted: elsewhere not even the sign of a zero changes."""
    put(field, field + change, where)


def put(field: Tensor, value: Tensor, where: Tensor | None) -> None:
    """Replaces what is in a field where wanted."""
    field.copy_(value if where is None else torch.where(where, value, field))


def accelerations(batch: Batch) -> Tensor:
    """Returns forces over masses: (N, 3), Å/fs^2."""
    return batch["forces"] * over(ACCELERATION, batch["masses"])[:, None]


def over(number: float, value: Tensor) -> Tensor:
    """Returns a number divided by an array: torch itself would multiply by what is rounded already."""
    return torch.full_like(value, number) / value


def root(value: Tensor) -> Tensor:
    """Returns the square root, rightly rounded: on the CPU that of torch may be off by the last bit."""
    return placeless(np.sqrt, torch.sqrt, value)


def exponential(value: Tensor) -> Tensor:
    """Returns e to the power of each of a few numbers: on the CPU as the compiled loops do."""
    if torch.compiler.is_compiling() or value.device.type != "cpu":
        return torch.exp(value)
    return torch.tensor([math.exp(min(x, 709.0)) for x in value.tolist()], dtype=value.dtype)


def placeless(by_numpy: np.ufunc, by_torch: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
    """Returns a function of each number: on the CPU by numpy, whose bits do not depend on the place in an array."""
    if torch.compiler.is_compiling() or value.device.type != "cpu":
        return by_torch(value)
    return torch.from_numpy(by_numpy(value.numpy()))


def per_system(batch: Batch, values: Tensor) -> Tensor:
    """Returns the sum over the atoms of each system: (B,), of values (N, 3) in the order of its atoms."""
    each = values[:, 0] + values[:, 1] + values[:, 2]
    return torch.zeros(batch.n_systems, dtype=values.dtype, device=values.device).index_add_(0, batch.system, each)


def each(batch: Batch, value: Tensor) -> Tensor:
    """Returns what each system has (B,), for each of its atoms: (N, 1)."""
    return value[batch.system][:, None]


def longest(batch: Batch, values: Tensor) -> Tensor:
    """Returns the largest length among the vectors (N, 3) of each system: (B,)."""
    squares = values[:, 0] * values[:, 0] + values[:, 1] * values[:, 1] + values[:, 2] * values[:, 2]
    worst = torch.zeros(batch.n_systems, dtype=values.dtype, device=values.device)
    return root(worst.scatter_reduce_(0, batch.system, squares, reduce="amax"))
