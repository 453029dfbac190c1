"""Any structure file is a pool whose numbers stand in the file, or is refused; any frame is a molecule or rejected."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from cohobate.core.errors import ProblemError, Rejected
from cohobate.core.pool import Pool
from cohobate.core.structure import Structure, notation, read_mol, read_xyz
from cohobate.molecules.caption import caption, smiles_of
from cohobate.molecules.reading import read
from cohobate.simulate.chem.smiles import parse
from fuzz.oracle import ended, one_line
from fuzz.seeds import NAMES, NUMBERS

WATER = """3
Properties=species:S:1:pos:R:3 name="water" charge=0 pbc="F F F"
O -0.0 0.0 0.11
H 0.0 0.7632 -0.4772
H 1e-17 -0.7632 -0.4772
"""
MOLS = [Chem.MolToMolBlock(Chem.AddHs(Chem.MolFromSmiles(s))) for s in ("C", "O=C=O")]
SEEDS = [
    WATER + WATER.replace("water", "again"),
    "$$$$\n".join([*MOLS, ""]),
    Chem.MolToV3KMolBlock(Chem.MolFromSmiles("CO")),
]
pieces = st.sampled_from(
    [*NAMES[:-1], *NUMBERS, "\n", " ", "1e3", "-", "Xx", "C", "charge=1", "$$$$", "M  END", "3", "999"]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good file with some places replaced, taken out or put in, perhaps cut off."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(pieces | st.just("")) + text[at + draw(st.integers(0, 12)) :]
    content = text.encode("utf-8", "surrogatepass")
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


contents = mutated() | st.binary(max_size=200)


def told(text: str) -> list[tuple[str, tuple[float, ...]]]:
    """Symbols and coordinates by the plainest reading of a frame: what stands in the rows, by their columns."""
    lines = text.split("\n")
    if notation(text) == "xyz":
        rows = [line.split() for line in lines[2 : 2 + int(lines[0])]]
        return [(row[0], tuple(map(float, row[1:4]))) for row in rows]
    if lines[3].rstrip().endswith("V2000"):
        rows = [[line[31:34].strip(), line[:10], line[10:20], line[20:30]] for line in lines[4 : 4 + int(lines[3][:3])]]
    else:
        first, last = (
            next(i for i, line in enumerate(lines) if line.split()[2:] == [w, "ATOM"]) for w in ("BEGIN", "END")
        )
        rows = [line.split()[3:7] for line in lines[first + 1 : last]]
    return [(row[0], tuple(map(float, row[1:]))) for row in rows]


def structure(text: str) -> Structure:
    return read_xyz(text) if notation(text) == "xyz" else read_mol(text)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([".extxyz", ".xyz", ".sdf"]), contents)
def test_any_structure_file(tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes):
    path = Path(tmp_path_factory.getbasetemp() / f"structures{suffix}")
    path.write_bytes(content)
    pool = ended(lambda: Pool.read(path), errors=ProblemError)
    if isinstance(pool, str):
        assert one_line(pool)
        return
    assert all(one_line(skipped.reason) and len(skipped.reason) < 400 for skipped in pool.skipped)
    for i, text in enumerate(pool.column()):
        found = structure(text)
        assert pool.label(i)["name"].encode() is not None
        assert np.isfinite(found.positions).all()
        if "species" not in text or "species:S:1:pos:R:3" in text:
            rows = zip(found.symbols, map(tuple, found.positions.tolist()), strict=True)
            assert list(rows) == told(text)


@settings(deadline=None, max_examples=100)
@given(mutated() | st.text(max_size=40).map(str.encode))
def test_any_text_is_a_molecule_or_rejected(content: bytes):
    text = content.decode("utf-8", "replace")
    molecule = ended(read, text, errors=Rejected)
    if isinstance(molecule, str):
        assert one_line(molecule)
        assert len(molecule) < 400
    elif notation(text) != "smiles":
        conformer = molecule.GetConformer().GetPositions()
        assert conformer == pytest.approx(structure(text).positions, abs=1e-6)
        assert all(math.isfinite(x) for x in conformer.ravel())
    else:
        assert smiles_of(text) is not None
    assert len(caption(text)) <= 200
    assert "\n" not in caption(text)
    admitted = ended(parse, text, errors=Rejected)
    assert isinstance(admitted, str) or 2 <= admitted.GetNumAtoms() <= 200


@pytest.mark.parametrize("part", ["x", "a=", 'a="', "a={", "a ", " "])
def test_a_long_comment_line_is_read_soon(part: str):
    comment = part * (10_000 // len(part))
    assert not isinstance(ended(read_xyz, f"1\n{comment}\nHe 0 0 0\n", errors=Rejected), str)
