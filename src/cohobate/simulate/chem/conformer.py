"""A first geometry for a molecule, from distance geometry and a force field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from cohobate.core.payload import Payload
from cohobate.molecules.rdkit import modules, quietly
from cohobate.simulate.chem.geometry import Geometry

SEED = 1
Embedding = Literal["etkdg", "random", "given"]
ForceField = Literal["mmff", "mmff unconverged", "uff", "uff unconverged", "none"]


@final
@dataclass(frozen=True, slots=True)
class Conformer:
    """A geometry, where it comes from (ETKDG at once, or from random coordinates, or given), and its force field."""

    geometry: Geometry
    embedding: Embedding
    forcefield: ForceField


def place(molecule: Payload) -> Conformer:
    """Returns the conformer that an RDKit molecule with explicit hydrogens brings along, else ``embed`` of it."""
    if not molecule.GetNumConformers():
        return embed(molecule)
    return Conformer(_geometry(molecule), "given", "none")


def embed(molecule: Payload) -> Conformer:
    """Returns one conformer of an RDKit molecule with explicit hydrogens; the same one each time.

    ETKDG (Riniker and Landrum 2015, doi:10.1021/acs.jcim.5b00654), then MMFF94, or UFF where that
    lacks parameters, or nothing where both do. Stereo that the SMILES leaves open is chosen by the
    seed. Raises ``RuntimeError`` where no geometry is found.
    """
    with quietly():
        molecule = modules().chem.Mol(molecule)
        embedding = _embedded(molecule)
        forcefield = _refine(molecule)
    return Conformer(_geometry(molecule), embedding, forcefield)


def _geometry(molecule: Payload) -> Geometry:
    symbols = tuple(atom.GetSymbol() for atom in molecule.GetAtoms())
    return Geometry(symbols, molecule.GetConformer().GetPositions())


def _embedded(molecule: Payload) -> Embedding:
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
