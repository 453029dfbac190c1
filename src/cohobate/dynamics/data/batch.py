"""Many systems of atoms as concatenated arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.data.devices import usable
from cohobate.dynamics.data.encoding import bytes_of, tensor_of
from cohobate.dynamics.data.fields import STANDARD, Field, Scope, declared
from cohobate.dynamics.data.reading import Device, Read, Scopes, read
from cohobate.dynamics.data.rows import members, repeated, rows, starts

ALWAYS: Final = ("numbers", "positions", "id")


@final
class Batch:
    """Systems one after the other: fields of atoms (N, ...), of edges (E, ...), of systems (B, ...).

    ``atoms`` and ``edges``: (B,) say how many each system has; whatever an edge says of atoms counts them within its
    system. ``id`` tells systems apart wherever they go. Arrays are changed in place by whoever steps the batch; what
    is made of a batch (``select``, ``append``, ``split``) shares nothing with it.

    >>> hydrogen = {"numbers": [1, 1], "positions": [[0, 0, 0], [0, 0, 0.74]]}
    >>> two = Batch.of([{"numbers": [18], "positions": [[0, 0, 0]]}, hydrogen])
    >>> two.n_systems, two.n_atoms, two.system.tolist(), two["id"].tolist()
    (2, 3, [0, 1, 1], [0, 1])
    """

    __slots__ = ("_atoms", "_derived", "_edges", "_fields", "_kinds", "changes")

    def __init__(
        self, fields: Mapping[str, Tensor], kinds: Mapping[str, Field], atoms: Tensor, edges: Tensor | None = None
    ) -> None:
        self._fields, self._kinds = dict(fields), dict(kinds)
        self._atoms = atoms
        self._edges = torch.zeros_like(atoms) if edges is None else edges
        self._derived: dict[str, Tensor] = {}
        self.changes = 0
        """How often an array was replaced or added."""

    # what is in it

    def __getitem__(self, name: str) -> Tensor:
        """The array of a field; ``UserError`` where there is none."""
        if name not in self._fields:
            raise UserError(f"the batch has the fields {list(self)}, not {name!r}{did_you_mean(name, self._fields)}")
        return self._fields[name]

    def __setitem__(self, name: str, value: Tensor) -> None:
        """Replaces the array of a field, or adds one that is known by name."""
        kind = self._kinds.get(name) or declared(name, value, None, self.counts)
        self._fields[name], self._kinds[name] = self._checked(name, kind, value), kind
        self.changes += 1

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return self.n_systems

    def kind(self, name: str) -> Field:
        """Returns how a field is declared."""
        return self._kinds[name]

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The arrays of all fields by name."""
        return MappingProxyType(self._fields)

    def add(self, name: str, kind: Field, value: Tensor | None = None) -> Tensor:
        """Adds a field, filled where no array is given; returns its array."""
        made = self._filled(kind) if value is None else self._checked(name, kind, value)
        self._fields[name], self._kinds[name] = made, kind
        self.changes += 1
        return made

    @property
    def n_systems(self) -> int:
        """How many systems."""
        return len(self._atoms)

    @property
    def n_atoms(self) -> int:
        """How many atoms in all."""
        return len(self._fields["positions"])

    @property
    def atoms(self) -> Tensor:
        """The number of atoms of each system: (B,)."""
        return self._atoms

    @property
    def edges(self) -> Tensor:
        """The number of edges of each system: (B,)."""
        return self._edges

    @property
    def counts(self) -> Mapping[Scope, int]:
        """How many entries fields of each scope have."""
        return {"atom": len(self._fields["positions"]), "edge": int(self._edges.sum()), "system": len(self._atoms)}

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of the batch."""
        return self._fields["positions"].dtype

    @property
    def device(self) -> torch.device:
        """Where the arrays are."""
        return self._fields["positions"].device

    @property
    def start(self) -> Tensor:
        """Where the atoms of each system begin, and where the last ones end: (B + 1,)."""
        if "start" not in self._derived:
            self._derived["start"] = starts(self._atoms)
        return self._derived["start"]

    @property
    def system(self) -> Tensor:
        """The system of each atom: (N,)."""
        if "system" not in self._derived:
            numbers = torch.arange(len(self._atoms), device=self._atoms.device)
            self._derived["system"] = torch.repeat_interleave(numbers, self._atoms)
        return self._derived["system"]

    def find(self, ids: Iterable[int]) -> Tensor:
        """Returns the numbers of the systems with some ids, in their order; ``UserError`` where one is not there."""
        held = self._fields["id"].tolist()
        at = {one: row for row, one in enumerate(held)}
        if len(at) < len(held):
            raise UserError(f"id {repeated(held)} is there twice: ids must be unique to be looked up")
        wanted = [int(one) for one in ids]
        if missing := [one for one in wanted if one not in at]:
            raise UserError(f"no system has the id {missing[0]}; the batch has {held!r:.80}")
        return torch.tensor([at[one] for one in wanted], dtype=torch.int64, device=self.device)

    # made of it

    def select(self, wanted: Tensor | Sequence[int]) -> Batch:
        """Returns some systems, by a mask (B,) or by their numbers in the order wanted, none of them twice."""
        chosen = rows(wanted, self.n_systems, self.device)
        index: dict[Scope, Tensor] = {
            "system": chosen,
            "atom": members(self.start, self._atoms, chosen),
            "edge": members(starts(self._edges), self._edges, chosen),
        }
        fields = {name: value[index[self._kinds[name].scope]] for name, value in self._fields.items()}
        return Batch(fields, self._kinds, self._atoms[chosen], self._edges[chosen])

    def trim(self, gone: Tensor | Sequence[int]) -> Batch:
        """Returns the others, without some systems."""
        stay = torch.ones(self.n_systems, dtype=torch.bool, device=self.device)
        stay[rows(gone, self.n_systems, self.device)] = False
        return self.select(stay)

    def append(self, other: Batch) -> Batch:
        """Returns the systems of both; a field that one of them lacks is filled in there."""
        return _unique(joined([self, other]))

    def split(self) -> list[Batch]:
        """Returns each system alone."""
        return [self.select([i]) for i in range(self.n_systems)]

    def empty_like(self) -> Batch:
        """Returns no systems with the same fields."""
        return self.select([])

    def copy(self) -> Batch:
        """Returns the same, sharing nothing."""
        fields = {name: value.clone() for name, value in self._fields.items()}
        return Batch(fields, self._kinds, self._atoms.clone(), self._edges.clone())

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Batch:
        """Returns a copy elsewhere, or with another floating type."""
        if dtype is not None and not dtype.is_floating_point:
            raise UserError(f"the type of a batch must be floating, got {dtype}")
        device = None if device is None else usable(device)
        fields = {name: value.to(device, self._type(name, dtype), copy=True) for name, value in self._fields.items()}
        return Batch(fields, self._kinds, self._atoms.to(device, copy=True), self._edges.to(device, copy=True))

    @staticmethod
    def of(
        systems: Iterable[Mapping[str, object]],
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
        scopes: Scopes | None = None,
        first: int = 0,
    ) -> Batch:
        """Returns systems that are given as arrays by name; ids count from ``first`` where none are given.

        ``scopes`` declare fields that are not in ``STANDARD``: by whose they are, or by a ``Field``.
        """
        return gathered(((one, scopes or {}) for one in systems), dtype=dtype, device=device, first=first)

    @staticmethod
    def empty(*, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu") -> Batch:
        """Returns a batch without systems."""
        none = torch.zeros(0, dtype=torch.int64, device=usable(device))
        kinds = {name: STANDARD[name] for name in ALWAYS}
        fields = {
            name: torch.zeros((0, *kind.shape), dtype=kind.dtype or dtype, device=device)
            for name, kind in kinds.items()
        }
        return Batch(fields, kinds, none)

    def __reduce__(self) -> tuple[object, ...]:
        """Travels by its bytes, and arrives on the CPU: torch cannot pickle every kind of number."""
        arrays = {n: (bytes_of(one), tuple(one.shape), one.dtype) for n, one in self._fields.items()}
        return _arrived, (arrays, self._kinds, self._atoms.tolist(), self._edges.tolist())

    def _filled(self, kind: Field) -> Tensor:
        shape = (self.counts[kind.scope], *kind.shape)
        return torch.full(shape, kind.fill, dtype=kind.dtype or self.dtype, device=self.device)

    def _checked(self, name: str, kind: Field, value: Tensor) -> Tensor:
        wanted = (self.counts[kind.scope], *kind.shape)
        if tuple(value.shape) != wanted:
            raise UserError(f"field {name!r}: expected the shape {wanted}, got {tuple(value.shape)}")
        expected, got = (kind.dtype or self.dtype, self.device), (value.dtype, value.device)
        if expected != got:
            raise UserError(f"field {name!r}: expected {expected[0]} on {expected[1]}, got {got[0]} on {got[1]}")
        return value

    def _held(self, name: str, kinds: Mapping[str, Field]) -> Tensor:
        return self._fields[name] if name in self._fields else self._filled(kinds[name])

    def _type(self, name: str, dtype: torch.dtype | None) -> torch.dtype:
        return dtype if dtype is not None and self._kinds[name].real else self._fields[name].dtype


def gathered(
    systems: Iterable[tuple[Mapping[str, object], Scopes]], *, dtype: torch.dtype, device: Device, first: int
) -> Batch:
    """Returns systems of which each has scopes of its own; see ``Batch.of``."""
    if not dtype.is_floating_point:
        raise UserError(f"the type of a batch must be floating, got {dtype}")
    listed = [_system(one, first + i, scopes, dtype, device) for i, (one, scopes) in enumerate(systems)]
    if not listed:
        raise UserError("a batch needs at least one system, got none; see Batch.empty")
    return _unique(joined(listed)) if len(listed) > 1 else listed[0]


def joined(batches: Sequence[Batch]) -> Batch:
    """Returns the systems of all; whose ids these are is up to the caller, where ``append`` refuses one that is twice.

    Raises ``UserError`` for batches on other devices or of other floating types, and fields declared otherwise.
    """
    kinds = _agreed(batches)
    fields = {name: torch.cat([one._held(name, kinds) for one in batches]) for name in kinds}
    atoms, edges = (torch.cat([getattr(one, name) for one in batches]) for name in ("atoms", "edges"))
    return Batch(fields, kinds, atoms, edges)


def _arrived(
    arrays: Mapping[str, tuple[bytes, tuple[int, ...], torch.dtype]],
    kinds: Mapping[str, Field],
    atoms: list[int],
    edges: list[int],
) -> Batch:
    fields = {name: tensor_of(*one) for name, one in arrays.items()}
    return Batch(fields, kinds, *(torch.tensor(one, dtype=torch.int64) for one in (atoms, edges)))


def _agreed(batches: Sequence[Batch]) -> dict[str, Field]:
    kinds: dict[str, Field] = {}
    for one in batches:
        first = batches[0]
        if (first.device, first.dtype) != (one.device, one.dtype):
            found = f"{first.dtype} on {first.device} and {one.dtype} on {one.device}"
            raise UserError(f"batches of one floating type on one device can be joined, got {found}; see Batch.to")
        for name, kind in one._kinds.items():
            if kinds.setdefault(name, kind) != kind:
                here = f"as {kind} by the systems {one['id'].tolist()!r:.40}"
                raise UserError(f"field {name!r} is declared {here}, and by others as {kinds[name]}")
    return kinds


def _unique(batch: Batch) -> Batch:
    if (twice := repeated(batch["id"].tolist())) is not None:
        raise UserError(f"field 'id': {twice} is there twice; the ids of a batch are unique")
    return batch


def _system(given: Mapping[str, object], number: int, scopes: Scopes, dtype: torch.dtype, device: Device) -> Batch:
    try:
        found = read({"id": [number], **given}, scopes, dtype=dtype, device=device)
    except UserError as error:
        raise UserError(f"system {number}: {error}") from error
    return alone(found)


def alone(found: Read) -> Batch:
    """Returns the batch of one system."""
    device = found.fields["id"].device
    atoms, edges = (torch.from_numpy(np.array([found.counts[scope]])) for scope in ("atom", "edge"))
    if device.type != "cpu":
        atoms, edges = atoms.to(device), edges.to(device)
    return Batch(found.fields, {name: found.kinds[name] for name in found.fields}, atoms, edges)
