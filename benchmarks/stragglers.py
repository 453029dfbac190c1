"""How busy workers are when some evaluations take ten times as long: in our loop, and in batches."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from loop_cases import SCRATCH

import cohobate as co

SHARE, QUICK, SLOW = 0.25, 0.01, 0.1
EACH = 100
"""Evaluations for each worker: the end, when stragglers are waited for, is 2 % of so many."""


def seconds(x: float) -> float:
    """How long an evaluation takes."""
    return SLOW if x < SHARE else QUICK


class Simulator:
    """Sleeps, and adds up for how long it was to."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, x: float) -> float:
        time.sleep(seconds(x))
        self.slept.append(seconds(x))
        return x


def ours(simulator: Simulator, workers: int) -> None:
    """A durable campaign."""
    SCRATCH.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=SCRATCH) as folder, co.threads(workers) as engine:
        sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f")
        co.Campaign(sampler, simulator, engine, run=Path(folder) / "run").run(co.evaluations(EACH * workers))


def barrier(simulator: Simulator, workers: int) -> None:
    """Batches of as many as there are workers, each waited for; a third of the evaluations are enough to tell."""
    rng = random.Random(0)
    with ThreadPoolExecutor(workers) as pool:
        for _ in range(EACH // 3):
            list(pool.map(simulator, [rng.random() for _ in range(workers)]))


def utilisation(run: Callable[[Simulator, int], None], workers: int) -> float:
    """Returns the share of the workers' time that was work."""
    simulator = Simulator()
    began = time.perf_counter()
    run(simulator, workers)
    return sum(simulator.slept) / workers / (time.perf_counter() - began)


def both(workers: int) -> dict[str, float]:
    """Measures the two, one after the other."""
    return {f"{run.__name__}, {workers} threads": utilisation(run, workers) for run in (ours, barrier)}
