"""One system of atoms as named arrays, checked when it is made."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atoms import FEMTOSECOND as FEMTOSECOND
from cohobate.dynamics.data.atoms import atoms_of, fields_of
from cohobate.dynamics.data.batch import Batch, alone, gathered
from cohobate.dynamics.data.checking import wrong
from cohobate.dynamics.data.fields import STANDARD, Field
from cohobate.dynamics.data.reading import Scopes, again, read


@final
@dataclass(frozen=True, eq=False)
class AtomicData(Mapping[str, Any]):
    """The fields of one system: copies of arrays of atoms (n, ...), of edges (m, ...), of the system (1, ...).

    Units are those of ``STANDARD``; ``scopes`` declare further fields, by whose they are, or by a ``Field``. Raises
    ``UserError`` naming the system and the field for no atoms, atoms in the same place (also through a periodic
    image), positions, velocities or cells that are not finite, masses that are not positive, a cell without volume
    or left-handed where it repeats, and arrays of another shape or kind of number.

    >>> argon = AtomicData({"numbers": [18, 18], "positions": [[0, 0, 0], [0, 0, 3.8]]})
    >>> argon.n_atoms, sorted(argon)
    (2, ['numbers', 'positions'])
    """

    fields: Mapping[str, Any]
    scopes: Scopes = field(default_factory=dict)
    name: str = ""
    check: InitVar[bool] = True
    kinds: Mapping[str, Field] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self, check: bool) -> None:
        if check:
            self._check()
        object.__setattr__(self, "fields", {name: _own(value) for name, value in self.fields.items()})

    def _check(self) -> None:
        try:
            found = read(self.fields, self.scopes, dtype=torch.float64)
            why = wrong(found.fields)
        except UserError as error:
            raise UserError(f"{self._who}: {error}") from error
        if why is not None:
            raise UserError(f"{self._who}: {why}")
        object.__setattr__(self, "kinds", {"id": STANDARD["id"], **found.kinds})

    @property
    def _who(self) -> str:
        return f"system {self.name!r}" if self.name else "system"

    def __eq__(self, other: object) -> bool:
        """Whether both are one: arrays are not compared."""
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 an array
        return self.fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def n_atoms(self) -> int:
        """How many atoms."""
        return len(self.fields["positions"])

    @staticmethod
    def from_ase(atoms: Any, *, name: str = "", fields: Iterable[str] = ()) -> AtomicData:  # noqa: ANN401 an ase.Atoms
        """Returns the system of an ``ase.Atoms``: velocities in Å/fs, ``fixed`` from ``FixAtoms``, results it stores.

        ``fields`` names what else is wanted of its arrays and its info, such as ``["tags", "charge"]``.
        """
        name = name or str(atoms.info.get("name", ""))
        try:
            found, scopes = fields_of(atoms, fields)
        except UserError as error:
            raise UserError(f"system {name!r}: {error}" if name else f"system: {error}") from error
        return AtomicData(found, scopes, name)

    @staticmethod
    def of_batch(batch: Batch, s: int) -> AtomicData:
        """Returns one system of a batch as it is, with all its fields; one that has failed may hold anything."""
        alone = batch.select([s])
        return AtomicData({n: alone[n] for n in alone}, {n: alone.kind(n) for n in alone}, check=False)

    def alone(self, number: int, *, dtype: torch.dtype = torch.float64, without: Container[str] = ()) -> Batch:
        """Returns the batch of this system, ``without`` some fields; its id is ``number`` unless it has one."""
        fields = {"id": np.array([number]), **{name: one for name, one in self.fields.items() if name not in without}}
        found = again(fields, self.kinds, dtype=dtype) or read(fields, self.scopes, dtype=dtype)
        return alone(found)

    def to_ase(self, *, fields: Iterable[str] = ()) -> Any:  # noqa: ANN401 an ase.Atoms
        """Returns an ``ase.Atoms``, with energy, forces and stress where they are known.

        ``fields`` names what else is wanted: fields of atoms become arrays, others stand in info.
        """
        alone = read(self.fields, self.scopes, dtype=torch.float64)
        wanted = list(fields)
        if missing := [name for name in wanted if name not in alone.fields]:
            raise UserError(f"{self._who}: no field {missing[0]!r}; it has {list(self)}")
        held = {name: value.cpu().numpy() for name, value in alone.fields.items() if name in STANDARD or name in wanted}
        atoms = atoms_of(held, {name: alone.kinds[name].scope for name in wanted})
        if self.name:
            atoms.info["name"] = self.name
        return atoms


def batch_of(
    systems: Iterable[Any],
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str | None = None,
    scopes: Scopes | None = None,
    first: int = 0,
) -> Batch:
    """Returns a batch of systems: ``AtomicData``, ``ase.Atoms``, or mappings of arrays, which are checked.

    Ids count from ``first`` where none are given. ``scopes`` declare further fields of mappings. Of a field that only
    some have, the others hold what is declared as its ``fill``: without a cell, nothing repeats.
    """
    given = [_checked(one, str(first + i), scopes or {}) for i, one in enumerate(systems)]
    return gathered(((one, one.scopes) for one in given), dtype=dtype, device=device, first=first)


def systems_of(batch: Batch) -> list[AtomicData]:
    """Returns each system of a batch, as ``AtomicData.of_batch`` does."""
    return [AtomicData.of_batch(batch, s) for s in range(len(batch))]


def _checked(one: Any, name: str, scopes: Scopes) -> AtomicData:  # noqa: ANN401 a system of some kind
    if isinstance(one, AtomicData):
        return one
    if isinstance(one, Mapping):
        return AtomicData(one, {key: scopes[key] for key in one if key in scopes}, name)
    if hasattr(one, "get_positions") and hasattr(one, "get_cell"):  # an ase.Atoms, whose import costs
        return AtomicData.from_ase(
            one, name=name, fields=[key for key in scopes if key in one.arrays or key in one.info]
        )
    raise UserError(f"system {name!r}: expected AtomicData, ase.Atoms, or a mapping of arrays, got {one!r:.80}")


def _own(value: Any) -> Any:  # noqa: ANN401 an array
    return value.detach().clone() if isinstance(value, Tensor) else np.array(value)
