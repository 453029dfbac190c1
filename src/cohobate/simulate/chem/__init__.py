"""Properties of molecules from their SMILES."""

from cohobate.simulate.chem.ionization import ionization_energy

__all__ = ["ionization_energy"]
