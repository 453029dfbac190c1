"""Files of structures become the text of each, and what is broken is named with its line."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.errors import ProblemError, Rejected
from cohobate.core.frames import Broken, Frame, sdf_records, xyz_frames
from cohobate.core.pool import Pool
from cohobate.core.structure import notation, read_mol, read_xyz

WATER = "3\nProperties=species:S:1:pos:R:3 name=water\nO 0.0 0.0 0.1\nH 0.0 0.76 -0.47\nH 0.0 -0.76 -0.47\n"
HCN = '3\nname="hydrogen cyanide"\nH 0 0 -1.06\nC 0 0 0\nN 0 0 1.15\n'
MOL = """methane-like
  made by hand

  2  1  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0
    0.0000    0.0000    1.1280 O   0  0
  1  2  3  0
M  END
"""
V3000 = """
  -

  0  0  0     0  0            999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 2 1 0 0 0
M  V30 BEGIN ATOM
M  V30 1 C 0 0 0 0 CHG=-1
M  V30 2 O 0 0 1.128 0 CHG=1
M  V30 END ATOM
M  V30 BEGIN BOND
M  V30 1 3 1 2
M  V30 END BOND
M  V30 END CTAB
M  END
"""


def xyz(text: str) -> list[Frame | Broken]:
    return list(xyz_frames(text.splitlines()))


def sdf(text: str) -> list[Frame | Broken]:
    return list(sdf_records(text.splitlines()))


def test_frames_keep_their_text_line_and_name():
    assert xyz(WATER + HCN) == [Frame(1, WATER, "water"), Frame(6, HCN, "hydrogen cyanide")]
    assert xyz(f"\n\n{WATER}\n\n{HCN}\n\n") == [Frame(3, WATER, "water"), Frame(10, HCN, "hydrogen cyanide")]


@pytest.mark.parametrize(
    ("comment", "name"),
    [
        ("", ""),
        ("just a remark", "just a remark"),
        ("energy=1.0", ""),
        ("title='a b' id=7", "a b"),
        ("id = 7", "7"),
        ("NAME=x", "x"),
        ("é", "é"),
    ],
)
def test_the_name_is_what_the_comment_line_says(comment: str, name: str):
    (frame,) = xyz(f"1\n{comment}\nHe 0 0 0\n")
    assert isinstance(frame, Frame)
    assert frame.name == name


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("x\n", "expected the number of atoms, got 'x'"),
        ("0\n\n", "says 0 atoms, expected 1 to 1000"),
        ("99999999\n\nHe 0 0 0\n", "says 99999999 atoms"),
        ("2\n\nHe 0 0 0\n", "atom 2 of the 2 that line 1 says: expected 4 columns"),
        ("1\n\nHe 0 0 0\nHe 0 0 1\n", "line 1 says 1 atoms, but there is more: 'He 0 0 1'"),
        ("1\n\nHe 0 0\n", "expected 4 columns"),
        ("1\n\nHe 0 0 nan\n", "expected a finite coordinate"),
        ("1\n\nHe 0 0 1e999\n", "expected a finite coordinate"),
        ("1\n\nHe 0 0 1_0\n", "expected a finite coordinate"),
        ("1\n\nHe 0 0 1,5\n", "expected a finite coordinate"),
        ("1\n\nHe 0 0 ²\n", "expected a finite coordinate"),
        ("1\n\nHe 0 0 \u0661\n", "expected a finite coordinate"),
        ("1\n\n6 0 0 0\n", "expected the symbol of an element, got '6'"),
        ("1\nProperties=pos:R:3:species:S:1\nHe 0 0 0\n", "symbol of an element, got '0'"),
        ("1\nProperties=species:S:1\nHe\n", "no pos:R:3"),
        ("1\nProperties=species:S\nHe\n", "cannot be read"),
        ("1\nProperties=species:S:1:pos:R:3:q:R:1\nHe 0 0 0\n", "expected 5 columns"),
        ("1\n" + "x" * 20_000 + "\nHe 0 0 0\n", "comment line has 20000 characters"),
        ("1\n\nHe 0 0 " + "0" * 20_000 + "\n", "expected 4 columns"),
        ("1\na\0b\nHe 0 0 0\n", "NUL"),
        ("1\na\udce9\nHe 0 0 0\n", "not UTF-8"),
    ],
)
def test_what_is_broken_is_told_and_passed_over(bad: str, reason: str):
    broken, good = xyz(bad + WATER)
    assert isinstance(broken, Broken)
    assert broken.line == 1
    assert re.search(reason, broken.reason)
    assert "\n" not in broken.reason
    assert good == Frame(bad.count("\n") + 1, WATER, "water")


def test_a_file_that_is_cut_off_is_told():
    for lines in range(1, 5):
        text = "\n".join(WATER.splitlines()[:lines])
        (broken,) = xyz(text)
        assert isinstance(broken, Broken)
    (frame, broken) = xyz(HCN + WATER[:-10])
    assert isinstance(frame, Frame)
    assert isinstance(broken, Broken)
    assert broken.line == 6


def test_numbers_are_those_that_ase_reads_from_what_ase_wrote(tmp_path: Path):
    frames = []
    for i, name in enumerate(["CH3CH2OH", "C6H6", "SO2", "HCN"]):
        atoms = molecule(name)
        atoms.info = {"name": f"no. {i} {name}", "charge": 0}
        atoms.set_array("tag", np.arange(len(atoms)))
        atoms.calc = SinglePointCalculator(atoms, energy=-1.5 * i, forces=atoms.positions / 3)
        frames.append(atoms)
    ase.io.write(tmp_path / "f.extxyz", frames)
    pool = Pool.read(tmp_path / "f.extxyz")
    assert pool.names == ("structure",)
    assert pool.skipped == ()
    for i, atoms in enumerate(frames):
        read = read_xyz(pool[i]["structure"])
        assert pool.label(i) == {"name": f"no. {i} {atoms.info['name'].split()[-1]}"}
        assert "".join(read.symbols) == "".join(atoms.symbols)
        assert np.array_equal(read.positions, ase.io.read(StringIO(pool[i]["structure"]), format="extxyz").positions)
        assert read.positions == pytest.approx(atoms.positions, abs=1e-8)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(tmp_path: Path, end: str):
    (tmp_path / "f.xyz").write_bytes((WATER + HCN).replace("\n", end).encode())
    assert Pool.read(tmp_path / "f.xyz").column() == [WATER, HCN]


def test_a_pool_of_structures_lists_what_it_skips(tmp_path: Path):
    (tmp_path / "f.extxyz").write_text(WATER + "2\n\nHe 0 0 x\n" + WATER + HCN)
    pool = Pool.read(tmp_path / "f.extxyz")
    assert pool.column() == [WATER, HCN]
    assert [(s.line, s.reason[:20]) for s in pool.skipped] == [(6, "atom 1 of the 2 that"), (9, "duplicate of line 1")]
    (tmp_path / "bad.sdf").write_text("nothing\n$$$$\n")
    with pytest.raises(ProblemError, match="is empty"):
        Pool.read(tmp_path / "bad.sdf")


def test_records_are_mol_blocks_with_their_names(tmp_path: Path):
    text = f"{MOL}> <energy>\n1.5\n\n> 7 <Name>\nunused\n\n$$$$\n{V3000}>  <ID>\nCO-2\n\n$$$$\n"
    assert sdf(text) == [Frame(1, MOL, "methane-like"), Frame(16, V3000, "CO-2")]
    (tmp_path / "f.sdf").write_text(text)
    pool = Pool.read(tmp_path / "f.sdf")
    assert pool.column() == [MOL, V3000]
    assert [pool.label(i)["name"] for i in range(2)] == ["methane-like", "CO-2"]
    assert sdf(MOL) == [Frame(1, MOL, "methane-like")]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "V2000 or V3000"),
        ("\n\n\n  x V2000\nM  END\n", "number of atoms"),
        ("\n\n\n  5  0 V2000\nM  END\n", "says 5 atoms, but ends after"),
        (MOL.replace("M  END\n", ""), "no M  END"),
        (MOL.replace("1.1280", "   nan"), "columns 1 to 30"),
        (MOL.replace("    1.1280", "   1,1280 "), "columns 1 to 30"),
        (MOL.replace("    1.1280", "     1.128"), "columns 1 to 30"),
        (MOL.replace(" O ", " 8 "), "symbol of an element"),
        (V3000.replace("1.128", "inf"), "finite coordinate"),
        (V3000.replace("M  V30 2 O 0 0 1.128 0 CHG=1", "M  V30 2 O"), "expected an atom"),
        (V3000.replace("BEGIN ATOM", "BEGIN ATOMS"), "no atoms"),
        (MOL + "x" * 20_000 + "\n", "a line of 20000 characters"),
        (MOL + "x\n" * 60_000, "more than 50000 lines"),
        (MOL.replace("by", "\0"), "NUL"),
    ],
)
def test_broken_records_are_told_and_passed_over(bad: str, reason: str):
    broken, good = sdf(f"{bad or 'x'}\n$$$$\n{MOL}$$$$\n\n")
    assert isinstance(broken, Broken)
    assert broken.line == 1
    assert re.search(reason, broken.reason)
    assert isinstance(good, Frame)
    assert good.text == MOL


def test_v2000_and_v3000_say_the_same():
    old, new = read_mol(MOL), read_mol(V3000)
    assert old.symbols == new.symbols == ("C", "O")
    assert np.array_equal(old.positions, new.positions)
    assert (old.info, new.info) == ({"name": "methane-like"}, {})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CCO", "smiles"),
        ("", "smiles"),
        ("12", "smiles"),
        (WATER, "xyz"),
        (MOL, "mol"),
        (V3000, "mol"),
        ("C\nC", "smiles"),
    ],
)
def test_notations_are_told_apart(text: str, kind: str):
    assert notation(text) == kind


@pytest.mark.parametrize(
    ("text", "reason"), [(WATER + HCN, "expected 3 atoms"), ("2\n\nHe 0 0 0\n", "expected 2 atoms")]
)
def test_one_frame_is_one_frame(text: str, reason: str):
    with pytest.raises(Rejected, match=reason):
        read_xyz(text)


@given(st.lists(st.tuples(st.sampled_from(["H", "C", "Cl"]), *[st.floats(-1e6, 1e6)] * 3), min_size=1, max_size=6))
def test_what_is_written_exactly_is_read_exactly(rows: list[tuple[str, float, float, float]]):
    text = f"{len(rows)}\n\n" + "".join(f"{s} {x!r} {y!r} {z!r}\n" for s, x, y, z in rows)
    (frame,) = xyz(text)
    assert isinstance(frame, Frame)
    read = read_xyz(frame.text)
    assert [(s, *p) for s, p in zip(read.symbols, read.positions.tolist(), strict=True)] == rows
