"""The xTB energy of a molecule whose distances, angles or torsions are inputs: what a curve is fitted to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, final, get_args

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import SimulatorError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.molecules.rdkit import modules
from cohobate.simulate.chem.atoms import Calculation, relaxation, single_point
from cohobate.simulate.chem.conformer import place
from cohobate.simulate.chem.readings import Wanted
from cohobate.simulate.chem.smiles import parse
from cohobate.simulate.chem.xtb import ACCURACY, FMAX, METHOD, Method, calculation
from cohobate.simulate.function import plain_name

KINDS: Final = {2: "distance (Å)", 3: "angle (°)", 4: "torsion (°)"}
"""What so many atoms of a coordinate say."""


@final
@dataclass(frozen=True)
class Shaped:
    """A molecule with some of its internal coordinates set, and held where it is relaxed."""

    candidate: str
    vary: Mapping[str, tuple[int, ...]]
    hold: bool

    def __call__(self, **inputs: float) -> Payload:
        """Returns it as ``ase.Atoms``."""
        molecule = parse(self.candidate)
        geometry = place(molecule).geometry
        conformer = _conformer(molecule, geometry.positions)
        for name, atoms in self.vary.items():
            _set(conformer, name, atoms, inputs[name])
        made = require("ase", extra="chem").Atoms(geometry.symbols, conformer.GetPositions())
        if self.hold and self.vary:
            made.set_constraint(self._held(inputs))
        return made

    def _held(self, inputs: Mapping[str, float]) -> Payload:
        """Returns the constraint that keeps the coordinates where they were set."""
        kinds = {2: "bonds", 3: "angles_deg", 4: "dihedrals_deg"}
        held: dict[str, list[Any]] = {}
        for name, atoms in self.vary.items():
            held.setdefault(kinds[len(atoms)], []).append([inputs[name], list(atoms)])
        return require("ase.constraints", extra="chem").FixInternals(**held)

    @property
    def __signature__(self) -> inspect.Signature:
        """The coordinates that are set."""
        return inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in self.vary])

    @property
    def __name__(self) -> str:
        """What a term of it is called."""
        return self.candidate if "\n" not in self.candidate else "molecule"


@final
@dataclass(frozen=True)
class Recipe:
    """Makes a calculator of tblite."""

    method: Method
    charge: int
    multiplicity: int
    solvation: tuple[str, str] | None

    def __call__(self) -> Payload:
        """Returns a new one."""
        return require("tblite.ase", extra="chem").TBLite(
            method=self.method,
            charge=self.charge,
            multiplicity=self.multiplicity,
            solvation=self.solvation,
            accuracy=ACCURACY,
            verbosity=0,
        )


def xtb_energy(
    molecule: str | Callable[..., Any],
    vary: Mapping[str, tuple[int, ...]] | None = None,
    *,
    relax: bool = False,
    read: Wanted = "energy",
    method: Method = METHOD,
    charge: int = 0,
    multiplicity: int = 1,
    solvation: tuple[str, str] | None = None,
    fmax: float = FMAX,
    steps: int = 250,
    name: str = "",
) -> Calculation:
    """Returns a quantity: the xTB energy (eV) of a molecule, some of whose internal coordinates are inputs.

    ``molecule`` is a SMILES, an extended XYZ frame or a mol block, and ``vary`` names its coordinates by atoms,
    counted from 0: two for a distance (Å), three for an angle, four for a torsion (°). What is on the far side of
    the last bond goes along; ``relax`` then relaxes everything else, and fails where that does not converge. Or
    ``molecule`` is a function of inputs that returns ``ase.Atoms``. ``read`` is that of ``single_point``.

    Raises ``SimulatorError`` for coordinates that the molecule does not have, ``Rejected`` for what is no molecule.

    >>> nitrogen = xtb_energy("N#N", {"r": (0, 1)})
    >>> round(nitrogen(r=1.0982)["energy"] - nitrogen(r=1.3)["energy"], 2)
    -1.94
    """
    if method not in (methods := get_args(Method)):
        hint = did_you_mean(str(method), methods)
        raise SimulatorError(f"method: expected one of {', '.join(methods)}, got {method!r}{hint}")
    frame = molecule if callable(molecule) else _shaped(molecule, vary or {}, relax)
    recipe = Recipe(method, charge, multiplicity, solvation)
    around = partial(calculation, method)
    name = name or f"{method} of {plain_name(frame)}"
    if relax:
        return relaxation(frame, recipe, read, fmax=fmax, steps=steps, name=name, around=around)
    return single_point(frame, recipe, read, name=name, around=around)


def _shaped(candidate: str, vary: Mapping[str, tuple[int, ...]], relax: bool) -> Shaped:
    count = parse(candidate).GetNumAtoms()
    for name, atoms in vary.items():
        if len(atoms) not in KINDS or len(set(atoms)) < len(atoms) or not all(0 <= i < count for i in atoms):
            wanted = "2 to 4 different atoms (a distance, an angle, a torsion)"
            raise SimulatorError(f"vary: {name!r} needs {wanted} from 0 to {count - 1}, got {atoms!r}")
    return Shaped(candidate, {name: tuple(atoms) for name, atoms in vary.items()}, relax)


def _conformer(molecule: Payload, positions: NDArray[np.float64]) -> Payload:
    """Returns a conformer of an RDKit molecule at positions: (atoms, 3), Å."""
    conformer = modules().chem.Conformer(len(positions))
    for i, at in enumerate(positions.tolist()):
        conformer.SetAtomPosition(i, at)
    molecule.RemoveAllConformers()
    return molecule.GetConformer(molecule.AddConformer(conformer, assignId=True))


def _set(conformer: Payload, name: str, atoms: tuple[int, ...], value: float) -> None:
    """Sets a distance, an angle or a torsion. Raises ``SimulatorError`` where no single bond lets it be set."""
    moves = require("rdkit.Chem.rdMolTransforms", extra="chem")
    setters = {2: moves.SetBondLength, 3: moves.SetAngleDeg, 4: moves.SetDihedralDeg}
    try:
        setters[len(atoms)](conformer, *atoms, value)
    except (ValueError, RuntimeError) as error:
        raise SimulatorError(f"{name}: the {KINDS[len(atoms)]} of {atoms} cannot be set: {error}") from error
