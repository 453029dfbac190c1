"""The candidates as an SDF file, what is known of each in its data fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from io import StringIO
from typing import Any

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.core.structure import is_smiles
from cohobate.host.extras import require
from cohobate.ledger.export.plain import plain
from cohobate.ledger.export.whole import Frame, Stored, geometries, says
from cohobate.ledger.rows import Row
from cohobate.ledger.views import Follow


def to_sdf(views: Follow, stored: Stored) -> tuple[bytes, int]:
    """Returns a molecule for each trial that has one, and their number.

    Coordinates are those of its geometry, else of a drawing. Raises ``UserError`` where there is no
    molecule, ``MissingExtra`` without RDKit.
    """
    chem = require("rdkit.Chem", extra="chem")
    out, naming, trials = StringIO(), views.rows.naming(), 0
    with require("rdkit.rdBase", extra="chem").BlockLogs():
        writer = chem.SDWriter(out)
        for row in views.rows.by_trial.values():
            molecule = _molecule(chem, row, stored)
            if molecule is not None:
                _describe(molecule, naming.cells(row))
                writer.write(molecule)
                trials += 1
        writer.close()
    if not trials:
        raise UserError("nothing to export: no trial has a SMILES (in a column of that name) or a geometry")
    return out.getvalue().encode("utf-8", "backslashreplace"), trials


def _molecule(chem: Payload, row: Row, stored: Stored) -> Payload:
    """Returns the molecule of a trial, ``None`` where it has none."""
    frame = next((frame for _, frame in geometries(row, stored)), None)
    smiles = _smiles(row.trial.inputs)
    drawn = chem.MolFromSmiles(smiles) if smiles else None
    if drawn is not None and frame is not None:
        whole = chem.AddHs(drawn)
        if [atom.GetSymbol() for atom in whole.GetAtoms()] == frame.symbols:
            return _placed(chem, whole, frame)
    if frame is not None:
        return _connected(chem, frame)
    if drawn is not None:
        require("rdkit.Chem.rdDepictor", extra="chem").Compute2DCoords(drawn)
    return drawn


def _smiles(inputs: Mapping[str, Any]) -> str:
    found = (value for name, value in inputs.items() if is_smiles(name) and isinstance(value, str))
    return next((value for value in found if value.isascii() and value.isprintable()), "")


def _placed(chem: Payload, molecule: Payload, frame: Frame) -> Payload:
    conformer = chem.Conformer(len(frame.atoms))
    for i, (x, y, z) in enumerate(frame.positions):
        conformer.SetAtomPosition(i, (x, y, z))
    molecule.AddConformer(conformer)
    return molecule


def _connected(chem: Payload, frame: Frame) -> Payload:
    """Returns atoms in space, single bonds between those that are near each other."""
    lines = [f"{s} {x!r} {y!r} {z!r}" for s, (x, y, z) in zip(frame.symbols, frame.positions, strict=True)]
    molecule = chem.MolFromXYZBlock("\n".join([str(len(lines)), "", *lines]) + "\n")
    if molecule is not None:
        require("rdkit.Chem.rdDetermineBonds", extra="chem").DetermineConnectivity(molecule)
    return molecule


def _describe(molecule: Payload, cells: dict[str, Any]) -> None:
    molecule.SetProp("_Name", f"trial {cells['id']}")
    for name, value in cells.items():
        if says(name, value):
            field = re.sub(r"[<>\s]+", "_", name) or "_"
            molecule.SetProp(_encoded("trial" if name == "id" else field), _encoded(_value(value)))


def _value(value: Payload) -> str:
    """Returns a value as lines of text, none of them empty: an empty line ends a field."""
    spelled = plain(value)
    text = spelled if isinstance(spelled, str) else json.dumps(spelled)
    lines = [line for line in text.splitlines() if line.strip() and line != "$$$$"]
    return "\n".join(lines)


def _encoded(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
