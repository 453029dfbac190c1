"""Between ``ase.Atoms`` and the fields of one system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.data.fields import Field, Scope
from cohobate.host.extras import require

FEMTOSECOND: Final = 0.09822694788464063
"""A femtosecond in the time unit of ASE, Å sqrt(amu/eV)."""
VOIGT: Final = (0, 4, 8, 5, 2, 1)
"""Where xx, yy, zz, yz, xz, xy are among nine."""
FULL: Final = (0, 5, 4, 5, 1, 3, 4, 3, 2)
"""Where the nine are among those six."""
RESULTS: Final = ("energy", "energies", "forces", "stress")
Fields = dict[str, Any]


def fields_of(
    atoms: Any,  # noqa: ANN401 an ase.Atoms
    wanted: Iterable[str] = (),
) -> tuple[Fields, dict[str, Scope | Field]]:
    """Returns what an ``ase.Atoms`` holds in our units, with what is ``wanted`` of its arrays and info; and scopes.

    Raises ``UserError`` for constraints other than ``FixAtoms``, which would be lost.
    """
    fields: Fields = {"numbers": atoms.numbers, "positions": atoms.positions, "masses": atoms.get_masses()}
    if atoms.has("momenta"):
        fields["velocities"] = atoms.get_velocities() * FEMTOSECOND
    if atoms.has("initial_charges"):
        fields["charges"] = atoms.get_initial_charges()
    if atoms.cell.any() or atoms.pbc.any():
        fields |= {"cell": atoms.cell.array[None], "pbc": atoms.pbc[None]}
    if atoms.constraints:
        fields["fixed"] = _fixed(atoms)
    scopes: dict[str, Scope | Field] = {}
    for name in wanted:
        fields[name], scopes[name] = _further(atoms, name)
    return fields | _known(atoms), scopes


def atoms_of(held: Mapping[str, NDArray[Any]], scopes: Mapping[str, Scope]) -> Any:  # noqa: ANN401 an ase.Atoms
    """Returns an ``ase.Atoms`` of the arrays of a batch of one; those in ``scopes`` go to its arrays and info."""
    ase = require("ase", extra="chem")
    periodic = {"cell": held["cell"][0]} if "cell" in held else {}
    periodic |= {"pbc": held["pbc"][0]} if "pbc" in held else {}
    atoms = ase.Atoms(numbers=held["numbers"], positions=held["positions"], masses=held.get("masses"), **periodic)
    if "velocities" in held:
        atoms.set_velocities(held["velocities"] / FEMTOSECOND)
    if "charges" in held:
        atoms.set_initial_charges(held["charges"])
    if "fixed" in held and held["fixed"].any():
        atoms.set_constraint(require("ase.constraints", extra="chem").FixAtoms(mask=held["fixed"]))
    for name, scope in scopes.items():
        if scope == "atom":
            atoms.set_array(name, held[name])
        else:
            atoms.info[name] = held[name] if scope == "edge" else _plain(held[name][0])
    if known := {name: held[name] for name in RESULTS if name in held and np.isfinite(held[name]).all()}:
        atoms.calc = _calculated(atoms, known)
    return atoms


def _plain(value: Any) -> Any:  # noqa: ANN401 a number, or an array
    return value.item() if np.ndim(value) == 0 else value


def _further(atoms: Any, name: str) -> tuple[NDArray[Any], Scope]:  # noqa: ANN401 an ase.Atoms
    there = {*atoms.arrays, *atoms.info}
    if name not in there:
        raise UserError(f"field {name!r}: neither an array of the atoms nor in info{did_you_mean(name, there)}")
    if name in atoms.arrays and name in atoms.info:
        raise UserError(f"field {name!r}: both an array of the atoms and in info; rename one")
    of_atoms = name in atoms.arrays
    value = np.asarray(atoms.arrays[name] if of_atoms else atoms.info[name])
    if value.dtype.kind not in "biufc":
        raise UserError(f"field {name!r}: expected numbers, got {value!r:.60}")
    return (value, "atom") if of_atoms else (value[None], "system")


def _fixed(atoms: Any) -> NDArray[np.bool_]:  # noqa: ANN401 an ase.Atoms
    kind = require("ase.constraints", extra="chem").FixAtoms
    fixed = np.zeros(len(atoms), bool)
    for one in atoms.constraints:
        if not isinstance(one, kind):
            raise UserError(f"field 'fixed': only FixAtoms can be kept, got {type(one).__name__}; remove it first")
        fixed[one.index] = True
    return fixed


def _known(atoms: Any) -> Fields:  # noqa: ANN401 an ase.Atoms
    """Returns results that are stored with the atoms, as files hold them; nothing is computed."""
    if atoms.calc is None:
        return {}
    if not isinstance(atoms.calc, require("ase.calculators.singlepoint", extra="chem").SinglePointCalculator):
        return {}
    found = {name: np.asarray(atoms.calc.results[name], float) for name in RESULTS if name in atoms.calc.results}
    if "stress" in found:
        flat = np.ravel(found["stress"])
        found["stress"] = (flat[list(FULL)] if len(flat) == len(VOIGT) else flat).reshape(3, 3)
    return found


def _calculated(atoms: Any, known: Mapping[str, NDArray[Any]]) -> Any:  # noqa: ANN401 ASE
    values: Fields = dict(known)
    if "energy" in known:
        values["energy"] = float(known["energy"][0])
    if "stress" in known:
        values["stress"] = np.ravel(known["stress"])[list(VOIGT)]
    return require("ase.calculators.singlepoint", extra="chem").SinglePointCalculator(atoms, **values)
