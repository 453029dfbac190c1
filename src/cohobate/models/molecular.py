"""The features of the molecules of a pool, which large pools make once and keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from cohobate.core.payload import Payload, Plain
from cohobate.core.pool import Pool
from cohobate.host.extras import require
from cohobate.models.cache import Arrays, kept
from cohobate.models.columns import Columns, columns
from cohobate.models.fingerprints import BITS, RADIUS, Fingerprints, morgan

LARGE = 20_000
"""Rows of a pool from which on its features are kept on disk: fewer are made in a second or two."""
MORGAN = {"features": "Morgan counts", "radius": RADIUS, "size": BITS}
FOLDED = {"features": "Morgan bits", "radius": 4, "size": 256}
"""What identifies ``morgan`` and ``folded`` among the features that are kept."""
VERSION = 1
"""To be raised when what is made of the same molecules changes."""


def pool_fingerprints(
    pool: Pool, make: Callable[[Iterable[Payload]], Fingerprints] = morgan, settings: Plain = MORGAN
) -> Fingerprints:
    """Returns what ``make`` says of the first varied column, read as SMILES; of a large pool also by columns.

    ``settings``: plain data that identifies what is made. A million molecules of forty features
    each take 80 s, 450 MB of memory meanwhile and 320 MB on the disk; later runs open them in 0.1 s.
    """
    if len(pool) < LARGE:
        return make(pool.column())
    arrays = kept(_key(pool, settings), lambda: _arrays(make(pool.column())))
    by = Columns(*(arrays[f"columns.{name}"] for name in Columns.__slots__))
    size = len(by.place)
    return Fingerprints(arrays["start"], arrays["bits"], arrays["counts"], size, _reasons(arrays["unfit"]), by)


def _key(pool: Pool, features: Plain) -> Plain:
    rdkit = require("rdkit", extra="chem").__version__
    return {"pool": pool.describe(), "features": features, "rdkit": rdkit, "version": VERSION}


def _arrays(made: Fingerprints) -> Arrays:
    by = columns(made.start, made.bits, made.counts, made.size)
    arrays = {"start": made.start, "bits": made.bits, "counts": made.counts, "unfit": _text(made.unfit)}
    return arrays | {f"columns.{name}": getattr(by, name) for name in Columns.__slots__}


def _text(unfit: Mapping[int, str]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(list(unfit.items())).encode(), np.uint8)


def _reasons(text: NDArray[np.uint8]) -> dict[int, str]:
    return dict(json.loads(text.tobytes()))
