"""What a candidate is called where people read it."""

from __future__ import annotations

from collections import Counter

from cohobate.core.errors import Rejected
from cohobate.core.frames import name_in
from cohobate.core.structure import Structure, notation, read_mol, read_xyz
from cohobate.host.extras import require
from cohobate.molecules.rdkit import quietly
from cohobate.molecules.reading import molecule_of

WIDEST = 200
"""Characters of a caption."""


def caption(candidate: object) -> str:
    """Returns one line for a candidate: a SMILES as it is; of a structure its name, else SMILES, else formula.

    Never raises; text that cannot be read is shortened.
    """
    if not isinstance(candidate, str) or notation(candidate) == "smiles":
        return _line(str(candidate))
    structure = _structure(candidate)
    if structure is None:
        return _line(candidate)
    return _line(name_in(structure.info) or smiles_of(candidate) or _formula(structure))


def smiles_of(candidate: object) -> str | None:
    """Returns the canonical SMILES of a SMILES or a structure, ``None`` where it cannot be read."""
    if not isinstance(candidate, str):
        return None
    try:
        molecule = molecule_of(candidate)
    except Rejected:
        return None
    with quietly():
        return str(require("rdkit.Chem", extra="chem").MolToSmiles(molecule))


def _structure(text: str) -> Structure | None:
    try:
        return read_xyz(text) if notation(text) == "xyz" else read_mol(text)
    except Rejected:
        return None


def _formula(structure: Structure) -> str:
    """Returns symbols and counts, carbon and hydrogen first (Hill's order)."""
    counts = Counter(structure.symbols)
    first = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    order = [*first, *sorted(counts.keys() - set(first))]
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in order)


def _line(text: str) -> str:
    line = " ".join(text[: 10 * WIDEST].split())
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"
