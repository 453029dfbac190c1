"""Nearest neighbours: scikit-learn's, however the values came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsRegressor

from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool
from cohobate.models.features import folded
from cohobate.models.fingerprints import Fingerprints, fingerprints
from cohobate.models.neighbours import KNN
from cohobate.models.prediction import Prediction, Targets, Unable

BITS = np.random.default_rng(0).random((300, 256)) < 0.2
POOL = Pool([{"row": i} for i in range(300)])
SMILES = ["CCO", "CCN", "CCCO", "c1ccccc1O", "CC(C)C", "C#N", "FC(F)F", "not one"]


def bits(pool: Pool) -> Fingerprints:
    return fingerprints([dict.fromkeys(np.flatnonzero(row).tolist(), 1) for row in BITS], size=256)


VIEW = KNN(features=bits).view(POOL)


def value(i: int) -> float:
    return float(np.sin(i) * 3 + 10)


def means(targets: Targets, k: int = 4) -> np.ndarray:
    found = KNN(k, bits).view(POOL).fit(targets).predict(targets)
    assert isinstance(found, Prediction)
    assert found.std is None
    return found.mean


@pytest.mark.parametrize(("known", "k"), [(120, 4), (40, 1), (9, 7)])
def test_predictions_are_those_of_scikit_learn(known: int, k: int):
    items = np.random.default_rng(known).permutation(300)[:known]
    values = [value(i) for i in items]
    theirs = KNeighborsRegressor(k, weights="distance", metric="jaccard").fit(BITS[items], values)
    distances = np.sort(theirs.kneighbors(BITS, n_neighbors=min(k + 1, known))[0], axis=1)
    clear = np.ones(300, bool) if known == k else distances[:, k - 1] < distances[:, k] - 1e-12  # no tie at the border
    assert clear.mean() > 0.7
    ours = means({int(i): v for i, v in zip(items, values, strict=True)}, k)
    assert np.allclose(ours[clear], theirs.predict(BITS)[clear])


def test_fewer_known_than_neighbours_and_known_ones_themselves():
    assert means({5: 2.0}).tolist() == [2.0] * 300
    two = means({5: 2.0, 9: 4.0})
    assert two[[5, 9]].tolist() == [2.0, 4.0]
    assert ((two >= 2) & (two <= 4)).all()
    assert means({5: 3.0, 9: 3.0}).tolist() == [3.0] * 300
    assert isinstance(VIEW.fit({}).predict({3: None}), Unable)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 299), st.booleans()), min_size=1, max_size=25))
def test_the_way_there_does_not_show(steps: list[tuple[int, bool]]):
    targets: dict[int, float | None] = {}
    lived = VIEW.fit({})
    for i, known in steps:
        targets.pop(i, None)
        targets[i] = value(i) if known else None
        seen = lived.predict(targets)
    fresh = VIEW.fit(targets).predict(targets)
    if isinstance(fresh, Unable):
        assert seen == fresh
    else:
        assert isinstance(seen, Prediction)
        assert np.array_equal(seen.mean, fresh.mean)


def test_extreme_values_stay_within_what_is_known():
    found = means({1: 1.7e308, 2: -1.7e308, 3: 1e308, 4: 0.0, 5: 5.0})
    assert np.isfinite(found).all()
    assert found[[1, 2, 3]] == pytest.approx([1.7e308, -1.7e308, 1e308])


def test_by_default_it_looks_at_folded_morgan_bits():
    pool = Pool(SMILES)
    features = folded(pool)
    assert (len(features), features.size, set(features.counts)) == (8, 256, {1.0})
    model = KNN()
    assert list(model.view(pool).unfit) == [7]
    assert model.unreadable(pool[7]) == "'not one' is not a SMILES: it holds the character ' '"
    assert model.unreadable(pool[0]) is None
    assert model.describe() == {"model": "KNN", "k": 4, "features": "folded"}
    assert not model.uncertain


@pytest.mark.parametrize("k", [0, -1, 2.5])
def test_a_senseless_number_of_neighbours_is_refused(k: int):
    with pytest.raises(ProblemError, match=r"KNN\(k="):
        KNN(k)
