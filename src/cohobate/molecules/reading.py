"""A candidate given as text becomes an RDKit molecule, or is rejected with the reason."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cohobate.core.errors import Rejected
from cohobate.core.payload import Payload
from cohobate.core.structure import Structure, notation, read_mol, read_xyz
from cohobate.host.extras import require
from cohobate.molecules.rdkit import quietly

LONGEST = 2_000
"""Characters of a SMILES."""
CLOSEST = 0.5
"""Å between two atoms; the shortest bond there is, in H2, has 0.74."""
MOST_TRIALS = 10_000
"""Assignments of bond orders that are tried for one structure; they may double with each unsaturated atom."""


def molecule_of(candidate: str) -> Payload:
    """Returns the RDKit molecule of a SMILES, an extended XYZ frame or a mol block, without explicit hydrogens.

    What fingerprints, captions and drawings need. Raises ``Rejected`` for what cannot be read.
    """
    molecule = read(candidate)
    if notation(candidate) == "smiles":
        return molecule
    with quietly():
        return require("rdkit.Chem", extra="chem").RemoveHs(molecule)


def read(candidate: str) -> Payload:
    """Returns the RDKit molecule of a candidate as it is written: a structure keeps its hydrogens and conformer.

    The bonds of an extended XYZ frame are told from its distances and its charge (rdDetermineBonds).
    Raises ``Rejected`` for text that cannot be read; it ends soon, whatever the text.
    """
    if not isinstance(candidate, str):
        raise Rejected(f"expected a SMILES as text, or a structure, got the {_kind(candidate)} {candidate!r:.60}")
    match notation(candidate):
        case "xyz":
            return _from_xyz(read_xyz(candidate))
        case "mol":
            return _from_mol(candidate, read_mol(candidate))
    return _from_smiles(candidate)


def _kind(thing: object) -> str:
    return type(thing).__name__


def _from_smiles(smiles: str) -> Payload:
    _check_text(smiles)
    chem = require("rdkit.Chem", extra="chem")
    with quietly():
        molecule = chem.MolFromSmiles(smiles)
        if molecule is not None:
            return molecule
        reason = _problem(chem.MolFromSmiles(smiles, sanitize=False)) or "check brackets, rings and parentheses"
    raise Rejected(f"{smiles!r:.80} is not a valid SMILES: {reason}")


def _check_text(smiles: str) -> None:
    if not smiles.strip():
        raise Rejected("the SMILES is empty")
    if len(smiles) > LONGEST:
        raise Rejected(f"the SMILES has {len(smiles)} characters, at most {LONGEST} are read")
    if strange := next((c for c in smiles if not "!" <= c <= "~"), None):
        raise Rejected(f"{smiles!r:.80} is not a SMILES: it holds the character {strange!r}")


def _problem(raw: Payload) -> str:
    """Returns what RDKit finds wrong with a molecule that it could not sanitize, ``""`` where that is nothing."""
    problems = require("rdkit.Chem", extra="chem").DetectChemistryProblems(raw) if raw is not None else []
    return " ".join(str(problems[0].Message()).split()) if problems else ""


def _from_xyz(structure: Structure) -> Payload:
    charge = _charge(structure.info)
    _check_state(structure.info)
    _check_apart(structure)
    chem, bonds = require("rdkit.Chem", extra="chem"), require("rdkit.Chem.rdDetermineBonds", extra="chem")
    with quietly():
        molecule = chem.RWMol()
        for symbol in structure.symbols:
            molecule.AddAtom(chem.Atom(_element(symbol)))
        conformer = chem.Conformer(len(structure.symbols))
        conformer.SetPositions(structure.positions)
        conformer.Set3D(True)
        molecule.AddConformer(conformer)
        try:
            bonds.DetermineBonds(molecule, charge=charge, maxIterations=MOST_TRIALS)
            chem.SanitizeMol(molecule)
        except (ValueError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0].partition(";")[0]
            raise Rejected(
                f"its bonds cannot be told from its coordinates ({reason:.120}): an ion or a radical? "
                "give it as a mol block, which states them"
            ) from error
        return molecule.GetMol()


def _element(symbol: str) -> int:
    """Returns the atomic number of an element."""
    table = require("rdkit.Chem", extra="chem").GetPeriodicTable()
    number = next((z for z in range(1, 119) if table.GetElementSymbol(z) == symbol), None)
    if number is None:
        raise Rejected(f"there is no element {symbol!r}")
    return number


def _charge(info: Mapping[str, str]) -> int:
    """Returns the charge that a frame states, else 0."""
    stated = {key: info[key] for key in ("charge", "total_charge", "net_charge") if key in info}
    for key, text in stated.items():
        if not _is_whole(text):
            raise Rejected(f"{key}: expected a whole number, got {text!r:.30}")
    if len(set(map(float, stated.values()))) > 1:
        raise Rejected(f"the frame states several charges: {stated}")
    return next((int(float(text)) for text in stated.values()), 0)


def _is_whole(text: str) -> bool:
    return len(text) < 10 and text.removesuffix(".0").lstrip("+-").isdecimal() and text.isascii()


def _check_state(info: Mapping[str, str]) -> None:
    """Raises ``Rejected`` for a cell, and for a spin state that is no singlet or may be another."""
    for key in ("multiplicity", "spin_multiplicity"):
        if info.get(key, "1") not in ("1", "1.0"):
            raise Rejected(f"expected a closed shell, got {key}={info[key]:.30}")
    if info.get("spin", "0") not in ("0", "0.0"):
        raise Rejected(f"spin={info['spin']:.30} may be read in several ways: expected spin=0, or multiplicity=1")
    periodic = info.get("pbc", "T" if "lattice" in info else "F")
    if set(periodic.lower().replace("false", "f").replace(",", " ").split()) - {"f", "0"}:
        raise Rejected('the structure is periodic, expected a molecule: leave out Lattice, or say pbc="F F F"')


def _check_apart(structure: Structure) -> None:
    """Raises ``Rejected`` where two atoms are on top of each other."""
    positions = structure.positions
    with np.errstate(over="ignore"):
        squares = ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    i, j = sorted(divmod(int(squares.argmin()), len(positions)))
    if squares[i, j] < CLOSEST**2:
        one, other = (f"{n + 1} ({structure.symbols[n]})" for n in (i, j))
        raise Rejected(f"atoms {one} and {other} are {squares[i, j] ** 0.5:.2g} Å apart, expected at least {CLOSEST}")


def _from_mol(text: str, structure: Structure) -> Payload:
    chem = require("rdkit.Chem", extra="chem")
    with quietly():
        try:
            molecule = chem.MolFromMolBlock(text, removeHs=False)
            reason = "" if molecule is not None else _problem(chem.MolFromMolBlock(text, sanitize=False))
        except (ValueError, RuntimeError) as error:
            molecule, reason = None, str(error).partition("\n")[0]
    if molecule is None:
        raise Rejected(f"the mol block cannot be read: {reason or 'check its counts, atoms and bonds':.200}")
    _check_read(molecule, structure)
    return molecule


def _check_read(molecule: Payload, structure: Structure) -> None:
    """Raises ``Rejected`` where RDKit found other coordinates than we did, or two atoms on top of each other."""
    positions = molecule.GetConformer().GetPositions() if molecule.GetNumConformers() else np.empty((0, 3))
    if positions.shape != structure.positions.shape or not np.allclose(positions, structure.positions, atol=1e-6):
        raise Rejected("the mol block cannot be read: its atoms are not where its columns say")
    if molecule.GetConformer().Is3D():
        _check_apart(structure)
