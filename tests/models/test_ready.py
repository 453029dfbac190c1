"""Models: what they see in a pool, and which rows they cannot see."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool
from cohobate.models.estimators import SklearnModel
from cohobate.models.features import numbers
from cohobate.models.fingerprints import Fingerprints, fingerprints
from cohobate.models.neighbours import KNN
from cohobate.models.prediction import Model
from cohobate.models.ready import RBFGP, TanimotoGP


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


@pytest.mark.parametrize(
    "model",
    [
        RBFGP(lambda _: np.zeros(3)),
        RBFGP(lambda _: np.zeros((2, 1))),
        SklearnModel(LinearRegression(), lambda _: np.zeros((4, 1))),
        SklearnModel(LinearRegression(), lambda _: fingerprints([{1: 1}])),
        TanimotoGP(lambda _: fingerprints([{1: 1}] * 4)),
        TanimotoGP(lambda _: np.zeros((3, 1))),
        KNN(1, lambda _: fingerprints([])),
    ],
)
def test_features_of_something_else_than_the_pool_are_named(model: Model):
    with pytest.raises(ProblemError, match=r"expected the .* of 3 rows"):
        model.view(Pool([1.0, 2.0, 3.0]))


def test_whole_numbers_beyond_all_floats_are_unfit():
    view = RBFGP().view(Pool([1, 10**400]))
    assert list(view.unfit) == [1]
