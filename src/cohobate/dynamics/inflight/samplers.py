"""Systems one after the other, from where they are kept: nothing is read before it is wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import islice
from typing import Any

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atomic import AtomicData
from cohobate.dynamics.inflight.seat import Guest
from cohobate.host.extras import require


def from_extxyz(path: str | os.PathLike[str]) -> Iterator[AtomicData]:
    """Yields the frames of a file that ASE can read, named by their numbers where they have no name."""
    for number, atoms in enumerate(require("ase.io", extra="chem").iread(os.fspath(path), index=":")):
        yield AtomicData.from_ase(atoms, name=str(atoms.info.get("name", number)))


def from_db(path: str | os.PathLike[str], selection: str = "") -> Iterator[AtomicData]:
    """Yields the selected rows of a database of ASE, named by their ids; ``UserError`` where there is no such file."""
    if "://" not in (name := os.fspath(path)) and not os.path.exists(name):  # ASE would make an empty one
        raise UserError(f"from_db: there is no file {name!r}")
    with require("ase.db", extra="chem").connect(os.fspath(path)) as held:
        for row in held.select(selection or None):
            yield AtomicData.from_ase(row.toatoms(), name=str(row.id))


def by_size(systems: Iterable[Any], *, window: int = 256) -> Iterator[Any]:
    """Yields the same systems, the large ones of each ``window`` first: the small ones then fill what is left.

    >>> [len(system) for system in by_size([[0], [0] * 3, [0] * 2], window=2)]
    [3, 1, 2]
    """
    if window < 1:
        raise UserError(f"by_size: window must be at least 1, got {window!r}")
    raised: list[Exception] = []
    source = until_raised(systems, raised)
    while some := list(islice(source, window)):
        yield from sorted(some, key=atoms_of, reverse=True)
    for error in raised:
        raise error


def until_raised(systems: Iterable[Any], raised: list[Exception]) -> Iterator[Any]:
    """Yields systems until there are no more, or their source raises: that is put into ``raised``."""
    try:
        yield from systems
    except Exception as error:  # noqa: BLE001 whatever a source raises, the systems before it are not lost
        raised.append(error)


def atoms_of(system: Any) -> int:  # noqa: ANN401 a system of any kind
    """Returns how many atoms a system has; none for what is no system, of which the batch says what is wrong."""
    if isinstance(system, Guest):
        return atoms_of(system.system)
    positions = system.get("positions", ()) if isinstance(system, Mapping) else getattr(system, "positions", system)
    return len(positions) if isinstance(positions, Sized) else 0
