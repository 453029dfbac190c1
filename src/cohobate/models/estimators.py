"""Regressors of scikit-learn as models."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from cohobate.core.capture import Raised, capture
from cohobate.core.errors import ProblemError
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.core.trial import Inputs
from cohobate.host.extras import require
from cohobate.models.features import molecules, of_each, readable, table, unreadable
from cohobate.models.fingerprints import Fingerprints
from cohobate.models.kernels import Floats
from cohobate.models.prediction import Prediction, Targets, Unable
from cohobate.models.refits import Pace
from cohobate.models.units import Units

CHUNK = 4096
"""Candidates that are predicted at a time: 32 MB of Morgan fingerprints."""
Features: TypeAlias = Fingerprints | Floats
Estimator: TypeAlias = Any  # scikit-learn has no types


@final
@dataclass(frozen=True, slots=True)
class SklearnModel:
    """A regressor of scikit-learn, or a function that makes one; by default on Morgan count fingerprints.

    Its deviation is the spread of the members of a random forest, of extra trees or of a bagging
    ensemble, or what ``predict(..., return_std=True)`` says; other regressors have none. Every
    ``random_state`` left open is 0. It is fitted for 5 % more values each time, and a choice waits
    for that and for the prediction of the whole pool. What cannot be fitted (one value, equal ones, a
    regressor that raises) is said in the notes of candidates that are chosen at random instead.
    """

    estimator: Estimator
    features: Callable[[Pool], Features] = molecules
    growth: float = 1.05

    def __post_init__(self) -> None:
        base = require("sklearn.base", extra="sklearn")
        given = self.estimator
        if isinstance(given, type) or not isinstance(given, base.BaseEstimator):
            given = _made(given)
        if not (isinstance(given, base.BaseEstimator) and base.is_regressor(given)):
            raise ProblemError(f"SklearnModel: expected a regressor of scikit-learn, got {given!r:.80}")
        if not self.growth > 1:
            raise ProblemError(f"SklearnModel: growth={self.growth!r}: expected more than 1")
        object.__setattr__(self, "estimator", seeded(given))

    @property
    def uncertain(self) -> bool:
        """Whether the regressor is one whose predictions have a deviation."""
        return averages(self.estimator) or says_std(self.estimator)

    @property
    def pace(self) -> Pace:
        """It is fitted as soon as anything is known, and then for each ``growth``; choices wait for it."""
        return Pace(1, self.growth, prompt=True)

    def view(self, pool: Pool) -> EstimatorView:
        """Returns the features of a pool; rows with a NaN or an infinity are unfit."""
        features = self.features(pool)
        if isinstance(features, Fingerprints):
            return EstimatorView(self.estimator, of_each(features, pool), features.unfit)
        points, unfit = readable(features, pool)
        return EstimatorView(self.estimator, points, unfit)

    def unreadable(self, row: Inputs) -> str | None:
        """Returns why the features cannot see a row."""
        return unreadable(self.features, row)

    def describe(self) -> Mapping[str, Any]:
        """Returns the regressor with its settings, the name of the features, and the growth."""
        settings = re.sub(r"\s+", " ", re.sub(r" at 0x[0-9a-f]+", "", repr(self.estimator)))
        return {
            "model": "SklearnModel",
            "estimator": settings,
            "features": self.features.__qualname__,
            "growth": self.growth,
        }


@dataclass(frozen=True, slots=True)
class EstimatorView:
    """A pool by its features."""

    estimator: Estimator
    features: Features
    unfit: Mapping[int, str]

    def fit(self, targets: Targets) -> Frozen:
        """Returns what the regressor, fitted to the known values, predicts for the pool."""
        known = {i: value for i, value in targets.items() if value is not None and i not in self.unfit}
        values = np.array(list(known.values()))
        units = Units.of(values)
        if not units.spread:
            return Frozen(Unable(f"the {len(known)} known values do not differ" if known else "nothing is known yet"))
        predicted = capture(self._predicted, list(known), units.plain(values))
        if isinstance(predicted, Raised):
            return Frozen(Unable(f"{type(self.estimator).__name__} raised {predicted.message}"))
        return Frozen(_prediction(predicted.value, units, type(self.estimator).__name__))

    def _predicted(self, items: Sequence[int], values: Floats) -> tuple[Floats, Floats | None]:
        clone = require("sklearn.base", extra="sklearn").clone
        fitted = clone(self.estimator).fit(self._rows(items), values)
        parts = [members(fitted, self._rows(range(at, min(at + CHUNK, self._size)))) for at in self._chunks]
        mean, std = zip(*parts, strict=True)
        return np.concatenate(mean), None if std[0] is None else np.concatenate(std)

    @property
    def _size(self) -> int:
        return len(self.features)

    @property
    def _chunks(self) -> range:
        return range(0, self._size, CHUNK)

    def _rows(self, items: Sequence[int]) -> NDArray[np.floating[Any]]:
        if isinstance(self.features, Fingerprints):
            return table(self.features, items)
        return self.features[items]


@dataclass(frozen=True, slots=True)
class Frozen:
    """What was predicted when the model was fitted, whatever came to be known since."""

    prediction: Prediction | Unable

    def predict(self, targets: Targets) -> Prediction | Unable:
        """Returns the prediction."""
        return self.prediction


def members(fitted: Estimator, rows: NDArray[np.floating[Any]]) -> tuple[Floats, Floats | None]:
    """Returns mean and deviation of a fitted regressor's predictions: each (rows,)."""
    if averages(fitted):
        bagging = isinstance(fitted, require("sklearn.ensemble", extra="sklearn").BaggingRegressor)
        columns = fitted.estimators_features_ if bagging else [slice(None)] * len(fitted.estimators_)
        each = [one.predict(rows[:, own]) for one, own in zip(fitted.estimators_, columns, strict=True)]
        return np.mean(each, axis=0), np.std(each, axis=0)
    if says_std(fitted):
        mean, std = fitted.predict(rows, return_std=True)
        return np.asarray(mean, float), np.asarray(std, float)
    return np.asarray(fitted.predict(rows), float), None


def averages(estimator: Estimator) -> bool:
    """Whether a regressor predicts the average of its members."""
    ensemble = require("sklearn.ensemble", extra="sklearn")
    kinds = ensemble.RandomForestRegressor, ensemble.ExtraTreesRegressor, ensemble.BaggingRegressor
    return isinstance(estimator, kinds)


def says_std(estimator: Estimator) -> bool:
    """Whether a regressor can be asked for the deviation of its predictions."""
    return "return_std" in signature(estimator.predict).parameters


def seeded(estimator: Estimator) -> Estimator:
    """Returns a regressor that does the same each time: 0 for each ``random_state`` that is not given."""
    fresh = require("sklearn.base", extra="sklearn").clone(estimator)
    settings = fresh.get_params()
    left_open = [name for name in settings if name.endswith("random_state") and settings[name] is None]
    return fresh.set_params(**dict.fromkeys(left_open, 0))


def _made(factory: Payload) -> Estimator:
    if not callable(factory):
        raise ProblemError(
            f"SklearnModel: expected a regressor of scikit-learn or a function that makes one, got {factory!r:.80}"
        )
    made = capture(factory)
    if isinstance(made, Raised):
        raise ProblemError(f"SklearnModel: making the regressor raised {made.message}") from made.error
    return made.value


def _prediction(predicted: tuple[Floats, Floats | None], units: Units, name: str) -> Prediction | Unable:
    """A deviation is at least a thousandth of the known values' spread: members may all agree by chance."""
    mean, std = predicted
    if not (np.isfinite(mean).all() and (std is None or np.isfinite(std).all())):
        return Unable(f"{name} predicted something that is no finite number")
    return Prediction(units.values(mean), None if std is None else units.widths(np.maximum(std, 1e-3)))
