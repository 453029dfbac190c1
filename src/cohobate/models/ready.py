"""Models to choose from: what they look at in a candidate, and what they make of what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cohobate.core.errors import ProblemError, did_you_mean
from cohobate.core.pool import Pool
from cohobate.core.trial import Inputs
from cohobate.host.extras import require
from cohobate.models.estimators import SklearnModel
from cohobate.models.features import molecules, numbers, of_each, readable, unreadable
from cohobate.models.fingerprints import Fingerprints
from cohobate.models.kernels import RBF, Floats, Overlap, Tanimoto
from cohobate.models.neighbours import KNN
from cohobate.models.posterior import GaussianView
from cohobate.models.prediction import Model
from cohobate.models.refits import Pace


@dataclass(frozen=True, slots=True)
class TanimotoGP:
    """Alike is what shares many features; by default molecules by their Morgan fingerprints."""

    features: Callable[[Pool], Fingerprints] = molecules
    overlap: Overlap = "product"

    @property
    def uncertain(self) -> bool:
        """Its predictions have a standard deviation."""
        return True

    @property
    def pace(self) -> Pace:
        """Its hyperparameters are fitted at 8 known values, and for every half more."""
        return Pace()

    def view(self, pool: Pool) -> GaussianView:
        """Returns the similarities of a pool's fingerprints."""
        features = of_each(self.features(pool), pool)
        return GaussianView(Tanimoto(features, self.overlap), features.unfit)

    def unreadable(self, row: Inputs) -> str | None:
        """Returns why a row is no molecule."""
        return unreadable(self.features, row)

    def describe(self) -> Mapping[str, Any]:
        """Returns the model's name, that of its features, and what counts as shared."""
        return {"model": "TanimotoGP", "features": self.features.__qualname__, "overlap": self.overlap}


@dataclass(frozen=True, slots=True)
class RBFGP:
    """Alike is what is near; by default by all varied columns of the pool, read as numbers."""

    features: Callable[[Pool], Floats] = numbers

    @property
    def uncertain(self) -> bool:
        """Its predictions have a standard deviation."""
        return True

    @property
    def pace(self) -> Pace:
        """Its hyperparameters are fitted at 8 known values, and for every half more."""
        return Pace()

    def view(self, pool: Pool) -> GaussianView:
        """Returns the distances in a pool; rows with a NaN or an infinity are unfit."""
        points, unfit = readable(self.features(pool), pool)
        return GaussianView(RBF(points), unfit)

    def unreadable(self, row: Inputs) -> str | None:
        """Returns which row has something else than numbers."""
        return unreadable(self.features, row)

    def describe(self) -> Mapping[str, Any]:
        """Returns the model's name and that of its features."""
        return {"model": "RBFGP", "features": self.features.__qualname__}


def forest() -> SklearnModel:
    """Returns a random forest of 100 trees on Morgan fingerprints; the trees' spread is its deviation."""
    ensemble = require("sklearn.ensemble", extra="sklearn")
    return SklearnModel(ensemble.RandomForestRegressor(n_estimators=100))


MODELS: dict[str, Callable[[], Model]] = {"tanimoto": TanimotoGP, "rbf": RBFGP, "knn": KNN, "forest": forest}


def named(wanted: str | Model) -> Model:
    """Returns a model by name; one that is given as an object is returned as it is."""
    if isinstance(wanted, str):
        if wanted not in MODELS:
            hint = did_you_mean(wanted, MODELS)
            raise ProblemError(f"unknown model {wanted!r}{hint}; there are {', '.join(MODELS)}")
        return MODELS[wanted]()
    if isinstance(wanted, type) or not isinstance(wanted, Model):
        raise ProblemError(
            f"model={wanted!r:.80}: expected {', '.join(map(repr, MODELS))} or a model such as TanimotoGP(); "
            "a scikit-learn regressor goes into SklearnModel(...)"
        )
    return wanted
