"""One system of atoms as named arrays, from and to ASE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Scope
from cohobate.host.extras import require

FEMTOSECOND: Final = 0.09822694788464063
"""A femtosecond in the time unit of ASE, Å sqrt(amu/eV)."""


@final
@dataclass(frozen=True)
class AtomicData(Mapping[str, Any]):
    """The fields of one system: arrays of atoms (n, ...), of the system (...), in the units of ``STANDARD``.

    ``scopes`` say whose further fields are. Raises ``UserError`` naming the system and the field for no atoms,
    positions or cells that are not finite, atoms in the same place, a cell without volume or left-handed where it is
    periodic, and arrays of another shape.

    >>> argon = AtomicData({"numbers": [18, 18], "positions": [[0, 0, 0], [0, 0, 3.8]]})
    >>> argon.n_atoms, sorted(argon)
    (2, ['numbers', 'positions'])
    """

    fields: Mapping[str, Any]
    scopes: Mapping[str, Scope] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        for key in ("numbers", "positions"):
            if key not in self.fields:
                raise UserError(f"{self._who}: expected the field {key!r}, got {list(self.fields)}")
        positions = np.asarray(self.fields["positions"], dtype=float)
        if positions.ndim != 2 or positions.shape[1] != 3 or not len(positions):
            raise UserError(f"{self._who}: positions must be of the shape (atoms, 3), got {positions.shape}")
        if (wrong := _wrong_numbers(self.fields["numbers"], len(positions)) or _wrong_positions(positions)) is not None:
            raise UserError(f"{self._who}: {wrong}")
        if (wrong := _wrong_cell(self.fields)) is not None:
            raise UserError(f"{self._who}: {wrong}")

    @property
    def _who(self) -> str:
        return f"system {self.name!r}" if self.name else "system"

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
    def from_ase(atoms: Any, *, name: str = "") -> AtomicData:  # noqa: ANN401 an ase.Atoms
        """Returns the system of an ``ase.Atoms``: velocities in Å/fs, fixed atoms from ``FixAtoms``."""
        fields: dict[str, Any] = {"numbers": atoms.numbers, "positions": atoms.positions, "masses": atoms.get_masses()}
        if atoms.has("momenta"):
            fields["velocities"] = atoms.get_velocities() * FEMTOSECOND
        if atoms.pbc.any():
            fields |= {"cell": atoms.cell.array[None], "pbc": atoms.pbc[None]}
        if len(fixed := _fixed(atoms)):
            fields["fixed"] = np.isin(np.arange(len(atoms)), fixed)
        return AtomicData(fields, name=name or str(atoms.info.get("name", "")))

    @staticmethod
    def of_batch(batch: Batch, s: int) -> AtomicData:
        """Returns one system of a batch."""
        alone = batch.select([s])
        scopes = {name: alone.kind(name).scope for name in alone}
        return AtomicData({name: alone[name] for name in alone}, scopes)

    def to_ase(self) -> Any:  # noqa: ANN401 an ase.Atoms
        """Returns an ``ase.Atoms``, with energy, forces and stress where they are known."""
        ase = require("ase", extra="chem")
        held = {name: _array(value) for name, value in self.fields.items()}
        periodic = {"cell": held["cell"].reshape(3, 3), "pbc": held["pbc"].ravel()} if "cell" in held else {}
        atoms = ase.Atoms(numbers=held["numbers"], positions=held["positions"], masses=held.get("masses"), **periodic)
        if "velocities" in held:
            atoms.set_velocities(held["velocities"] / FEMTOSECOND)
        if "fixed" in held and held["fixed"].any():
            atoms.set_constraint(require("ase.constraints", extra="chem").FixAtoms(mask=held["fixed"]))
        known: dict[str, Any] = {name: held[name] for name in ("energy", "forces", "stress") if name in held}
        if known:
            atoms.calc = _calculated(atoms, known)
        return atoms


def batch_of(systems: Any, *, dtype: torch.dtype = torch.float64) -> Batch:  # noqa: ANN401 systems, or ase.Atoms
    """Returns a batch of systems: ``AtomicData``, ``ase.Atoms``, or mappings of arrays."""
    given = [
        one if isinstance(one, Mapping) else AtomicData.from_ase(one, name=str(i)) for i, one in enumerate(systems)
    ]
    scopes: dict[str, Scope] = {}
    for one in given:
        scopes |= one.scopes if isinstance(one, AtomicData) else {}
    return Batch.of(given, dtype=dtype, scopes=scopes)


def _wrong_numbers(numbers: Any, n: int) -> str | None:  # noqa: ANN401 an array
    found = _array(numbers)
    if found.shape != (n,) or not np.issubdtype(found.dtype, np.integer) or (found < 0).any():
        return f"numbers must be {n} atomic numbers, got {found.dtype} of the shape {found.shape}"
    return None


def _wrong_positions(positions: Any) -> str | None:  # noqa: ANN401 an array
    if not np.isfinite(positions).all():
        return f"positions must be finite; those of atom {int(np.argwhere(~np.isfinite(positions))[0][0])} are not"
    _, first = np.unique(positions, axis=0, return_index=True)
    if len(first) < len(positions):
        twice = int(np.setdiff1d(np.arange(len(positions)), first)[0])
        return f"atom {twice} is in the same place as another one: {positions[twice].tolist()}"
    return None


def _wrong_cell(fields: Mapping[str, Any]) -> str | None:
    if "pbc" in fields and "cell" not in fields and _array(fields["pbc"]).any():
        return "pbc is set without a cell"
    if "cell" not in fields:
        return None
    cell = np.asarray(_array(fields["cell"]), dtype=float).reshape(-1)
    if cell.size != 9 or not np.isfinite(cell).all():
        return f"cell must be 3 x 3 finite numbers, got {cell.tolist()!r:.80}"
    if "pbc" in fields and _array(fields["pbc"]).any() and (volume := float(np.linalg.det(cell.reshape(3, 3)))) <= 0:
        kind = "has no volume" if volume == 0 else "is left-handed"
        return f"the cell {kind}: determinant {volume:.3g}"
    return None


def _array(value: Any) -> Any:  # noqa: ANN401 an array
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _fixed(atoms: Any) -> list[int]:  # noqa: ANN401 an ase.Atoms
    kind = require("ase.constraints", extra="chem").FixAtoms
    return [int(i) for one in atoms.constraints if isinstance(one, kind) for i in one.index]


def _calculated(atoms: Any, known: Mapping[str, Any]) -> Any:  # noqa: ANN401 ASE
    values: dict[str, Any] = dict(known)
    if "energy" in values:
        values["energy"] = float(np.ravel(values["energy"])[0])
    if "stress" in values:
        full = values["stress"].reshape(3, 3)
        values["stress"] = np.array([full[0, 0], full[1, 1], full[2, 2], full[1, 2], full[0, 2], full[0, 1]])
    return require("ase.calculators.singlepoint", extra="chem").SinglePointCalculator(atoms, **values)
