"""Properties of molecules from their SMILES or structures."""

from cohobate.simulate.chem.properties import properties
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

__all__ = [
    "adiabatic_electron_affinity",
    "adiabatic_ionization_energy",
    "dipole",
    "electron_affinity",
    "gap",
    "ionization_energy",
    "properties",
    "solvation_energy",
    "total_energy",
]
