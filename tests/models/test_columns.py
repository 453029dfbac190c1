"""Columns: the same counts, feature by feature."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.models import columns as module
from cohobate.models.columns import Columns, columns
from cohobate.models.fingerprints import fingerprints

SIZE = 6
rows = st.lists(st.dictionaries(st.integers(0, SIZE - 1), st.integers(1, 300)), max_size=20)


def dense(by: Columns, candidates: int) -> np.ndarray:
    table = np.zeros((candidates, SIZE))
    for feature, place in enumerate(by.place.tolist()):
        if place >= 0:
            table[:, feature] = by.common[place]
        else:
            own = slice(by.start[feature], by.start[feature + 1])
            table[by.owners[own], feature] = by.counts[own]
            assert np.all(np.diff(by.owners[own]) > 0)
    return table


@settings(deadline=None, max_examples=60)
@given(rows, st.sampled_from([1, 3, 100]), st.sampled_from([0.0, 0.3, 1.0]))
def test_columns_hold_what_the_rows_hold(rows: list[dict[int, int]], chunk: int, common: float):
    made = fingerprints(rows, SIZE)
    with patch.object(module, "CHUNK", chunk), patch.object(module, "COMMON", common):
        by = columns(made.start, made.bits, made.counts, SIZE)
    expected = np.array([[row.get(feature, 0) for feature in range(SIZE)] for row in rows]).reshape(len(rows), SIZE)
    assert np.array_equal(dense(by, len(rows)), expected)
    often = np.count_nonzero(expected, axis=0) > common * len(rows)
    assert np.array_equal(by.place >= 0, often)
    assert len(by.common) == np.count_nonzero(often)


@pytest.mark.parametrize(
    ("count", "dtype"), [(1, np.uint8), (255, np.uint8), (256, np.uint16), (65536, np.float32), (0.5, np.float32)]
)
def test_counts_take_as_little_as_they_can(count: float, dtype: type):
    made = fingerprints([{0: 1, 5: count}], SIZE)
    assert made.counts.dtype == dtype
    assert made.counts.tolist() == [1, count]
    assert made.bits.dtype == np.uint16
    assert fingerprints([{70_000: 1}], 70_001).bits.tolist() == [70_000]
