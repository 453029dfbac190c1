"""A Morse potential for the bond of nitrogen, from its curve by GFN2-xTB: depth, distance and vibration.

python examples/fit/morse.py [--near 0.9] [--far 3.0] [--points 16]
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.morse import MorsePotential
from ase.data import atomic_masses

import cohobate as co

START = {"depth": 8.0, "stiffness": 2.0, "r0": 1.3}
"""eV, 1/Å, Å."""
BOUNDS = {"depth": (0.1, 50.0), "stiffness": (0.3, 6.0), "r0": (0.5, 3.0)}


def pair(r: float) -> Atoms:
    """Returns two atoms at a distance (Å); Morse asks for no more."""
    return Atoms("N2", [(0, 0, 0), (0, 0, r)])


def potential(depth: float, stiffness: float, r0: float) -> Calculator:
    """Returns D (1 - exp(-a (r - r0)))² - D (Morse, Phys. Rev. 34 (1929) 57), as ASE writes it."""
    return MorsePotential(epsilon=depth, rho0=stiffness * r0, r0=r0, rcut1=90.0, rcut2=100.0)


bond = co.chem.single_point(pair, potential, name="bond")
curve = co.chem.xtb_energy("N#N", {"r": (0, 1)})
atom = co.chem.xtb_energy(lambda: Atoms("N"))


def targets(distances: list[float]) -> dict[float, float]:
    """Returns the energy (eV) of the molecule at each distance (Å), less that of two atoms."""
    apart = 2 * atom()["energy"]
    return {r: curve(r=r)["energy"] - apart for r in distances}


def fit(data: dict[float, float], sigma: float = 0.1) -> co.Fitter:
    """Returns the fit of a curve; an energy counts as missed by ``sigma`` (eV)."""
    terms = [co.Term(bond, energy, sigma=sigma, inputs={"r": r}, unit="eV") for r, energy in data.items()]
    return co.Fitter(co.CombinedObjective(terms), START, bounds=BOUNDS, engine=co.inline())


def wavenumber(depth: float, stiffness: float) -> float:
    """Returns the harmonic vibration (1/cm) of the two nitrogen atoms: omega² = 2 D a² / m."""
    eV, amu, c = 1.602176634e-19, 1.66053907e-27, 2.99792458e10
    spring = 2 * depth * stiffness**2 * eV * 1e20
    return math.sqrt(spring / (float(atomic_masses[7]) / 2 * amu)) / (2 * math.pi * c)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--near", type=float, default=0.9, help="the shortest distance (Å)")
    parser.add_argument("--far", type=float, default=3.0, help="the longest (Å)")
    parser.add_argument("--points", type=int, default=16)
    given = parser.parse_args()
    data = targets(np.linspace(given.near, given.far, given.points).tolist())
    result = fit(data).least_squares()
    values = result.values
    for name, unit in {"depth": "eV", "stiffness": "1/Å", "r0": "Å"}.items():
        print(f"{name:9} {values[name]:8.4f} {unit}")
    print(f"vibration {wavenumber(values['depth'], values['stiffness']):8.1f} 1/cm")
    missed = [bond(r=r, **values)["energy"] - energy for r, energy in data.items()]
    print(f"missed by {np.sqrt(np.mean(np.square(missed))):8.4f} eV")


if __name__ == "__main__":
    main()
