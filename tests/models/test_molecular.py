"""The features of a pool are the same whether they were made now or are read from the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cohobate.core.pool import Pool
from cohobate.models import molecular
from cohobate.models.fingerprints import Fingerprints, folded, morgan
from cohobate.models.kernels import Tanimoto
from cohobate.models.molecular import FOLDED, pool_fingerprints
from cohobate.models.ready import TanimotoGP

SMILES = ["CCO", "c1ccccc1", "FC(F)(F)c1ccon1", "C1CC", "C", "CC(C)(C)C#N", "CCCCCCCCCCCO"]
POOL = Pool(SMILES, name="smiles")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COHOBATE_CACHE", str(tmp_path))
    monkeypatch.setattr(molecular, "LARGE", 3)
    return tmp_path


def test_small_pools_leave_nothing_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COHOBATE_CACHE", str(tmp_path))
    assert len(pool_fingerprints(POOL)) == 7
    assert list(tmp_path.iterdir()) == []


def test_fingerprints_are_made_once(place: Path, monkeypatch: pytest.MonkeyPatch):
    first = pool_fingerprints(POOL)
    monkeypatch.setattr(molecular, "columns", None)  # would be needed to make them again
    again, plain = pool_fingerprints(POOL), morgan(SMILES)
    for made in (first, again):
        assert np.array_equal(made.start, plain.start)
        assert np.array_equal(made.bits, plain.bits)
        assert np.array_equal(made.counts, plain.counts)
        assert made.unfit == plain.unfit == {3: "'C1CC' is not a valid SMILES: check brackets, rings and parentheses"}
        assert made.size == plain.size
    kernels = Tanimoto(again), Tanimoto(plain)
    for i in range(7):
        assert np.array_equal(*(kernel.row(i, 1.0) for kernel in kernels))
    assert len(list(place.iterdir())) == 1


def test_features_of_another_kind_or_pool_are_others(place: Path):
    def hydrogens(smiles: object) -> Fingerprints:
        return morgan(["[H][H]"] * 7)

    assert len(pool_fingerprints(POOL, hydrogens, "hydrogens").bits) == 14
    assert len(pool_fingerprints(POOL).bits) > 14
    assert len(pool_fingerprints(Pool(SMILES[::-1]))) == 7
    assert len(list(place.iterdir())) == 3


def test_folded_bits_are_made_once(place: Path):
    for _ in range(2):
        made = pool_fingerprints(POOL, folded, FOLDED)
        assert made.size == 256
        assert np.array_equal(made.bits, folded(SMILES).bits)
    assert len(list(place.iterdir())) == 1


def test_models_look_at_what_is_kept(place: Path):
    view = TanimotoGP().view(POOL)
    assert view.unfit == {3: "'C1CC' is not a valid SMILES: check brackets, rings and parentheses"}
    assert np.array_equal(view.kernel.row(2, 1.0), Tanimoto(morgan(SMILES)).row(2, 1.0))
    assert len(list(place.iterdir())) == 1
