"""Other systems in the place of those that left: where they are as large, in the very same place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.inflight.looking import TORCH_ONLY, Looking

Run = tuple[int, int]


def refilled(batch: Batch, stay: Sequence[int], fresh: Batch | None) -> Batch:
    """Returns the systems ``stay`` (in ascending order) of a batch, and after them those of another.

    The same as selecting and appending, at a fifth of the cost for small batches in main memory: what stays
    lies in a few runs.
    """
    if not _is_plain(batch) or (fresh is not None and not _is_plain(fresh)):
        kept = batch.select(list(stay))
        return kept if fresh is None else joined([kept, fresh])
    start = batch.start.tolist()
    systems = list(runs(stay))
    atoms = [(start[first], start[last]) for first, last in systems]
    kinds = {name: batch.kind(name) for name in batch} | (
        {} if fresh is None else {name: fresh.kind(name) for name in fresh}
    )
    fields: dict[str, torch.Tensor] = {}
    for name, kind in kinds.items():
        pieces = _pieces(batch, name, kind, systems if kind.scope == "system" else atoms)
        if fresh is not None:
            pieces.append(_held(fresh, name, kind, batch.dtype))
        fields[name] = torch.from_numpy(np.concatenate(pieces))
    counts = [batch.atoms[first:last] for first, last in systems] + ([] if fresh is None else [fresh.atoms])
    return Batch(fields, kinds, torch.cat(counts) if counts else batch.atoms[:0])


def put(held: Looking, row: int, alone: Batch, given: Mapping[str, int]) -> None:
    """Puts a system of as many atoms in the place of another: what it lacks is filled, ``given`` wins (main memory)."""
    own: dict[str, Any] = {name: tensor.numpy() for name, tensor in alone.tensors.items()}
    own |= given
    atoms, system = slice(held.start[row], held.start[row + 1]), slice(row, row + 1)
    for name, array, is_atoms, fill in held.columns:
        if name in own:
            array[atoms if is_atoms else system] = own[name]
        else:
            array[atoms if is_atoms else row] = fill


def is_swappable(held: Looking, alone: Batch) -> bool:
    """Whether a system can be put in the place of another one of its size."""
    return held.open and held.arrays.keys() >= alone.tensors.keys()


def runs(rows: Sequence[int]) -> Iterator[Run]:
    """Yields the runs of consecutive numbers, as first and one beyond the last.

    >>> list(runs([0, 1, 4, 6, 7]))
    [(0, 2), (4, 5), (6, 8)]
    """
    first = 0
    for at in range(1, len(rows) + 1):
        if at == len(rows) or rows[at] != rows[at - 1] + 1:
            yield rows[first], rows[at - 1] + 1
            first = at


def _is_plain(batch: Batch) -> bool:
    kinds = (batch.kind(name) for name in batch)
    return batch.device.type == "cpu" and all(kind.scope != "edge" and kind.dtype not in TORCH_ONLY for kind in kinds)


def _pieces(batch: Batch, name: str, kind: Field, wanted: Sequence[Run]) -> list[Any]:
    if name not in batch:
        return [_filled(kind, sum(last - first for first, last in wanted), batch.dtype)]
    array = batch[name].numpy()
    return [array[first:last] for first, last in wanted] or [array[:0]]


def _held(fresh: Batch, name: str, kind: Field, dtype: torch.dtype) -> Any:  # noqa: ANN401 an array
    if name in fresh:
        return fresh[name].numpy()
    return _filled(kind, fresh.n_systems if kind.scope == "system" else fresh.n_atoms, dtype)


def _filled(kind: Field, n: int, dtype: torch.dtype) -> Any:  # noqa: ANN401 an array
    return torch.full((n, *kind.shape), kind.fill, dtype=dtype if kind.real else kind.dtype).numpy()
