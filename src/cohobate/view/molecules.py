"""Draws molecules as a few coloured paths, small enough for a hundred of them on one page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from cohobate.core.errors import Rejected
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.molecules.rdkit import quietly
from cohobate.molecules.reading import molecule_of

WIDTH, HEIGHT = 190, 130
MOST_ATOMS: Final = 150
"""Heavy atoms up to which a molecule is drawn; of larger ones nothing could be seen."""
ELEMENTS: Final[Mapping[str, str]] = {
    "#0000FF": "N",
    "#FF0000": "O",
    "#33CCCC": "F",
    "#00CC00": "Cl",
    "#7F4C19": "Br",
    "#A01EEF": "I",
    "#CCCC00": "S",
    "#FF7F00": "P",
}
"""RDKit's colours, by the element that they stand for; what is of any other colour is drawn as carbon."""
SVG: Final = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A molecule in a box of ``width`` and ``height``: path data of lines, and of letters, by element."""

    lines: Mapping[str, str]
    letters: Mapping[str, str]
    width: int = WIDTH
    height: int = HEIGHT


def can_draw() -> bool:
    """Whether RDKit is installed."""
    try:
        require("rdkit", extra="chem")
    except ImportError:
        return False
    return True


def draw(candidate: str) -> Drawing | None:
    """Returns the drawing of a SMILES, an extended XYZ frame or a mol block; ``None`` where it is none, or too large.

    Raises ``MissingExtra`` without RDKit.
    """
    drawing = require("rdkit.Chem.Draw.rdMolDraw2D", extra="chem")
    with quietly():
        try:
            molecule = molecule_of(candidate)
        except Rejected:
            return None
        if not 0 < molecule.GetNumAtoms() <= MOST_ATOMS:
            return None
        molecule.RemoveAllConformers()
        canvas = drawing.MolDraw2DSVG(WIDTH, HEIGHT)
        _set(canvas.drawOptions())
        drawing.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    return _read(canvas.GetDrawingText())


def _set(options: Payload) -> None:
    options.clearBackground = False
    options.padding = 0.04
    options.bondLineWidth = 1.5
    options.fixedBondLength = 26
    options.minFontSize = 10


def _read(svg: str) -> Drawing:
    lines: dict[str, list[str]] = {}
    letters: dict[str, list[str]] = {}
    for path in ElementTree.fromstring(svg.encode("latin-1")).iter(f"{SVG}path"):
        style = dict(part.split(":", 1) for part in path.get("style", "").split(";") if ":" in part)
        fill = path.get("fill") or style.get("fill", "none")
        colour, where = (style.get("stroke", ""), lines) if fill == "none" else (fill, letters)
        where.setdefault(ELEMENTS.get(colour.upper(), "C"), []).append(_short(path.get("d", "")))
    return Drawing(_joined(lines), _joined(letters))


def _short(path: str) -> str:
    """Returns path data without the blanks and zeros that say nothing."""
    rounded = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), path)
    return re.sub(r"\s*([A-Za-z,])\s*", r"\1", rounded)


def _joined(paths: Mapping[str, list[str]]) -> dict[str, str]:
    return {element: "".join(found) for element, found in paths.items()}
