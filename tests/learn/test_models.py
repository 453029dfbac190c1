"""Models: what they see in a pool, and which rows they cannot see."""

from __future__ import annotations

import numpy as np
import pytest

from cohobate.core.pool import Pool
from cohobate.learn.features import numbers
from cohobate.learn.fingerprints import Fingerprints, fingerprints
from cohobate.learn.models import RBFGP, TanimotoGP


def letters(pool: Pool) -> Fingerprints:
    return fingerprints({ord(c): text.count(c) for c in text} for text in pool.column())


def test_molecules_are_read_from_the_first_column():
    view = TanimotoGP().view(Pool([{"smiles": "CCO", "charge": 0}, {"smiles": "C1", "charge": 1}]))
    assert view.unfit == {1: "'C1' is not a valid SMILES: check brackets, rings and parentheses"}
    assert view.kernel.row(0, 1.0).tolist() == [1.0, 0.0]


def test_features_may_be_ones_own():
    model = TanimotoGP(letters, overlap="minimum")
    assert model.view(Pool(["aab", "abb"])).kernel.row(0, 1.0) == pytest.approx([1.0, 0.5])
    assert model.describe() == {"model": "TanimotoGP", "features": "letters", "overlap": "minimum"}


def test_numbers_may_be_text_as_in_files():
    pool = Pool([{"x": "0.5"}, {"x": "-1e3"}, {"x": "one"}, {"x": "inf"}, {"x": ""}])
    assert numbers(pool).ravel().tolist() == pytest.approx([0.5, -1e3, np.nan, np.inf, np.nan], nan_ok=True)
    assert list(RBFGP().view(pool).unfit) == [2, 3, 4]


def test_numbers_are_all_columns_and_rows_with_something_else_are_unfit():
    view = RBFGP().view(Pool([{"x": 0, "y": 1.5}, {"x": 1, "y": 2.5}, {"x": "one", "y": 1.5}, {"x": 2, "y": np.inf}]))
    assert list(view.unfit) == [2, 3]
    assert view.unfit[2] == "{'x': 'one', 'y': 1.5} has features that are no finite numbers"
    assert np.isfinite(view.kernel.row(0, 1.0)).all()
