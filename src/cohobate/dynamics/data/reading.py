"""Arrays that were given by name as checked tensors of one system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

import numpy as np
import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.devices import usable
from cohobate.dynamics.data.fields import Field, Scope, declared

Scopes: TypeAlias = Mapping[str, Scope | Field]
Device: TypeAlias = torch.device | str | None
NUMPY: Final[Mapping[torch.dtype, np.dtype[Any]]] = {
    torch.float64: np.dtype(np.float64),
    torch.float32: np.dtype(np.float32),
    torch.int64: np.dtype(np.int64),
    torch.int32: np.dtype(np.int32),
    torch.bool: np.dtype(np.bool_),
}
"""The usual kinds of numbers."""


@final
@dataclass(frozen=True, slots=True)
class Read:
    """The tensors of one system, how they are declared, and how many entries each scope has."""

    fields: Mapping[str, Tensor]
    kinds: Mapping[str, Field]
    counts: Mapping[Scope, int]


def read(given: Mapping[str, object], scopes: Scopes, *, dtype: torch.dtype, device: Device = None) -> Read:
    """Returns copies of the arrays of one system as tensors, on ``device`` or else where its positions are.

    Arrays of atoms are of the shape (n, ...), of edges (m, ...), of the system (1, ...) as in a batch of one, where
    the 1 may be left out of what is declared and of single numbers. Raises ``UserError`` naming the field.
    """
    held = {name: _tensor(name, value) for name, value in given.items()}
    for name in ("numbers", "positions"):
        if name not in held:
            raise UserError(f"expected the field {name!r}, got {list(held)}")
    counts = _counts(held, scopes)
    fields, kinds = {}, {}
    for name, value in held.items():
        kind = declared(name, value, scopes.get(name), counts)
        fields[name] = _cast(name, _shaped(name, value, kind, counts[kind.scope]), kind.dtype or dtype)
        kinds[name] = kind
    return Read(_together(given, fields, device), kinds, counts)


def again(given: Mapping[str, object], kinds: Mapping[str, Field], *, dtype: torch.dtype) -> Read | None:
    """Returns copies of arrays that were read before and found to be of some ``kinds``, at a fifth of the cost.

    It is ``None`` where it takes more than numpy: tensors, edges, rounding, kinds of numbers that numpy does not have.
    """
    fields: dict[str, Tensor] = {}
    for name, value in given.items():
        kind = kinds.get(name)
        if kind is None or kind.scope == "edge" or type(value) is not np.ndarray:
            return None
        number = NUMPY.get(kind.dtype or dtype)
        if number is None or not (value.dtype == number or np.can_cast(value.dtype, number)):
            return None
        copy = np.array(value, dtype=number)
        fields[name] = torch.from_numpy(copy if kind.scope == "atom" else copy.reshape(1, *kind.shape))
    return Read(fields, kinds, {"atom": len(fields["numbers"]), "edge": 0, "system": 1})


def _tensor(name: str, value: object) -> Tensor:
    if isinstance(value, Tensor):
        if value.layout != torch.strided:
            raise UserError(f"field {name!r}: expected an array with all its numbers, got {value.layout}; see to_dense")
        return value.detach()
    if np.ma.is_masked(value):
        raise UserError(f"field {name!r}: expected an array with all its numbers, got a masked one; see filled")
    try:
        found = np.array(value)
        return torch.from_numpy(found.astype(found.dtype.newbyteorder("=")))  # by numpy: lists would be float32
    except (TypeError, ValueError) as error:
        raise UserError(f"field {name!r}: expected an array of numbers, got {value!r:.60}") from error


def _counts(held: Mapping[str, Tensor], scopes: Scopes) -> dict[Scope, int]:
    atoms = len(held["numbers"]) if held["numbers"].ndim else 0
    edges = {name: len(value) for name, value in held.items() if value.ndim and _scope(scopes.get(name)) == "edge"}
    if len(set(edges.values())) > 1:
        raise UserError(f"fields of edges must have as many entries as each other, got {edges}")
    return {"atom": atoms, "edge": next(iter(edges.values()), 0), "system": 1}


def _scope(given: Scope | Field | None) -> Scope | None:
    return given.scope if isinstance(given, Field) else given


def _shaped(name: str, value: Tensor, kind: Field, count: int) -> Tensor:
    wanted, found = (count, *kind.shape), tuple(value.shape)
    if found == wanted:
        return value
    if kind.scope == "system" and found == kind.shape:
        return value[None]
    if found == (0,) and count == 0:  # an empty list does not say of what
        return value.reshape(wanted)
    raise UserError(f"field {name!r}: expected the shape {wanted}, got {found}")


def _cast(name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns a copy of another kind of number; floating numbers may be rounded, others must stay what they are."""
    if value.dtype == dtype:
        return value.clone()
    made = value.to(dtype) if not value.is_complex() or dtype.is_complex else None
    floating = dtype.is_floating_point or dtype.is_complex
    whole = not value.is_floating_point() or value.numel() == 0
    if made is None or not (floating or (whole and torch.equal(made.to(value.dtype), value))):
        raise UserError(f"field {name!r}: expected {_told(dtype)}, got {_told(value.dtype)}")
    return made


def _told(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _together(given: Mapping[str, object], fields: Mapping[str, Tensor], device: Device) -> dict[str, Tensor]:
    """Returns all tensors on one device; those that were tensors before must have been on one."""
    if device is None:
        device = fields["positions"].device
        placed = {name: fields[name].device for name, value in given.items() if isinstance(value, Tensor)}
        if other := {name: str(at) for name, at in placed.items() if at != device}:
            raise UserError(
                f"positions are on {device}, and these fields elsewhere: {other}; give device=, or move them"
            )
    there = usable(device)
    return {name: value.to(there) for name, value in fields.items()}
