"""Fingerprints: rdkit's counts, row by row, and a reason for each row that has none."""

from __future__ import annotations

import time

import numpy as np
import pytest
from rdkit.Chem import MolFromSmiles
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

from cohobate.core.errors import ProblemError
from cohobate.models.fingerprints import Fingerprints, fingerprints, folded, morgan, why_unreadable

SMILES = ["CCO", "c1ccccc1", "FC(F)(F)c1ccon1", "C", "CC(C)(C)C#N"]


def dense(features: Fingerprints) -> np.ndarray:
    table = np.zeros((len(features), features.size))
    for i in range(len(features)):
        own = slice(features.start[i], features.start[i + 1])
        table[i, features.bits[own]] = features.counts[own]
    return table


def test_counts_are_those_of_rdkit():
    generator = GetMorganGenerator(radius=3, fpSize=2048)
    expected = [generator.GetCountFingerprintAsNumPy(MolFromSmiles(s)) for s in SMILES]
    assert np.array_equal(dense(morgan(SMILES)), expected)


def test_unreadable_rows_are_empty_and_say_why(capfd: pytest.CaptureFixture[str]):
    features = morgan(["CCO", "C1CC", "", 3, "C(C)(C)(C)(C)C", "nonsense"])
    assert list(features.unfit) == [1, 2, 3, 4, 5]
    assert features.unfit[1] == "'C1CC' is not a valid SMILES: check brackets, rings and parentheses"
    assert features.unfit[2] == "the SMILES is empty"
    assert features.unfit[3] == "expected a SMILES as text, or a structure, got the int 3"
    assert "valence" in features.unfit[4]
    assert np.diff(features.start).tolist()[1:] == [0] * 5
    assert capfd.readouterr().err == ""


def test_rows_may_come_from_anything_countable():
    features = fingerprints([{1: 2, 0: 1}, "broken", {}], size=3)
    assert np.array_equal(dense(features), [[1, 2, 0], [0, 0, 0], [0, 0, 0]])
    assert features.unfit == {1: "broken"}
    assert len(fingerprints([])) == 0


def test_a_pool_of_a_demo_is_ready_in_half_a_second():
    start = time.process_time()
    assert len(morgan(SMILES * 200)) == 1000
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(("radius", "size"), [(4, 256), (2, 64)])
def test_folded_ones_are_the_bits_of_rdkit(radius: int, size: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cohobate.models.fingerprints.CHUNK", 2)
    generator = GetMorganGenerator(radius=radius, fpSize=size)
    expected = [generator.GetFingerprintAsNumPy(MolFromSmiles(s)) for s in SMILES]
    made = folded([*SMILES, "C1CC", 3], radius, size)
    assert np.array_equal(dense(made), [*expected, np.zeros(size), np.zeros(size)])
    assert made.unfit == {
        5: "'C1CC' is not a valid SMILES: check brackets, rings and parentheses",
        6: "expected a SMILES as text, or a structure, got the int 3",
    }
    assert made.size == size
    assert folded([]).size == 256


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch):
    smiles = [*SMILES, "C1CC", *SMILES, 3]
    whole = morgan(smiles)
    monkeypatch.setattr("cohobate.models.fingerprints.CHUNK", 2)
    parts = morgan(iter(smiles))
    assert np.array_equal(dense(parts), dense(whole))
    assert (list(parts.unfit), len(parts)) == ([5, 11], 12)
    assert len(morgan([])) == 0


@pytest.mark.parametrize("candidate", [*SMILES, "C1CC", "", 3, None, "C(C)(C)(C)(C)C", "nonsense"])
def test_one_row_is_judged_as_the_pool_is(candidate: object):
    assert why_unreadable(candidate) == morgan([candidate]).unfit.get(0)


@pytest.mark.parametrize("row", [{64: 1}, {70_000: 1}, {-1: 1}, {3: 0}, {3: -1}, {3: float("nan")}, {3: float("inf")}])
def test_what_are_no_counts_of_features_is_refused(row: dict[int, float]):
    with pytest.raises(ProblemError, match="fingerprints: expected"):
        fingerprints([{1: 2}, row], 64)
