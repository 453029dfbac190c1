"""A candidate and what came of it as a record of an SD file, for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.molecules.caption import caption
from cohobate.molecules.rdkit import quietly
from cohobate.molecules.reading import read
from cohobate.simulate.chem.geometry import Geometry


def sdf_record(candidate: str, values: Mapping[str, Any], *, geometry: str | None = None, name: str = "") -> str:
    """Returns a mol block with ``values`` (numbers and text; others are left out) as data fields, ended by ``$$$$``.

    ``geometry`` is the text of the extended XYZ file that a simulator of ours returned; without it,
    or where it is another molecule, coordinates are those of the structure, or a drawing of the
    SMILES. The title is ``name``, or else the caption. Raises ``Rejected`` where the candidate
    cannot be read.
    """
    chem = require("rdkit.Chem", extra="chem")
    molecule, title = read(candidate), _line(name or caption(candidate))[:80]
    with quietly():
        molecule = _placed(molecule, None if geometry is None else Geometry.read(geometry))
        molecule.SetProp("_Name", title)
        block = chem.MolToMolBlock(molecule)
    fields = [f"> <{_line(key).translate(ANGLES)}>\n{_line(str(v))}\n\n" for key, v in values.items() if _is_plain(v)]
    return "".join([block, *fields, "$$$$\n"])


ANGLES = str.maketrans("<>", "()")
"""Angle brackets enclose the name of a field."""


def _placed(molecule: Payload, geometry: Geometry | None) -> Payload:
    """Returns the molecule with the coordinates of ``geometry`` where that is the same one, atom by atom."""
    chem = require("rdkit.Chem", extra="chem")
    if geometry is not None:
        whole = molecule if molecule.GetNumConformers() else chem.AddHs(molecule)
        if tuple(atom.GetSymbol() for atom in whole.GetAtoms()) == geometry.symbols:
            conformer = chem.Conformer(len(geometry))
            conformer.SetPositions(geometry.positions)
            conformer.Set3D(True)
            whole.RemoveAllConformers()
            whole.AddConformer(conformer)
            return whole
    if not molecule.GetNumConformers():
        require("rdkit.Chem.rdDepictor", extra="chem").Compute2DCoords(molecule)
    return molecule


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _line(text: str) -> str:
    """Returns text as one line, which ends neither its field nor the record."""
    return " ".join(text.replace("$$$$", "$").split()) or "-"
