"""Which candidates have a feature, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMMON = 1 / 8
"""Share of the candidates above which a feature is kept for all of them: hardly larger than a list, and faster."""
CHUNK = 1 << 14
"""Candidates that are sorted at a time."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Counts of features over candidates.

    A common feature ``f`` has ``common[place[f]]``: (candidates,), the counts. Any other has
    ``place[f] == -1`` and ``counts[start[f]:start[f + 1]]`` of the candidates ``owners[...]``
    (int32, ascending).
    """

    start: NDArray[np.int64]
    owners: NDArray[np.int32]
    counts: NDArray[Any]
    common: NDArray[Any]
    place: NDArray[np.int32]


def columns(start: NDArray[np.int64], bits: NDArray[Any], counts: NDArray[Any], size: int) -> Columns:
    """Returns the columns of what is given row by row (as ``Fingerprints`` are); needs little more than the result."""
    rows = len(start) - 1
    often = np.bincount(bits, minlength=size)
    rare = often <= COMMON * rows
    place = np.where(rare, -1, np.cumsum(~rare) - 1).astype(np.int32)
    begin = np.concatenate([[0], np.cumsum(np.where(rare, often, 0))])
    common = np.zeros((int(np.count_nonzero(~rare)), rows), counts.dtype)
    owners, lists = np.empty(begin[-1], np.int32), np.empty(begin[-1], counts.dtype)
    cursor = begin[:-1].copy()
    for low in range(0, rows, CHUNK):
        high = min(low + CHUNK, rows)
        part = slice(start[low], start[high])
        order = np.argsort(bits[part], kind="stable")
        bit, count = bits[part][order], counts[part][order]
        owner = np.repeat(np.arange(low, high, dtype=np.int32), np.diff(start[low : high + 1]))[order]
        few = rare[bit]
        common[place[bit[~few]], owner[~few]] = count[~few]
        found = np.bincount(bit[few], minlength=size)
        at = np.arange(found.sum()) + np.repeat(cursor - np.cumsum(found) + found, found)
        owners[at], lists[at] = owner[few], count[few]
        cursor += found
    return Columns(begin, owners, lists, common, place)
