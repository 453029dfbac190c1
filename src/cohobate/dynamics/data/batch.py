"""Many systems of atoms as concatenated arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.data.fields import STANDARD, Field, Scope, declared

ALWAYS: Final = ("numbers", "positions", "id")


@final
class Batch:
    """Systems one after the other: fields of atoms (N, ...), of edges (E, ...), of systems (B, ...).

    ``atoms`` and ``edges``: (B,) say how many each system has. Arrays are changed in place by whoever steps
    the batch; what is made of a batch (``select``, ``append``, ``split``) shares nothing with it.

    >>> hydrogen = {"numbers": [1, 1], "positions": [[0, 0, 0], [0, 0, 0.74]]}
    >>> two = Batch.of([{"numbers": [18], "positions": [[0, 0, 0]]}, hydrogen])
    >>> two.n_systems, two.n_atoms, two.system.tolist(), two["id"].tolist()
    (2, 3, [0, 1, 1], [0, 1])
    """

    __slots__ = ("_atoms", "_derived", "_edges", "_fields", "_kinds")

    def __init__(
        self, fields: Mapping[str, Tensor], kinds: Mapping[str, Field], atoms: Tensor, edges: Tensor | None = None
    ) -> None:
        self._fields, self._kinds = dict(fields), dict(kinds)
        self._atoms = atoms
        self._edges = torch.zeros_like(atoms) if edges is None else edges
        self._derived: dict[str, Tensor] = {}

    # what is in it

    def __getitem__(self, name: str) -> Tensor:
        """The array of a field; ``UserError`` where there is none."""
        if name not in self._fields:
            raise UserError(f"the batch has no field {name!r}{did_you_mean(name, self._fields)}; it has {list(self)}")
        return self._fields[name]

    def __setitem__(self, name: str, value: Tensor) -> None:
        """Replaces the array of a field, or adds one that is known by name."""
        kind = self._kinds.get(name) or declared(name, value, None, self.counts)
        wanted = (self.counts[kind.scope], *kind.shape)
        if tuple(value.shape) != wanted:
            raise UserError(f"field {name!r}: expected the shape {wanted}, got {tuple(value.shape)}")
        self._fields[name], self._kinds[name] = value, kind

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return self.n_systems

    def kind(self, name: str) -> Field:
        """Returns how a field is declared."""
        return self._kinds[name]

    def add(self, name: str, kind: Field, value: Tensor | None = None) -> Tensor:
        """Adds a field, filled where no array is given; returns its array."""
        shape = (self.counts[kind.scope], *kind.shape)
        dtype = self.dtype if kind.real else kind.dtype
        if value is None:
            value = torch.full(shape, kind.fill, dtype=dtype, device=self.device)
        if tuple(value.shape) != shape:
            raise UserError(f"field {name!r}: expected the shape {shape}, got {tuple(value.shape)}")
        self._fields[name], self._kinds[name] = value, kind
        return value

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
    def counts(self) -> dict[Scope, int]:
        """How many entries fields of each scope have."""
        return {"atom": self.n_atoms, "edge": int(self._edges.sum()), "system": len(self._atoms)}

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
            self._derived["start"] = _starts(self._atoms)
        return self._derived["start"]

    @property
    def system(self) -> Tensor:
        """The system of each atom: (N,)."""
        if "system" not in self._derived:
            numbers = torch.arange(len(self._atoms), device=self._atoms.device)
            self._derived["system"] = torch.repeat_interleave(numbers, self._atoms)
        return self._derived["system"]

    # made of it

    def select(self, wanted: Tensor | Sequence[int]) -> Batch:
        """Returns some systems, by a mask (B,) or by their numbers in the order wanted."""
        rows = _rows(wanted, self.n_systems, self.device)
        index: dict[Scope, Tensor] = {
            "system": rows,
            "atom": _members(self.start, self._atoms, rows),
            "edge": _members(_starts(self._edges), self._edges, rows),
        }
        fields = {name: value[index[self._kinds[name].scope]] for name, value in self._fields.items()}
        return Batch(fields, self._kinds, self._atoms[rows], self._edges[rows])

    def append(self, other: Batch) -> Batch:
        """Returns the systems of both; a field that one of them lacks is filled in there."""
        joined = {**self._kinds, **other._kinds}
        for name in self._kinds.keys() & other._kinds.keys():
            if self._kinds[name] != other._kinds[name]:
                raise UserError(f"field {name!r}: {self._kinds[name]} here and {other._kinds[name]} there")
        fields = {name: torch.cat([self._held(name, joined), other._held(name, joined)]) for name in joined}
        atoms, edges = torch.cat([self._atoms, other._atoms]), torch.cat([self._edges, other._edges])
        return Batch(fields, joined, atoms, edges)

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
        """Returns the same elsewhere, or with another floating type."""
        fields = {name: value.to(device, self._type(name, dtype)) for name, value in self._fields.items()}
        return Batch(fields, self._kinds, self._atoms.to(device), self._edges.to(device))

    @staticmethod
    def of(
        systems: Iterable[Mapping[str, object]],
        *,
        dtype: torch.dtype = torch.float64,
        scopes: Mapping[str, Scope] | None = None,
    ) -> Batch:
        """Returns systems that are given as arrays by name; ids count from 0 where none are given."""
        listed = [_system(one, i, dtype, scopes or {}) for i, one in enumerate(systems)]
        if not listed:
            raise UserError("a batch needs at least one system, got none; see Batch.empty")
        return joined(listed) if len(listed) > 1 else listed[0]

    @staticmethod
    def empty(*, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu") -> Batch:
        """Returns a batch without systems."""
        none = torch.zeros(0, dtype=torch.int64, device=device)
        kinds = {name: STANDARD[name] for name in ALWAYS}
        fields = {
            name: torch.zeros((0, *kind.shape), dtype=dtype if kind.real else kind.dtype, device=device)
            for name, kind in kinds.items()
        }
        return Batch(fields, kinds, none)

    def _held(self, name: str, kinds: Mapping[str, Field]) -> Tensor:
        if name in self._fields:
            return self._fields[name]
        kind = kinds[name]
        dtype = self.dtype if kind.real else kind.dtype
        return torch.full((self.counts[kind.scope], *kind.shape), kind.fill, dtype=dtype, device=self.device)

    def _type(self, name: str, dtype: torch.dtype | None) -> torch.dtype:
        return dtype if dtype is not None and self._kinds[name].real else self._fields[name].dtype


def joined(batches: Sequence[Batch]) -> Batch:
    """Returns the systems of all."""
    kinds = {name: kind for one in batches for name, kind in one._kinds.items()}
    fields = {name: torch.cat([one._held(name, kinds) for one in batches]) for name in kinds}
    atoms, edges = (torch.cat([getattr(one, name) for one in batches]) for name in ("atoms", "edges"))
    return Batch(fields, kinds, atoms, edges)


def _system(given: Mapping[str, object], number: int, dtype: torch.dtype, scopes: Mapping[str, Scope]) -> Batch:
    held = {"id": [number], **given}
    atoms = len(held["positions"])  # type: ignore[arg-type]  # checked by whoever reads systems
    counts: dict[Scope, int] = {"atom": atoms, "edge": 0, "system": 1}
    fields, kinds = {}, {}
    for name, value in held.items():
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(np.array(value))  # lists would be float32
        kind = STANDARD.get(name) or declared(name, tensor, scopes.get(name), counts)
        wanted = (counts[kind.scope], *kind.shape)
        tensor = tensor.to(dtype if kind.real else kind.dtype).reshape(wanted)
        fields[name], kinds[name] = tensor, kind
    return Batch(fields, kinds, torch.tensor([atoms]))


def _starts(counts: Tensor) -> Tensor:
    zero = torch.zeros(1, dtype=torch.int64, device=counts.device)
    return torch.cat([zero, torch.cumsum(counts, 0)])


def _rows(wanted: Tensor | Sequence[int], n: int, device: torch.device) -> Tensor:
    rows = torch.as_tensor(wanted, device=device)
    if rows.dtype == torch.bool:
        if tuple(rows.shape) != (n,):
            raise UserError(f"select: expected a mask of {n} systems, got the shape {tuple(rows.shape)}")
        return torch.nonzero(rows).ravel()
    return rows.to(torch.int64)


def _members(start: Tensor, counts: Tensor, rows: Tensor) -> Tensor:
    """Returns the numbers of the entries that belong to some systems, in their order."""
    many = counts[rows]
    first = torch.repeat_interleave(start[rows] - _starts(many)[:-1], many)
    return first + torch.arange(len(first), device=first.device)
