"""Energies and relaxed geometries by GFN2-xTB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import numpy as np

from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.simulate.chem.geometry import Geometry
from cohobate.simulate.chem.openmp import one_thread

METHOD = "GFN2-xTB"
ACCURACY = 0.05
"""Of the self-consistent field, in tblite's unit: 20 times tighter than its default, so that IE is exact to 1e-6 eV."""
FMAX = 0.02
"""The largest force (eV/Å) on any atom of a relaxed geometry."""
MOST_STEPS = 250


@final
@dataclass(frozen=True, slots=True)
class Relaxed:
    """A geometry at a minimum (where ``converged``), its energy (eV), and the steps it took."""

    geometry: Geometry
    energy: float
    steps: int
    converged: bool


def relax(geometry: Geometry) -> Relaxed:
    """Returns the neutral closed-shell molecule at its nearest minimum.

    Raises ``RuntimeError`` where the self-consistent field or the line search does not converge.
    """
    optimize = require("ase.optimize.lbfgs", extra="chem")
    with _calculation():
        atoms = _atoms(geometry, charge=0, multiplicity=1)
        optimizer = optimize.LBFGSLineSearch(atoms, logfile=None)
        converged = bool(optimizer.run(fmax=FMAX, steps=MOST_STEPS))
        energy = float(atoms.get_potential_energy())
    return Relaxed(Geometry(geometry.symbols, atoms.get_positions()), energy, int(optimizer.nsteps), converged)


def energy(geometry: Geometry, *, charge: int, multiplicity: int) -> float:
    """Returns the energy (eV) at a fixed geometry.

    Raises ``RuntimeError`` where the self-consistent field does not converge.
    """
    with _calculation():
        return float(_atoms(geometry, charge=charge, multiplicity=multiplicity).get_potential_energy())


def _atoms(geometry: Geometry, *, charge: int, multiplicity: int) -> Payload:
    tblite = require("tblite.ase", extra="chem")
    atoms = require("ase", extra="chem").Atoms(geometry.symbols, geometry.positions)
    atoms.calc = tblite.TBLite(method=METHOD, charge=charge, multiplicity=multiplicity, accuracy=ACCURACY, verbosity=0)
    return atoms


@contextmanager
def _calculation() -> Iterator[None]:
    """Runs on one thread, lets floating-point noise pass, and turns the several ways to fail into one."""
    calculator = require("ase.calculators.calculator", extra="chem")
    try:
        with one_thread(require("tblite._libtblite", extra="chem")), np.errstate(all="ignore"):
            yield
    except (calculator.CalculatorError, RuntimeError) as error:
        raise RuntimeError(f"{METHOD} gave no result: {error}") from error
