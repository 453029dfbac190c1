"""The calibration of boreholes: its rule never calls the best candidate pointless, and saves most of the work."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import Semaphore

import numpy as np
import pytest
from examples.calibration import calibrate

import cohobate as co
from cohobate.core.steering import Steer
from cohobate.core.trial import Inputs, Result
from cohobate.engines.workplace import Workplace


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


@pytest.mark.parametrize("engine", [co.threads, co.processes])
def test_with_cancelling_it_finds_the_same_best(engine: Callable[[int], Workplace]):
    pool, measured = calibrate.candidates(), calibrate.measurements()
    best = pool[int(np.argmin(misfits(pool, measured)))]
    with engine(3) as place:
        every = calibrate.campaign(pool, measured, place, seconds=0.005, cancelling=False).run()
        saving = calibrate.campaign(pool, measured, place, seconds=0.005).run()
    assert every.value == saving.value == best
    assert every.best()[0]["misfit"] == saving.best()[0]["misfit"] == misfits(pool, measured).min()
    assert (every.tally.values, every.tally.cancelled) == (90, 0)
    assert saving.tally.values + saving.tally.cancelled == 90


class Paced:
    """The steer of a body that is never outrun: a simulation ends for each result that it has looked at."""

    def __init__(self, steer: Steer, permits: Semaphore) -> None:
        self.steer, self.permits, self.seen = steer, permits, 0

    def receive(self, at_least: int) -> list[Result]:
        for _ in range(self.seen):
            self.permits.release()
        results = self.steer.receive(at_least)
        self.seen = sum(result.ok for result in results)
        return results

    def __getattr__(self, name: str) -> object:
        return getattr(self.steer, name)


def test_most_of_the_work_is_saved():
    pool, measured, permits = calibrate.candidates(), calibrate.measurements(), Semaphore(3)

    @co.persistent
    def paced(steer: Steer, problem: co.Problem) -> Inputs | None:
        return calibrate.calibrate.body(Paced(steer, permits), problem, measured)

    def simulate(**aquifers: float) -> dict[str, object]:
        while not permits.acquire(timeout=0.002):
            if co.cancelled():
                raise RuntimeError("stopped half-way")
        return calibrate.simulate(measured=measured, seconds=0.0, **aquifers)

    with co.threads(3) as engine:
        result = co.Campaign(paced(calibrate.problem(pool)), simulate, engine).run()
    assert result.value == pool[int(np.argmin(misfits(pool, measured)))]
    assert result.tally.values < 40
    assert result.tally.values + result.tally.cancelled == 90
    assert "cannot be the best" in {row["message"] for row in result.table() if row["status"] == "cancelled"}


def test_a_simulation_that_fails_is_left_out():
    pool, measured = calibrate.candidates(30), calibrate.measurements()
    worked = [row for row in pool if int(row["Hu"]) % 3]

    def fails_at_times(**aquifers: float) -> dict[str, object]:
        if int(aquifers["Hu"]) % 3 == 0:
            raise ValueError("diverged")
        return calibrate.simulate(measured=measured, seconds=0.0, **aquifers)

    body = calibrate.calibrate(calibrate.problem(pool), measured=measured)
    with co.threads(3) as engine:
        result = co.Campaign(body, fails_at_times, engine).run()
    assert result.value == min(worked, key=lambda row: calibrate.misfit(calibrate.flows(row), measured))
    assert result.tally.failed > 0
