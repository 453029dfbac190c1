"""What a model can look at in the rows of a pool: the atoms' environments of molecules, or numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool
from cohobate.core.trial import Inputs
from cohobate.models import fingerprints
from cohobate.models.fingerprints import Fingerprints
from cohobate.models.kernels import Floats
from cohobate.models.molecular import FOLDED, pool_fingerprints


def molecules(pool: Pool) -> Fingerprints:
    """Returns Morgan count fingerprints of the first varied column, read as SMILES."""
    return pool_fingerprints(pool)


def folded(pool: Pool) -> Fingerprints:
    """Returns Morgan bits of the first varied column, read as SMILES: radius 4 folded to 256."""
    return pool_fingerprints(pool, fingerprints.folded, FOLDED)


def numbers(pool: Pool) -> Floats:
    """Returns all varied columns as numbers, also from text: (pool, columns), NaN for what is none."""
    return np.array([[_number(value) for value in row.values()] for row in pool])


def unreadable(features: object, row: Inputs) -> str | None:
    """Returns why one of the features above cannot see a row, or ``None``; of others nothing is known."""
    if features in (molecules, folded):
        return fingerprints.why_unreadable(next(iter(row.values())))
    if features is numbers and not all(np.isfinite(_number(value)) for value in row.values()):
        return not_finite(row)
    return None


def not_finite(row: Inputs) -> str:
    """Returns what is wrong with a row that has features that are no finite numbers."""
    return f"{dict(row)!r:.80} has features that are no finite numbers"


def readable(points: Floats, pool: Pool) -> tuple[Floats, Mapping[int, str]]:
    """Returns features as finite numbers, 0 in rows that have others, and what is wrong with those.

    Raises ``ProblemError`` where they are not (rows, columns).
    """
    points = np.asarray(points, float)
    if points.ndim != 2 or len(points) != len(pool):
        raise ProblemError(f"expected the features of {len(pool)} rows, (rows, columns), got the shape {points.shape}")
    fit = np.asarray(np.isfinite(points).all(axis=1))
    unfit = {i: not_finite(pool[i]) for i in np.flatnonzero(~fit).tolist()}
    return np.where(fit[:, None], points, 0.0), unfit


def of_each(features: Fingerprints, pool: Pool) -> Fingerprints:
    """Returns fingerprints; raises ``ProblemError`` where they are not those of a pool."""
    if not isinstance(features, Fingerprints) or len(features) != len(pool):
        got = f"those of {len(features)}" if isinstance(features, Fingerprints) else f"{features!r:.60}"
        raise ProblemError(f"expected the Fingerprints of {len(pool)} rows, got {got}")
    return features


def table(features: Fingerprints, rows: Sequence[int]) -> NDArray[np.float32]:
    """Returns some rows of fingerprints as a full table: (rows, size)."""
    full = np.zeros((len(rows), features.size), np.float32)
    for at, i in enumerate(rows):
        own = slice(features.start[i], features.start[i + 1])
        full[at, features.bits[own]] = features.counts[own]
    return full


def _number(value: object) -> float:
    """Returns a number, also one that is written as text, as all is in the rows of a file; NaN for what is none."""
    try:
        return float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        return math.nan
    except OverflowError:
        return math.inf
