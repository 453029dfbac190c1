"""Gaussian processes to choose from: what they look at in a candidate, and what they call alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cohobate.core.pool import Pool
from cohobate.learn.fingerprints import Fingerprints
from cohobate.learn.kernels import RBF, Floats, Kernel, Overlap, Tanimoto
from cohobate.learn.molecular import pool_fingerprints


@dataclass(frozen=True, slots=True)
class View:
    """A pool as a model sees it; ``unfit`` says why some of its rows cannot be seen."""

    kernel: Kernel
    unfit: Mapping[int, str]


class Model(Protocol):
    """A Gaussian process before it has seen a pool."""

    def view(self, pool: Pool) -> View:
        """Returns the pool's features; may take long, runs in a thread of its own."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Returns what identifies the model."""
        ...


def molecules(pool: Pool) -> Fingerprints:
    """Returns Morgan count fingerprints of the first varied column, read as SMILES."""
    return pool_fingerprints(pool)


def numbers(pool: Pool) -> Floats:
    """Returns all varied columns as numbers: (pool, columns), NaN for what is none."""
    return np.array([[_number(value) for value in row.values()] for row in pool])


@dataclass(frozen=True, slots=True)
class TanimotoGP:
    """Alike is what shares many features; by default molecules by their Morgan fingerprints."""

    features: Callable[[Pool], Fingerprints] = molecules
    overlap: Overlap = "product"

    def view(self, pool: Pool) -> View:
        """Returns the similarities of a pool's fingerprints."""
        features = self.features(pool)
        return View(Tanimoto(features, self.overlap), features.unfit)

    def describe(self) -> Mapping[str, Any]:
        """Returns the model's name, that of its features, and what counts as shared."""
        return {"model": "TanimotoGP", "features": self.features.__qualname__, "overlap": self.overlap}


@dataclass(frozen=True, slots=True)
class RBFGP:
    """Alike is what is near; by default by all varied columns of the pool, read as numbers."""

    features: Callable[[Pool], Floats] = numbers

    def view(self, pool: Pool) -> View:
        """Returns the distances in a pool; rows with a NaN or an infinity are unfit."""
        points = np.asarray(self.features(pool), float)
        fit = np.isfinite(points).all(axis=1)
        unfit = {i: f"{pool[i]!r:.80} has features that are no finite numbers" for i in np.flatnonzero(~fit).tolist()}
        return View(RBF(np.where(fit[:, None], points, 0.0)), unfit)

    def describe(self) -> Mapping[str, Any]:
        """Returns the model's name and that of its features."""
        return {"model": "RBFGP", "features": self.features.__qualname__}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
