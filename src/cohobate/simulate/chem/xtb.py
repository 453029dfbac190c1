"""Energies, orbitals and relaxed geometries by extended tight binding (xTB)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from cohobate.core.errors import Rejected
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.simulate.chem.geometry import Geometry
from cohobate.simulate.chem.openmp import one_thread

Method = Literal["GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"]
METHOD: Method = "GFN2-xTB"
ACCURACY = 0.05
"""Of the self-consistent field, in tblite's unit: 20 times tighter than its default, so that IE is exact to 1e-6 eV."""
FMAX = 0.02
"""The largest force (eV/Å) on any atom of a relaxed geometry."""
MOST_STEPS = 250


@final
@dataclass(frozen=True, slots=True)
class Relaxed:
    """A geometry at a minimum (where ``converged``), its energy (eV), and the steps it took.

    ``converged`` is ``None`` where nothing was relaxed.
    """

    geometry: Geometry
    energy: float
    steps: int
    converged: bool | None


@final
@dataclass(frozen=True, slots=True)
class Electrons:
    """Of a closed shell: the gap between highest occupied and lowest empty orbital (eV), and the dipole (debye)."""

    gap: float
    dipole: float


def relax(geometry: Geometry, *, charge: int = 0, multiplicity: int = 1, method: Method = METHOD) -> Relaxed:
    """Returns the molecule at its nearest minimum.

    By L-BFGS with line search; an ion, where that fails, by BFGS: the energy of an open shell has kinks
    where two of its states cross. Raises ``RuntimeError`` where the self-consistent field or the line
    search does not converge.
    """
    optimizers = require("ase.optimize", extra="chem")
    atoms = _atoms(geometry, charge=charge, multiplicity=multiplicity, method=method)
    try:
        return _relaxed(atoms, optimizers.LBFGSLineSearch, method)
    except RuntimeError:
        if not charge:
            raise
    atoms = _atoms(geometry, charge=charge, multiplicity=multiplicity, method=method)
    return _relaxed(atoms, optimizers.BFGS, method)


def _relaxed(atoms: Payload, kind: Callable[..., Any], method: Method) -> Relaxed:
    with calculation(method):
        optimizer = kind(atoms, logfile=None)
        converged = bool(optimizer.run(fmax=FMAX, steps=MOST_STEPS))
        energy = float(atoms.get_potential_energy())
    symbols = tuple(atoms.get_chemical_symbols())
    return Relaxed(Geometry(symbols, atoms.get_positions()), energy, int(optimizer.nsteps), converged)


def energy(
    geometry: Geometry,
    *,
    charge: int,
    multiplicity: int,
    method: Method = METHOD,
    solvation: tuple[str, str] | None = None,
) -> float:
    """Returns the energy (eV) at a fixed geometry, in vacuum or in a solvent (model, name).

    Raises ``RuntimeError`` where the self-consistent field does not converge.
    """
    with calculation(method):
        atoms = _atoms(geometry, charge=charge, multiplicity=multiplicity, method=method, solvation=solvation)
        return float(atoms.get_potential_energy())


def electrons(geometry: Geometry, *, method: Method = METHOD) -> Electrons:
    """Returns gap and dipole of a neutral closed-shell molecule at a fixed geometry.

    Raises ``Rejected`` where all orbitals are full, ``RuntimeError`` as ``energy`` does.
    """
    interface, units = require("tblite.interface", extra="chem"), require("ase.units", extra="chem")
    numbers = require("ase", extra="chem").Atoms(geometry.symbols).numbers
    with calculation(method):
        calculator = interface.Calculator(method, numbers, geometry.positions / units.Bohr, charge=0, uhf=0)
        calculator.set("verbosity", 0)
        calculator.set("accuracy", ACCURACY)
        result = calculator.singlepoint()
        levels, filled = result.get("orbital-energies"), result.get("orbital-occupations")
        dipole = float(np.linalg.norm(result.get("dipole"))) * units.Bohr / units.Debye
    pairs = round(float(filled.sum()) / 2)
    if pairs >= len(levels):
        raise Rejected(f"{method} has no empty orbital for this molecule, so it has no gap")
    return Electrons(float(levels[pairs] - levels[pairs - 1]) * units.Hartree, dipole)


def _atoms(geometry: Geometry, *, method: Method, **settings: object) -> Payload:
    tblite = require("tblite.ase", extra="chem")
    atoms = require("ase", extra="chem").Atoms(geometry.symbols, geometry.positions)
    atoms.calc = tblite.TBLite(method=method, accuracy=ACCURACY, verbosity=0, **settings)
    return atoms


@contextmanager
def calculation(method: Method) -> Iterator[None]:
    """Runs on one thread, lets floating-point noise pass, and turns the several ways to fail into one."""
    calculator = require("ase.calculators.calculator", extra="chem")
    try:
        with one_thread(require("tblite._libtblite", extra="chem")), np.errstate(all="ignore"):
            yield
    except (calculator.CalculatorError, RuntimeError) as error:
        raise RuntimeError(f"{method} gave no result: {error}") from error
