"""A SMILES becomes a molecule that can be computed, or is rejected with the reason."""

from __future__ import annotations

from cohobate.core.errors import Rejected
from cohobate.core.payload import Payload
from cohobate.simulate.chem.rdkit import modules, quietly

LONGEST = 2_000
"""Characters of a SMILES."""
MOST_ATOMS = 200
"""Atoms of a molecule, hydrogens included: the largest takes GFN2-xTB some minutes on one core."""
HEAVIEST = 86
"""Radon, the last element GFN2-xTB has parameters for."""
OPEN_SHELL_METALS = frozenset((*range(21, 30), *range(39, 48), *range(57, 80)))
"""Atomic numbers of transition metals, lanthanoids and their like: a SMILES does not tell their spin state."""
TRIPLETS = frozenset({"O=O", "O=S", "S=S"})
"""Canonical SMILES of molecules that look closed-shell and have a triplet ground state."""
ORDERS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "DATIVE")


def parse(smiles: str) -> Payload:
    """Returns the RDKit molecule, its hydrogens explicit.

    Raises ``Rejected`` for anything but one neutral closed-shell molecule of at least two atoms, one
    of them heavier than hydrogen and none heavier than radon. Text that is no SMILES ends quickly,
    whatever its length.
    """
    _check_text(smiles)
    with quietly():
        molecule = _read(smiles)
        _check_atoms(molecule)
        _check_bonds(molecule)
        _check_state(molecule)
        molecule = modules().chem.AddHs(molecule)
    _check_size(molecule)
    return molecule


def _check_text(smiles: str) -> None:
    if not isinstance(smiles, str):
        raise Rejected(f"expected a SMILES as text, got the {type(smiles).__name__} {smiles!r:.60}")
    if not smiles.strip():
        raise Rejected("the SMILES is empty")
    if len(smiles) > LONGEST:
        raise Rejected(f"the SMILES has {len(smiles)} characters, at most {LONGEST} are read")
    if strange := next((c for c in smiles if not "!" <= c <= "~"), None):
        raise Rejected(f"{smiles!r:.80} is not a SMILES: it holds the character {strange!r}")


def _read(smiles: str) -> Payload:
    chem = modules().chem
    molecule = chem.MolFromSmiles(smiles)
    if molecule is not None:
        return molecule
    raw = chem.MolFromSmiles(smiles, sanitize=False)
    problems = [problem.Message() for problem in chem.DetectChemistryProblems(raw)] if raw is not None else []
    reason = problems[0] if problems else "check brackets, rings and parentheses"
    raise Rejected(f"{smiles!r:.80} is not a valid SMILES: {reason}")


def _check_atoms(molecule: Payload) -> None:
    symbols = {atom.GetAtomicNum(): atom.GetSymbol() for atom in molecule.GetAtoms()}
    if 0 in symbols:
        raise Rejected("the SMILES has a wildcard or query atom, expected chemical elements")
    if max(symbols) == 1:
        raise Rejected("no atom is heavier than hydrogen")
    if max(symbols) > HEAVIEST:
        raise Rejected(f"GFN2-xTB has no parameters for {symbols[max(symbols)]}: elements up to radon are possible")
    if metals := symbols.keys() & OPEN_SHELL_METALS:
        raise Rejected(f"a SMILES does not tell the spin state of {symbols[min(metals)]}")


def _check_bonds(molecule: Payload) -> None:
    chem = modules().chem
    if (fragments := len(chem.GetMolFrags(molecule))) > 1:
        raise Rejected(f"expected one molecule, got {fragments} fragments")
    if odd := [str(b.GetBondType()) for b in molecule.GetBonds() if str(b.GetBondType()) not in ORDERS]:
        raise Rejected(f"the SMILES has a bond of order {odd[0].lower()}, expected single, double, triple or aromatic")


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


def _check_size(molecule: Payload) -> None:
    atoms = molecule.GetNumAtoms()
    if atoms == 1:
        raise Rejected(f"expected a molecule, got a single atom ({molecule.GetAtomWithIdx(0).GetSymbol()})")
    if atoms > MOST_ATOMS:
        raise Rejected(f"the molecule has {atoms} atoms with its hydrogens, at most {MOST_ATOMS} are computed")
