"""The calibration of boreholes: its rule never calls the best candidate pointless, and saves most of the work."""

from __future__ import annotations

import math

import numpy as np
import pytest
from examples.calibration import calibrate

import cohobate as co


def misfits(pool: co.Pool, measured: calibrate.Flows) -> np.ndarray:
    return np.array([calibrate.misfit(calibrate.flows(one), measured) for one in pool])


def taught(pool: co.Pool, measured: calibrate.Flows, known: list[int]) -> calibrate.Emulator:
    emulator = calibrate.Emulator(pool, measured)
    for i in known:
        emulator.learn(i, calibrate.flows(pool[i]))
    return emulator


def test_between_wide_aquifers_the_flow_is_that_of_darcy():
    wide = {"Tu": 1e12, "Tl": 1e15, "r": 1000.0, "Hu": 1050.0, "Hl": 750.0, "Kw": 10_000.0}
    assert calibrate.flow(0.1, 1400.0, **wide) == pytest.approx(math.pi * 0.1**2 * 10_000 * 300 / 1400, rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_the_best_candidate_is_never_called_pointless(seed: int):
    pool, measured = calibrate.candidates(seed=seed), calibrate.measurements(seed)
    best = int(np.argmin(misfits(pool, measured)))
    order = [i for i in np.random.default_rng(seed).permutation(len(pool)).tolist() if i != best]
    for count in (calibrate.FIRST, 20, 40):
        promise = taught(pool, measured, order[:count]).promise()
        assert promise is not None
        assert promise[best] <= 0
    assert calibrate.choose(promise, range(len(pool)))[1]
    assert len(calibrate.choose(promise, range(len(pool)))[0]) > 60


def test_it_decides_nothing_before_it_knows_something():
    pool, measured = calibrate.candidates(), calibrate.measurements()
    few = taught(pool, measured, list(range(calibrate.FIRST - 1)))
    assert few.promise() is None
    assert calibrate.Emulator(pool, measured).best() is None


def test_candidates_are_cut_at_zero_and_ordered_by_promise():
    assert calibrate.choose(np.array([0.1, -0.2, -0.3, 0.0, -0.1, 5.0]), range(6)) == ([0, 5], [2, 1, 4])
