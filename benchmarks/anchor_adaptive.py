"""Measures adaptive's runners on a trivial function; runs in adaptive's own environment.

Prints one JSON object of evaluations per second. For processes: its cheapest learner (SequenceLearner:
it only counts), a warm pool and two queue depths, so that what is measured is the runner. In one
process: Learner1D, as there is no runner to speak of (``simple`` is a bare ``for`` over ask and tell).

    .benchmarks/adaptive/bin/python benchmarks/anchor_adaptive.py simple|processes|default N
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait

from adaptive import BlockingRunner, Learner1D, SequenceLearner
from adaptive.learner import BaseLearner
from adaptive.runner import simple

DEPTHS = (2, 32)


def trivial(x: float) -> float:
    return x * x


def counting(n: int) -> SequenceLearner:
    return SequenceLearner(trivial, [i / n for i in range(n)])


def rate(run: Callable[[BaseLearner], object], learner: BaseLearner, n: int) -> float:
    began = time.perf_counter()
    run(learner)
    seconds = time.perf_counter() - began
    assert learner.npoints >= n
    return n / seconds


def in_this_process(n: int) -> dict[str, float]:
    return {"simple": rate(lambda learner: simple(learner, npoints_goal=n), Learner1D(trivial, (-1, 1)), n)}


def on_processes(n: int) -> dict[str, float]:
    with warm_pool() as pool:
        return {f"ntasks={depth}": blocking(counting(n), pool, n, ntasks=depth) for depth in DEPTHS}


def as_it_comes(n: int) -> dict[str, float]:
    with warm_pool() as pool:
        return {"Learner1D": blocking(Learner1D(trivial, (-1, 1)), pool, n, ntasks=None)}


def blocking(learner: BaseLearner, pool: ProcessPoolExecutor, n: int, *, ntasks: int | None) -> float:
    def run(learner: BaseLearner) -> object:
        return BlockingRunner(learner, npoints_goal=n, executor=pool, ntasks=ntasks)

    return rate(run, learner, n)


def warm_pool() -> ProcessPoolExecutor:
    pool = ProcessPoolExecutor(2)
    wait([pool.submit(trivial, 0.5) for _ in range(100)])
    return pool


CASES = {"simple": in_this_process, "processes": on_processes, "default": as_it_comes}

if __name__ == "__main__":
    case, count = sys.argv[1], int(sys.argv[2])
    print(json.dumps(CASES[case](count)))
