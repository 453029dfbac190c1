"""Similarities: the definitions, candidate by candidate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit.Chem import MolFromSmiles
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
from rdkit.DataStructs import TanimotoSimilarity

from cohobate.models.fingerprints import fingerprints, morgan
from cohobate.models.kernels import RBF, Overlap, Tanimoto

SMILES = ["CCO", "c1ccccc1", "FC(F)(F)c1ccon1", "C", "CC(C)(C)C#N", "OCCO", "OC12CCC3CC1C3C2"]
Formula = Callable[[dict[int, float], dict[int, float]], float]
rows = st.lists(st.dictionaries(st.integers(0, 7), st.integers(1, 4)), min_size=1, max_size=6)


def minmax(a: dict[int, float], b: dict[int, float]) -> float:
    bits = a.keys() | b.keys()
    return sum(min(a.get(i, 0), b.get(i, 0)) for i in bits) / sum(max(a.get(i, 0), b.get(i, 0)) for i in bits)


def tanimoto(a: dict[int, float], b: dict[int, float]) -> float:
    dot = sum(a[i] * b[i] for i in a.keys() & b.keys())
    return dot / (sum(x * x for x in a.values()) + sum(x * x for x in b.values()) - dot)


@pytest.mark.parametrize(("overlap", "formula"), [("product", tanimoto), ("minimum", minmax)])
@settings(max_examples=60, deadline=None)
@given(rows=rows)
def test_tanimoto_is_shared_counts_over_all_counts(overlap: Overlap, formula: Formula, rows: list[dict[int, int]]):
    kernel = Tanimoto(fingerprints(rows, size=8), overlap)
    expected = [
        [1.0 if i == j else formula(a, b) if a or b else 0.0 for j, b in enumerate(rows)] for i, a in enumerate(rows)
    ]
    found = kernel.among(list(range(len(rows))), 1.0)
    assert np.allclose(found, expected, atol=1e-7)
    assert np.linalg.eigvalsh(found).min() > -1e-6


def test_tanimoto_is_rdkits_on_counts_and_on_bits():
    generator = GetMorganGenerator(radius=3, fpSize=2048)
    molecules = [MolFromSmiles(s) for s in SMILES]
    counts = [generator.GetCountFingerprint(m) for m in molecules]
    bits = [generator.GetFingerprint(m) for m in molecules]
    ones = [dict.fromkeys(b.GetOnBits(), 1) for b in bits]
    for kernel, theirs in ((Tanimoto(morgan(SMILES), "minimum"), counts), (Tanimoto(fingerprints(ones)), bits)):
        expected = [[TanimotoSimilarity(a, b) for b in theirs] for a in theirs]
        assert np.allclose(kernel.among(list(range(len(SMILES))), 1.0), expected, atol=1e-6)


@pytest.mark.parametrize("overlap", ["product", "minimum"])
def test_tanimoto_of_large_and_of_broken_counts(overlap: Overlap):
    rows = [{0: 250, 1: 3}, {0: 251, 2: 0.5}, {0: 65_000}, {}]
    formula = {"product": tanimoto, "minimum": minmax}[overlap]
    for some in (rows, [rows[0], rows[2]], [rows[0]] * 2):
        kernel = Tanimoto(fingerprints(some, size=3), overlap)
        found = [kernel.row(i, 1.0) for i in range(len(some))]
        expected = [
            [1.0 if i == j else formula(a, b) if a or b else 0.0 for j, b in enumerate(some)]
            for i, a in enumerate(some)
        ]
        assert np.allclose(found, expected, rtol=1e-5)


def test_rbf_falls_with_the_standardised_distance():
    x = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    kernel = RBF(x)
    unit = 2.0 / x[:, 0].std()
    assert kernel.row(0, 0.7) == pytest.approx([1, np.exp(-0.5 * (unit / 0.7) ** 2), np.exp(-2 * (unit / 0.7) ** 2)])
    assert len(kernel) == 3
