"""Properties of molecules from their SMILES or structures, and quantities of models that are fitted."""

from cohobate.simulate.chem.atoms import relaxation, single_point
from cohobate.simulate.chem.kept import kept
from cohobate.simulate.chem.lammps import lammps, thermo
from cohobate.simulate.chem.properties import properties
from cohobate.simulate.chem.readings import distance
from cohobate.simulate.chem.single import (
    adiabatic_electron_affinity,
    adiabatic_ionization_energy,
    dipole,
    electron_affinity,
    gap,
    ionization_energy,
    solvation_energy,
    total_energy,
)
from cohobate.simulate.chem.xtb_energy import xtb_energy

__all__ = [
    "adiabatic_electron_affinity",
    "adiabatic_ionization_energy",
    "dipole",
    "distance",
    "electron_affinity",
    "gap",
    "ionization_energy",
    "kept",
    "lammps",
    "properties",
    "relaxation",
    "single_point",
    "solvation_energy",
    "thermo",
    "total_energy",
    "xtb_energy",
]
