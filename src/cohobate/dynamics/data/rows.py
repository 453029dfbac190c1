"""Which entries belong to which systems, where systems lie one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cohobate.core.errors import UserError


def starts(counts: Tensor) -> Tensor:
    """Returns where the entries of each system begin, and where the last ones end: (B + 1,)."""
    zero = torch.zeros(1, dtype=torch.int64, device=counts.device)
    return torch.cat([zero, torch.cumsum(counts, 0)])


def rows(wanted: Tensor | Sequence[int], n: int, device: torch.device) -> Tensor:
    """Returns the numbers of the systems wanted, by a mask (n,) or by their numbers, none of them twice."""
    given = torch.as_tensor(wanted, device=device)
    if given.dtype == torch.bool:
        if tuple(given.shape) != (n,):
            raise UserError(f"expected a mask of {n} systems, got the shape {tuple(given.shape)}")
        return torch.nonzero(given).ravel()
    listed = given.tolist()
    if given.ndim != 1 or (listed and given.is_floating_point()):
        raise UserError(f"expected a mask or numbers of systems, got {wanted!r:.80}")
    if listed and not (min(listed) >= 0 and max(listed) < n):
        raise UserError(f"expected numbers of {n} systems, from 0 to {n - 1}, got {listed!r:.80}")
    if (twice := repeated(listed)) is not None:
        raise UserError(f"system {twice} is wanted twice; the ids of a batch are unique")
    return given.to(torch.int64)


def members(start: Tensor, counts: Tensor, chosen: Tensor) -> Tensor:
    """Returns the numbers of the entries that belong to some systems, in their order."""
    many = counts[chosen]
    first = torch.repeat_interleave(start[chosen] - starts(many)[:-1], many)
    return first + torch.arange(len(first), device=first.device)


def repeated(numbers: Sequence[int]) -> int | None:
    """Returns a number that is there twice, if any is."""
    if len(set(numbers)) == len(numbers):
        return None
    return next(one for one in numbers if numbers.count(one) > 1)
