"""A SMILES, a frame and a mol block of one molecule are one molecule; what is none is told why."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from cohobate.core.errors import Rejected
from cohobate.core.pool import Pool
from cohobate.molecules.caption import caption, smiles_of
from cohobate.molecules.rdkit import quietly
from cohobate.molecules.reading import molecule_of, read
from cohobate.simulate.chem.conformer import embed
from cohobate.simulate.chem.geometry import Geometry
from cohobate.simulate.chem.smiles import parse

POOL = Path(__file__).parents[2] / "examples" / "screen" / "molecules.smi"
MOLECULES = [
    *Pool.read(POOL).column()[::40],
    "CS(C)(=O)=O",
    "CP(=O)(O)O",
    "C[N+](=O)[O-]",
    "[C-]#[O+]",
    "CN=[N+]=[N-]",
    "[NH3+]CC(=O)[O-]",
    "c1ccc2c(c1)c1ccccc1c1ccccc21",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "C" * 30,
]
REJECTED = {
    "2\n\nC 0 0 0\nXx 0 0 1\n": "no element 'Xx'",
    "2\n\nC 0 0 0\nCL 0 0 1\n": "no element 'CL'",
    "2\n\nC 0 0 0\nO 0 0 0.3\n": r"atoms 1 \(C\) and 2 \(O\) are 0.3 Å apart",
    "3\n\nN 0 0 9\nC 0 0 0\nO 0 0 0\n": r"atoms 2 \(C\) and 3 \(O\) are 0 Å apart",
    "2\n\nC 0 0 0\nO 0 0 1e200\n": "bonds cannot be told",
    "2\nspin=1\nC 0 0 0\nO 0 0 1.13\n": "spin=1 may be read in several ways",
    "2\nmultiplicity=3\nC 0 0 0\nO 0 0 1.13\n": "closed shell, got multiplicity=3",
    "2\ncharge=one\nC 0 0 0\nO 0 0 1.13\n": "charge: expected a whole number, got 'one'",
    "2\ncharge=0.5\nC 0 0 0\nO 0 0 1.13\n": "charge: expected a whole number, got '0.5'",
    "2\ncharge=0 total_charge=1\nC 0 0 0\nO 0 0 1.13\n": "several charges",
    '2\nLattice="9 0 0 0 9 0 0 0 9"\nC 0 0 0\nO 0 0 1.13\n': "periodic",
    '2\nLattice="9 0 0 0 9 0 0 0 9" pbc="F F T"\nC 0 0 0\nO 0 0 1.13\n': "periodic",
    "4\n\nC 0 0 0\nH 1.08 0 0\nH -.54 .935 0\nH -.54 -.935 0\n": "an ion or a radical",
    "2\n\nN 0 0 0\nO 0 0 1.15\n": "an ion or a radical",
    "a\nb\nc": "not a SMILES",
}


def frame(smiles: str) -> str:
    return embed(parse(smiles)).geometry.extxyz({"charge": 0}).text


def blocks(smiles: str) -> list[str]:
    """Mol blocks in space (V2000 and V3000) and as a drawing."""
    molecule = parse(smiles)
    geometry = embed(molecule).geometry
    conformer = Chem.Conformer(len(geometry))
    conformer.SetPositions(geometry.positions)
    conformer.Set3D(True)
    molecule.AddConformer(conformer)
    flat = Chem.MolFromSmiles(smiles)
    rdDepictor.Compute2DCoords(flat)
    return [Chem.MolToMolBlock(molecule), Chem.MolToV3KMolBlock(molecule), Chem.MolToMolBlock(flat)]


def plain(molecule: Chem.Mol) -> str:
    return Chem.MolToSmiles(molecule, isomericSmiles=False)


@pytest.mark.parametrize("smiles", MOLECULES)
def test_all_notations_are_one_molecule(smiles: str):
    texts = [frame(smiles), *blocks(smiles)]
    assert {plain(molecule_of(text)) for text in texts} == {plain(Chem.MolFromSmiles(smiles))}


def test_a_structure_keeps_its_positions():
    text = frame("CCO")
    molecule = read(text)
    assert np.array_equal(molecule.GetConformer().GetPositions(), Geometry.read(text).positions)
    assert [a.GetSymbol() for a in molecule.GetAtoms()] == list(Geometry.read(text).symbols)
    assert molecule_of(text).GetNumAtoms() == 3


@pytest.mark.parametrize(("text", "reason"), REJECTED.items(), ids=lambda t: ascii(t[:16]))
def test_rejected(text: str, reason: str):
    with pytest.raises(Rejected, match=reason) as caught:
        read(text)
    assert "\n" not in str(caught.value)
    assert smiles_of(text) is None


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (("CHG  2   1  -1   2   1", "CHG  2   1   1   2   1"), r"charge \+2|valence"),
        ((" C ", " R#"), "symbol of an element"),
        (("  1  2  3  0", "  1  9  3  0"), "cannot be read"),
        (("  1  2  3  0", "  1  2  9  0"), "bond of order|cannot be read|closed shell"),
        (("V2000", "V9000"), "not a SMILES"),
    ],
)
def test_bad_mol_blocks_are_rejected(edit: tuple[str, str], reason: str):
    good = blocks("[C-]#[O+]")[0]
    assert edit[0] in good
    with pytest.raises(Rejected, match=reason):
        parse(good.replace(*edit))


def test_coordinates_of_a_mol_block_that_lacks_hydrogens_are_not_believed():
    molecule = Chem.RemoveHs(Chem.MolFromMolBlock(blocks("CCO")[0], removeHs=False))
    with pytest.raises(Rejected, match="lacks the coordinates of 6 hydrogens"):
        parse(Chem.MolToMolBlock(molecule))


def test_a_drawing_has_no_conformer():
    assert parse(blocks("CCO")[2]).GetNumConformers() == 0
    assert parse(blocks("CCO")[0]).GetNumConformers() == 1


@pytest.mark.parametrize("text", ["2\ncharge=+1\nC 0 0 0\nO 0 0 1.13\n", "3\n\nO 0 0 0\nH 0 0 1\nHe 0 0 9\n"])
def test_what_can_be_read_is_not_yet_admitted(text: str):
    with pytest.raises(Rejected, match=r"bonds cannot be told|charge \+1|fragments"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3\n\nC 0 0 0\nH 0.9 0.6 0\nH -0.9 0.6 0\n", r"radical \(2 unpaired\)"),
        ("2\n\nO 0 0 0\nO 0 0 1.2\n", "triplet"),
        ("2\n\nH 0 0 0\nH 0 0 0.74\n", "heavier than hydrogen"),
        ("1\n\nHe 0 0 0\n", "single atom"),
        ("6\n\nO 0 0 0\nH 0 0.76 0.6\nH 0 -0.76 0.6\nO 9 0 0\nH 9 0.76 0.6\nH 9 -0.76 0.6\n", "2 fragments"),
        ("4\ncharge=1\nO 0 0 0\nH 0.95 0 0.2\nH -.47 .82 0.2\nH -.47 -.82 0.2\n", r"charge \+1"),
    ],
)
def test_structures_are_admitted_by_the_rules_of_smiles(text: str, reason: str):
    with pytest.raises(Rejected, match=reason):
        parse(text)


def test_a_puzzle_of_bonds_ends():
    chain = "60\n\n" + "".join(f"N {1.3 * i} 0 0\n" for i in range(60))
    with pytest.raises(Rejected, match="bonds cannot be told"):
        read(chain)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        ("CCO", "CCO"),
        ("1\nsome helium\nHe 0 0 0\n", "some helium"),
        ("2\n\nC 0 0 0\nO 0 0 1.13\n", "[C-]#[O+]"),
        ("4\n\nC 0 0 0\nH 1.08 0 0\nH -.54 .935 0\nH -.54 -.935 0\n", "CH3"),
        ("2\n\nC 0 0 0\nO 0 0\n", "2 C 0 0 0 O 0 0"),
        ("x" * 500, "x" * 199 + "…"),
        (7, "7"),
        ("1\n<b>\nHe 0 0 0\n", "<b>"),
    ],
)
def test_captions(candidate: object, expected: str):
    assert caption(candidate) == expected


def test_smiles_of_a_structure():
    assert smiles_of(frame("OCC")) == smiles_of("OCC") == "CCO"
    assert smiles_of(None) is None
    assert smiles_of("C1CC") is None


def test_silence_may_be_nested_and_is_kept_by_one_thread_at_a_time():
    with quietly(), quietly():
        assert smiles_of("2\n\nC 0 0 0\nO 0 0 1.13\n") == "[C-]#[O+]"
    ended: list[str | None] = []
    threads = [threading.Thread(target=lambda: ended.append(smiles_of("C1CC"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [None] * 4


def test_importing_it_loads_nothing_heavy():
    script = "import sys, cohobate.molecules.caption, cohobate.core.frames; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"rdkit", "ase", "tblite", "scipy"}.isdisjoint(run.stdout.split())
