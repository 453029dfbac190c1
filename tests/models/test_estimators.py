"""Regressors of scikit-learn: their own predictions, the spread of ensembles, and what cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import BaggingRegressor, GradientBoostingRegressor, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool
from cohobate.models import estimators
from cohobate.models.estimators import SklearnModel
from cohobate.models.features import molecules, numbers, table
from cohobate.models.fingerprints import morgan
from cohobate.models.neighbours import KNN
from cohobate.models.prediction import Model, Prediction, Unable
from cohobate.models.ready import MODELS, RBFGP, TanimotoGP, named

POOL = Pool([{"x": i / 50, "y": (7 * i % 50) / 50} for i in range(50)])
X = np.array([[row["x"], row["y"]] for row in POOL])
KNOWN = {i: float(3 * X[i, 0] - X[i, 1] + 5) for i in range(0, 50, 3)}


class Moody(RegressorMixin, BaseEstimator):
    """Raises, or predicts ``answer``."""

    def __init__(self, answer: float | None = None) -> None:
        self.answer = answer

    def fit(self, x: np.ndarray, y: np.ndarray) -> Moody:
        if self.answer is None:
            raise RuntimeError("not today")
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.full(len(x), self.answer)


def predicted(model: SklearnModel, targets: dict[int, float] | None = None) -> Prediction | Unable:
    known = KNOWN if targets is None else targets
    return model.view(POOL).fit(known).predict(known)


def test_a_regressor_predicts_what_it_predicts_by_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(estimators, "CHUNK", 7)
    found = predicted(SklearnModel(LinearRegression(), numbers))
    assert isinstance(found, Prediction)
    assert np.allclose(found.mean, 3 * X[:, 0] - X[:, 1] + 5)
    assert found.std is None


@pytest.mark.parametrize("estimator", [RandomForestRegressor(20), BaggingRegressor(max_features=1, n_estimators=20)])
def test_the_spread_of_the_members_is_the_deviation(estimator: BaseEstimator):
    model = SklearnModel(estimator, numbers)
    found, again = predicted(model), predicted(model)
    assert isinstance(found, Prediction)
    assert isinstance(again, Prediction)
    fitted = model.estimator.fit(X[list(KNOWN)], list(KNOWN.values()))
    assert np.allclose(found.mean, fitted.predict(X), atol=1e-6)
    assert found.std is not None
    assert model.uncertain
    assert found.std.min() > 0
    assert found.std.max() > 0.05
    assert np.array_equal(found.mean, again.mean)


@pytest.mark.parametrize(
    ("estimator", "uncertain"),
    [
        (BayesianRidge, True),
        (GaussianProcessRegressor(optimizer=None, normalize_y=True), True),
        (GradientBoostingRegressor, False),
        (lambda: make_pipeline(StandardScaler(), LinearRegression()), False),
    ],
)
def test_what_a_regressor_says_of_its_deviation_is_known_beforehand(estimator: object, uncertain: bool):
    model = SklearnModel(estimator, numbers)
    found = predicted(model)
    assert isinstance(found, Prediction)
    assert (found.std is not None) == model.uncertain == uncertain


def test_molecules_are_seen_by_their_fingerprints():
    pool = Pool(["CCO", "CCN", "broken(", "CCCC"])
    view = SklearnModel(RandomForestRegressor(5)).view(pool)
    assert list(view.unfit) == [2]
    assert isinstance(view.fit({0: 1.0, 1: 2.0, 2: None}).predict({}), Prediction)
    features = morgan(pool.column())
    assert table(features, [1])[0, features.bits[features.start[1] : features.start[2]]].min() >= 1


@pytest.mark.parametrize(
    ("estimator", "targets", "why"),
    [
        (LinearRegression(), {}, "nothing is known yet"),
        (LinearRegression(), {3: 1.5}, "the 1 known values do not differ"),
        (LinearRegression(), {3: 1.5, 4: 1.5}, "the 2 known values do not differ"),
        (Moody(), KNOWN, "Moody raised RuntimeError: not today"),
        (Moody(float("nan")), KNOWN, "Moody predicted something that is no finite number"),
    ],
)
def test_what_cannot_be_fitted_says_why(estimator: BaseEstimator, targets: dict[int, float], why: str):
    assert predicted(SklearnModel(estimator, numbers), targets) == Unable(why)


def test_extreme_values_are_brought_to_size():
    found = predicted(SklearnModel(LinearRegression(), numbers), {0: -1.7e308, 20: 1e308, 40: 1.7e308})
    assert isinstance(found, Prediction)
    assert np.isfinite(found.mean).all()


def test_each_open_random_state_is_given_and_the_one_passed_in_stays_as_it_was():
    mine = RandomForestRegressor(3)
    model = SklearnModel(mine)
    assert (mine.random_state, model.estimator.random_state) == (None, 0)
    assert SklearnModel(RandomForestRegressor(3, random_state=7)).estimator.random_state == 7
    assert model.describe() == {
        "model": "SklearnModel",
        "estimator": "RandomForestRegressor(n_estimators=3, random_state=0)",
        "features": "molecules",
        "growth": 1.05,
    }


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (LogisticRegression(), "expected a regressor of scikit-learn, got LogisticRegression"),
        (3, "or a function that makes one, got 3"),
        (lambda: 1 / 0, "making the regressor raised ZeroDivisionError"),
        (lambda: "forest", "expected a regressor of scikit-learn, got 'forest'"),
    ],
)
def test_what_is_no_regressor_is_refused(wanted: object, message: str):
    with pytest.raises(ProblemError, match=message):
        SklearnModel(wanted)


def test_models_have_names():
    assert (named("tanimoto"), named("rbf"), named("knn")) == (TanimotoGP(), RBFGP(), KNN())
    forest = named("forest")
    assert isinstance(forest, SklearnModel)
    assert forest.uncertain
    assert forest.features is molecules
    assert all(isinstance(make(), Model) for make in MODELS.values())
    with pytest.raises(ProblemError, match="unknown model 'tanimotto'; did you mean 'tanimoto'"):
        named("tanimotto")
    for wrong in (RandomForestRegressor(), TanimotoGP, 3):
        with pytest.raises(ProblemError, match="a scikit-learn regressor goes into SklearnModel"):
            named(wrong)
