"""Random numbers: the known answers of Random123, and what independent normal ones have in common."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cohobate.dynamics.kernels.normals import normals, philox

ALL = 0xFFFFFFFF
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([ALL] * 4, [ALL] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
"""``kat_vectors`` of Random123: philox4x32, 10 rounds."""


RECORDED = [
    -2.76743788146853, 1.433008780081118, -0.5196149916972045,
    -1.665176348114747, -0.29010683927056125, -1.5385135217831236,
]  # fmt: skip


def drawn(ids, counts, atoms: int, *, seed: int = 0):
    """Returns (systems, atoms, 3) numbers."""
    ids = np.asarray(ids, np.int64)
    out = np.empty((len(ids) * atoms, 3))
    normals(seed, ids, np.broadcast_to(np.asarray(counts), ids.shape).copy(), np.arange(len(ids) + 1) * atoms, out)
    return out.reshape(len(ids), atoms, 3)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_gives_the_known_answers(counter, key, expected):
    words = np.array(counter, np.uint64)
    philox(words, np.array(key, np.uint64))
    assert words.tolist() == expected


def test_the_numbers_stay_what_they_are():
    """A run that is taken up by a later version draws what it would have drawn."""
    assert drawn([2], [3], 2, seed=1)[0].ravel().tolist() == pytest.approx(RECORDED, abs=1e-13)


def test_they_are_normal():
    found = drawn(range(50), 3, 4000).ravel()
    n = len(found)
    assert abs(found.mean()) < 4 / n**0.5
    assert abs(found.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs((found**3).mean()) < 4 * (15 / n) ** 0.5
    assert abs((found**4).mean() - 3) < 4 * (96 / n) ** 0.5
    assert stats.kstest(found, "norm").pvalue > 1e-3


def test_they_do_not_depend_on_each_other():
    """Every pair of neighbouring systems, steps, atoms and directions, as correlations and those of squares."""
    n = 100
    steps = np.array([drawn(range(n), step, n) for step in range(6)])
    for axis in range(4):
        for power in (1, 2):
            made = steps**power - (power == 2)
            one, other = (np.take(made, range(a, made.shape[axis] - 1 + a), axis) for a in (0, 1))
            width = power * one.size**-0.5
            assert abs((one * other).mean()) < 4 * width


def test_seeds_give_other_numbers():
    one, other = drawn(range(100), 0, 100, seed=1), drawn(range(100), 0, 100, seed=2)
    assert abs((one * other).mean()) < 4 / one.size**0.5


def test_no_number_comes_twice():
    found = np.concatenate([drawn(range(30), step, 30, seed=seed).ravel() for step in range(5) for seed in range(3)])
    assert len(np.unique(found)) > 0.9999 * len(found)


@pytest.mark.parametrize("large", [2**31, 2**32, 2**40 + 1, 2**62])
def test_large_ids_seeds_and_counts_make_a_difference(large):
    base = drawn([1], [1], 4, seed=1)
    made = [drawn([1 + large], [1], 4, seed=1), drawn([1], [1 + large], 4, seed=1), drawn([1], [1], 4, seed=1 + large)]
    assert all(not np.array_equal(base, one) for one in made)
    assert np.array_equal(base, drawn([1], [1], 4, seed=1))
