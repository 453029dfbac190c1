"""Systems from and to files that ASE reads and writes, extended XYZ above all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from cohobate.dynamics.data.atomic import AtomicData, systems_of
from cohobate.dynamics.data.batch import Batch
from cohobate.host.extras import require

FORMAT: Final = "extxyz"


def read_extxyz(path: str | os.PathLike[str], *, fields: Iterable[str] = (), frames: str = ":") -> list[AtomicData]:
    """Returns the systems of an extended XYZ file, named ``file:frame`` where they have no name.

    With velocities, fixed atoms, energies, forces and stresses where they are there; ``fields`` names what else is
    wanted of its columns and comment lines; ``frames`` is a slice as ASE understands it.
    """
    read = require("ase.io", extra="chem").read(path, index=frames, format=FORMAT)
    listed = read if isinstance(read, list) else [read]
    wanted = list(fields)
    return [
        AtomicData.from_ase(atoms, name=str(atoms.info.get("name", f"{os.path.basename(path)}:{i}")), fields=wanted)
        for i, atoms in enumerate(listed)
    ]


def write_extxyz(
    path: str | os.PathLike[str],
    systems: Batch | Iterable[AtomicData],
    *,
    fields: Iterable[str] = (),
    append: bool = False,
) -> None:
    """Writes systems as frames of an extended XYZ file by ASE, which keeps 8 decimals; see ``pack`` for every bit."""
    listed = systems_of(systems) if isinstance(systems, Batch) else systems
    wanted = list(fields)
    frames = [one.to_ase(fields=wanted) for one in listed]
    require("ase.io", extra="chem").write(path, frames, format=FORMAT, append=append)
