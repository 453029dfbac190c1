"""A first geometry for a molecule, from distance geometry and a force field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from cohobate.core.payload import Payload
from cohobate.simulate.chem.geometry import Geometry
from cohobate.molecules.rdkit import modules, quietly

SEED = 1
Embedding = Literal["etkdg", "random"]
ForceField = Literal["mmff", "mmff unconverged", "uff", "uff unconverged", "none"]


@final
@dataclass(frozen=True, slots=True)
class Conformer:
    """A geometry, whether ETKDG found it at once or from random coordinates, and the force field it was refined by."""

    geometry: Geometry
    embedding: Embedding
    forcefield: ForceField


def embed(molecule: Payload) -> Conformer:
    """Returns one conformer of an RDKit molecule with explicit hydrogens; the same one each time.

    ETKDG (Riniker and Landrum 2015, doi:10.1021/acs.jcim.5b00654), then MMFF94, or UFF where that
    lacks parameters, or nothing where both do. Stereo that the SMILES leaves open is chosen by the
    seed. Raises ``RuntimeError`` where no geometry is found.
    """
    with quietly():
        molecule = modules().chem.Mol(molecule)
        embedding = _place(molecule)
        forcefield = _refine(molecule)
    symbols = tuple(atom.GetSymbol() for atom in molecule.GetAtoms())
    return Conformer(Geometry(symbols, molecule.GetConformer().GetPositions()), embedding, forcefield)


def _place(molecule: Payload) -> Embedding:
    embedding = modules().embedding
    if embedding.EmbedMolecule(molecule, randomSeed=SEED) == 0:
        return "etkdg"
    if embedding.EmbedMolecule(molecule, randomSeed=SEED, useRandomCoords=True) == 0:
        return "random"
    raise RuntimeError(
        "no 3D geometry: RDKit could not embed the molecule, nor from random coordinates (a strained cage?)"
    )


def _refine(molecule: Payload) -> ForceField:
    fields = modules().forcefields
    if fields.MMFFHasAllMoleculeParams(molecule):
        return "mmff" if fields.MMFFOptimizeMolecule(molecule) == 0 else "mmff unconverged"
    if fields.UFFHasAllMoleculeParams(molecule):
        return "uff" if fields.UFFOptimizeMolecule(molecule) == 0 else "uff unconverged"
    return "none"
