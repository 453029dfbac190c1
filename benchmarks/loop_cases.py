"""Measures one case of our loop, or of the bare pool, in a fresh process; prints trials per second as JSON.

python benchmarks/loop_cases.py CASE N
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryDirectory

import cohobate as co

SCRATCH = Path(__file__).resolve().parent.parent / ".benchmarks"
WORKERS = 2


def trivial(x: float) -> float:
    """The simulator: nothing to wait for."""
    return x * x


@co.simulator(vectorised=True)
def arrays(x: object) -> object:
    """The same for many candidates at once."""
    return x * x


def rate(n: int, engine: object, folder: Path | None, simulator: Callable[..., object] = trivial) -> float:
    """Returns trials per second of a whole ``run``: opening, every event (durable, in a folder), closing."""
    sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f")
    campaign, goal = co.Campaign(sampler, simulator, engine, run=folder), co.evaluations(n)
    began = time.perf_counter()
    result = campaign.run(goal)
    seconds = time.perf_counter() - began
    assert result.tally.values == n, result
    return n / seconds


def inline_memory(n: int) -> float:
    """The loop alone."""
    with co.inline() as engine:
        return rate(n, engine, None)


def inline_vectorised(n: int) -> float:
    """The loop alone, a thousand candidates in each call."""
    with co.inline() as engine:
        return rate(n, engine, None, arrays)


def inline_durable(n: int) -> float:
    """The loop and its ledger."""
    with TemporaryDirectory(dir=SCRATCH) as folder, co.inline() as engine:
        return rate(n, engine, Path(folder) / "run")


def processes_durable(n: int) -> float:
    """The loop, its ledger and workers that are already there."""
    with TemporaryDirectory(dir=SCRATCH) as folder, co.processes(WORKERS) as engine:
        wait([engine.call(trivial, 0.5) for _ in range(100)])
        return rate(n, engine, Path(folder) / "run")


def bare_pool(n: int) -> float:
    """Nothing but submitting to workers that are already there, and waiting for all."""
    xs = [i / n for i in range(n)]
    with ProcessPoolExecutor(WORKERS) as pool:
        wait([pool.submit(trivial, 0.5) for _ in range(100)])
        began = time.perf_counter()
        futures = [pool.submit(trivial, x) for x in xs]
        total = sum(future.result() for future in futures)
        seconds = time.perf_counter() - began
    assert total > 0
    return n / seconds


CASES: dict[str, Callable[[int], float]] = {
    "inline, memory": inline_memory,
    "inline, memory, vectorised": inline_vectorised,
    "inline, durable": inline_durable,
    "processes(2), durable": processes_durable,
    "bare ProcessPool(2)": bare_pool,
}

if __name__ == "__main__":
    case = sys.argv[1]
    SCRATCH.mkdir(exist_ok=True)
    print(json.dumps({case: CASES[case](int(sys.argv[2]))}))
