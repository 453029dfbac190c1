"""A candidate becomes a molecule that can be computed, or is rejected with the reason."""

from __future__ import annotations

from cohobate.core.errors import Rejected
from cohobate.core.payload import Payload
from cohobate.molecules.rdkit import modules, quietly
from cohobate.molecules.reading import read

MOST_ATOMS = 200
"""Atoms of a molecule, hydrogens included: the largest takes GFN2-xTB some minutes on one core."""
HEAVIEST = 86
"""Radon, the last element GFN2-xTB has parameters for."""
OPEN_SHELL_METALS = frozenset((*range(21, 30), *range(39, 48), *range(57, 80)))
"""Atomic numbers of transition metals, lanthanoids and their like: a SMILES does not tell their spin state."""
TRIPLETS = frozenset({"O=O", "O=S", "S=S"})
"""Canonical SMILES of molecules that look closed-shell and have a triplet ground state."""
ORDERS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "DATIVE")


def parse(candidate: str) -> Payload:
    """Returns the RDKit molecule of a SMILES, an extended XYZ frame or a mol block, its hydrogens explicit.

    It has a conformer where the candidate is a structure in space. Raises ``Rejected`` for anything
    but one neutral closed-shell molecule of at least two atoms, one of them heavier than hydrogen
    and none heavier than radon. Text that is no molecule ends quickly, whatever its length.
    """
    molecule = read(candidate)
    with quietly():
        _check_atoms(molecule)
        _check_bonds(molecule)
        _check_state(molecule)
        molecule = _with_hydrogens(molecule)
    _check_size(molecule)
    return molecule


def _check_atoms(molecule: Payload) -> None:
    atoms = list(molecule.GetAtoms())
    symbols = {atom.GetAtomicNum(): atom.GetSymbol() for atom in atoms}
    if 0 in symbols or any(atom.HasQuery() for atom in atoms):
        raise Rejected("the SMILES or mol block has a wildcard or query atom, expected chemical elements")
    if max(symbols) == 1:
        raise Rejected("no atom is heavier than hydrogen")
    if max(symbols) > HEAVIEST:
        raise Rejected(f"GFN2-xTB has no parameters for {symbols[max(symbols)]}: elements up to radon are possible")
    if metals := symbols.keys() & OPEN_SHELL_METALS:
        raise Rejected(f"neither a SMILES nor a structure tells the spin state of {symbols[min(metals)]}")


def _check_bonds(molecule: Payload) -> None:
    chem = modules().chem
    if (fragments := len(chem.GetMolFrags(molecule))) > 1:
        raise Rejected(f"expected one molecule, got {fragments} fragments")
    bonds = molecule.GetBonds()
    if odd := [str(b.GetBondType()) for b in bonds if b.HasQuery() or str(b.GetBondType()) not in ORDERS]:
        order = "unknown" if odd[0] in ORDERS else odd[0].lower()
        raise Rejected(f"there is a bond of order {order}, expected single, double, triple or aromatic")


def _check_state(molecule: Payload) -> None:
    chem = modules().chem
    if charge := chem.GetFormalCharge(molecule):
        raise Rejected(f"expected a neutral molecule, got the charge {charge:+d}")
    atoms = list(molecule.GetAtoms())
    radicals = sum(atom.GetNumRadicalElectrons() for atom in atoms)
    electrons = sum(atom.GetAtomicNum() + atom.GetTotalNumHs() for atom in atoms)
    if radicals or electrons % 2:
        raise Rejected(f"expected a closed shell, got a radical ({radicals or 1} unpaired)")
    if (canonical := chem.MolToSmiles(molecule)) in TRIPLETS:
        raise Rejected(f"expected a closed shell, but the ground state of {canonical} is a triplet")


def _with_hydrogens(molecule: Payload) -> Payload:
    """Returns the molecule with all hydrogens as atoms; a drawing in two dimensions loses its coordinates."""
    if not (molecule.GetNumConformers() and molecule.GetConformer().Is3D()):
        molecule.RemoveAllConformers()
        return modules().chem.AddHs(molecule)
    if missing := sum(atom.GetTotalNumHs() for atom in molecule.GetAtoms()):
        raise Rejected(f"the structure lacks the coordinates of {missing} hydrogens: add them")
    return molecule


def _check_size(molecule: Payload) -> None:
    atoms = molecule.GetNumAtoms()
    if atoms == 1:
        raise Rejected(f"expected a molecule, got a single atom ({molecule.GetAtomWithIdx(0).GetSymbol()})")
    if atoms > MOST_ATOMS:
        raise Rejected(f"the molecule has {atoms} atoms with its hydrogens, at most {MOST_ATOMS} are computed")
