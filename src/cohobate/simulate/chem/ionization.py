"""The vertical ionization energy of a molecule."""

from __future__ import annotations

from typing import Any

from cohobate.simulate.chem.conformer import embed
from cohobate.simulate.chem.smiles import parse
from cohobate.simulate.chem.xtb import energy, relax
from cohobate.simulate.function import simulator


@simulator(version="1", deterministic=True)
def ionization_energy(smiles: str) -> dict[str, Any]:
    """Returns the vertical ionization energy of a molecule by GFN2-xTB, and how it came about.

    ``ie`` (eV) is E(cation) - E(neutral), both at the relaxed geometry of the neutral molecule
    (ΔSCF, unshifted: some 5 eV above experiment, ordered much alike; see docs/chemistry.md). Also
    ``neutral`` and ``cation`` (eV), ``steps`` and ``converged`` of the relaxation, ``embedding``
    (``etkdg`` or ``random``), ``forcefield`` (``mmff``, ``uff``, perhaps ``unconverged``, or
    ``none``), ``atoms``, and the relaxed ``geometry`` (an extended XYZ file).

    Raises ``Rejected`` for what is not one neutral closed-shell molecule, ``RuntimeError`` where no
    geometry is found or the self-consistent field does not converge.
    """
    conformer = embed(parse(smiles))
    relaxed = relax(conformer.geometry)
    cation = energy(relaxed.geometry, charge=1, multiplicity=2)
    return {
        "ie": cation - relaxed.energy,
        "neutral": relaxed.energy,
        "cation": cation,
        "steps": relaxed.steps,
        "converged": relaxed.converged,
        "embedding": conformer.embedding,
        "forcefield": conformer.forcefield,
        "atoms": len(relaxed.geometry),
        "geometry": relaxed.geometry.extxyz({"energy": relaxed.energy, "charge": 0}),
    }
