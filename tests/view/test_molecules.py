"""Molecules as small drawings, whatever the text is."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.core.errors import MissingExtra
from cohobate.view.molecules import HEIGHT, WIDTH, can_draw, draw

PATH = re.compile(r"(?:[MLQCHVZz]|-?\d+(?:\.\d)?|[ ,])*")


def test_a_molecule_is_lines_and_letters_by_element():
    drawn = draw("NC(=O)c1ccc(Cl)s1")
    assert set(drawn.letters) == {"N", "O", "Cl", "S"}
    assert {"C", "N", "O", "Cl", "S"} == set(drawn.lines)
    assert draw("CC").letters == {}


@pytest.mark.parametrize(
    "smiles", ["CCO", "[Na+].[Cl-]", "C" * 40, "[U]", "*", "C[C@H](O)F", "c1ccc2ccccc2c1", "[2H]O"]
)
def test_it_fits_its_box(smiles):
    drawn = draw(smiles)
    for path in (*drawn.lines.values(), *drawn.letters.values()):
        assert PATH.fullmatch(path)
        numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d)?", path)]
        assert all(-2 <= x <= WIDTH + 2 for x in numbers[::2])
        assert all(-2 <= y <= HEIGHT + 2 for y in numbers[1::2])


@pytest.mark.parametrize("text", ["", "no molecule", "C\0C", "C" * 200, "((", "<svg onload=x>", "\ud800"])
def test_what_is_no_molecule_is_not_drawn(text):
    assert draw(text) is None


@settings(max_examples=60)
@given(st.text(alphabet="CNOcno()=#123[]+-H", max_size=12))
def test_any_text_is_drawn_or_not(text):
    drawn = draw(text)
    assert drawn is None or all(map(PATH.fullmatch, drawn.lines.values()))


def test_a_hundred_are_small():
    drawn = [draw(f"{'C' * (i % 9 + 1)}c1ccc(N{'C' * (i % 4)})cc1C(=O)O") for i in range(100)]
    assert sum(len(path) for one in drawn for path in (*one.lines.values(), *one.letters.values())) < 400_000


def test_without_rdkit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    assert not can_draw()
    with pytest.raises(MissingExtra, match=r"cohobate\[chem\]"):
        draw("CC")
