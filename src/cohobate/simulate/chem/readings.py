"""What can be read of atoms that a calculator has worked on, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from cohobate.core.errors import BadOutput, SimulatorError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.host.extras import require

Reading = Callable[[Payload], Any]
Wanted = str | Sequence[str] | Mapping[str, str | Reading]
READINGS: Final[Mapping[str, Reading]] = {
    "energy": lambda atoms: float(atoms.get_potential_energy()),
    "energy_per_atom": lambda atoms: float(atoms.get_potential_energy()) / len(atoms),
    "forces": lambda atoms: atoms.get_forces(apply_constraint=False),
    "stress": lambda atoms: atoms.get_stress(apply_constraint=False),
    "volume": lambda atoms: float(atoms.get_volume()),
    "volume_per_atom": lambda atoms: float(atoms.get_volume()) / len(atoms),
    "lengths": lambda atoms: atoms.cell.lengths(),
    "cell": lambda atoms: np.array(atoms.cell),
    "positions": lambda atoms: atoms.get_positions(),
    "dipole": lambda atoms: atoms.get_dipole_moment(),
    "charges": lambda atoms: atoms.get_charges(),
}
"""Energies in eV, forces (atoms, 3) in eV/Å as the calculator gives them (constraints are not applied), stress (6,) in
eV/Å³ in the order of Voigt and positive under tension, lengths of the cell vectors (3,) and cell (3, 3) in Å, volumes
in Å³, dipole (3,) in e Å, charges (atoms,) in e."""


UNITS: Final[Mapping[Reading, str]] = {
    READINGS[name]: unit
    for unit, names in {
        "eV": ("energy", "energy_per_atom"),
        "eV/Å": ("forces",),
        "eV/Å³": ("stress",),
        "Å³": ("volume", "volume_per_atom"),
        "Å": ("lengths", "cell", "positions"),
        "e Å": ("dipole",),
        "e": ("charges",),
    }.items()
    for name in names
}


def readings(wanted: Wanted) -> dict[str, Reading]:
    """Returns what is to be read, by the names under which it is told; raises ``SimulatorError`` for unknown names."""
    if isinstance(wanted, str):
        wanted = (wanted,)
    pairs = wanted.items() if isinstance(wanted, Mapping) else [(name, name) for name in wanted]
    found = {name: _reading(one) for name, one in pairs}
    if not found:
        raise SimulatorError(f"read: name at least one of {', '.join(READINGS)}")
    return found


def _reading(one: str | Reading) -> Reading:
    if callable(one):
        return one
    if one not in READINGS:
        known = ", ".join(READINGS)
        raise SimulatorError(f"read: there is no {one!r}: expected {known}, or a function{did_you_mean(one, READINGS)}")
    return READINGS[one]


def read(atoms: Payload, wanted: Mapping[str, Reading]) -> dict[str, Any]:
    """Returns what is wanted of atoms. Raises ``BadOutput`` for what is NaN, infinite, or not to be had."""
    lacking = require("ase.calculators.calculator", extra="chem").PropertyNotImplementedError
    found: dict[str, Any] = {}
    for name, reading in wanted.items():
        try:
            found[name] = _finite(name, reading(atoms))
        except lacking as error:
            raise BadOutput(f"{type(atoms.calc).__name__} gives no {name}: leave it out of read=") from error
    return found


def _finite(name: str, value: Payload) -> Payload:
    numbers = np.asarray(value)
    if numbers.dtype.kind in "fc" and not np.all(np.isfinite(numbers)):
        raise BadOutput(f"{name} is not finite: {numbers.tolist()!r:.80}")
    return value


def distance(i: int, j: int) -> Reading:
    """Returns what reads the distance (Å) of two atoms, the nearest images where the cell is periodic."""
    return partial(_distance, i=i, j=j)


def _distance(atoms: Payload, i: int, j: int) -> float:
    return float(atoms.get_distance(i, j, mic=bool(atoms.pbc.any())))
