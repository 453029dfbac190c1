"""Measures one case of our steering in a fresh process; prints a JSON object of figures.

python benchmarks/steering_cases.py CASE NUMBER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from camel import BOUNDS, LIMIT, evaluations_until_all, six_hump_camel

import cohobate as co
from cohobate.core.steering import Steer
from cohobate.propose.persistent import Persistent

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "examples" / "calibration"))

SCRATCH = HERE.parent / ".benchmarks"
TRIED, DEPTHS = 2_000, (2, 4, 8, 16)
WARM, EDGE = 5_000, 5_000
"""Evaluations before the first that count, and how many are taken at each end.

Before, events may pile up in front of the writer, up to 10,000, and the first evaluations so look cheap.
"""
SECONDS, WORKERS = 0.15, 3
"""What a simulation of the calibration takes, and how many run at once."""
ENGINES: Mapping[str, Callable[[], Any]] = {
    "threads(2)": lambda: co.threads(2),
    "processes(2)": lambda: co.processes(2),
    "processes(4)": lambda: co.processes(4),
}


def trivial(x: float) -> float:
    """The simulator: nothing to wait for."""
    return x**2


def one_for_one(came: list[tuple[float, float]]) -> Persistent:
    """Returns a body that keeps points out, as many new ones as results came back, and notes when each came."""

    @co.persistent
    def body(steer: Steer, rng: np.random.Generator, n: int, depth: int) -> None:
        sent, more = 0, depth
        while len(came) < n:
            more = min(more, n - sent)
            if more:
                steer.suggest([{"x": x} for x in rng.random(more).tolist()])
            sent, more = sent + more, len(steer.receive(at_least=1))
            came.extend([(time.perf_counter(), time.process_time())] * more)

    return body


def times_of(n: int, depth: int, engine: str) -> np.ndarray:
    """Returns when the body had each of ``n`` results: (n, 2), time and CPU time of this process (s).

    Every event is durable.
    """
    came: list[tuple[float, float]] = []
    problem = co.Problem({"x": co.Real(0, 1)}, (co.Output("f", "minimize"),))
    body = one_for_one(came)(problem, n=n, depth=depth)
    with TemporaryDirectory(dir=SCRATCH) as folder, ENGINES[engine]() as place:
        wait([place.call(trivial, 0.5) for _ in range(100)])
        result = co.Campaign(body, trivial, place, run=Path(folder) / "run").run()
    assert result.tally.values == n, result
    return np.array(came)


def throughput(engine: str, n: int) -> dict[str, float]:
    """Returns evaluations per second over all, and microseconds each of the first and of the last ones."""
    rates = {depth: rate(times_of(min(TRIED, n), depth, engine)[:, 0]) for depth in DEPTHS}
    best = max(rates, key=lambda depth: rates[depth])
    times = times_of(n, best, engine)
    warm, edge = min(WARM, n // 10), min(EDGE, n // 4)
    return {
        "depth": best,
        "per second": rate(times[:, 0]),
        "first (us)": 1e6 / rate(times[warm:][:edge, 0]),
        "last (us)": 1e6 / rate(times[-edge:, 0]),
        "first CPU (us)": 1e6 / rate(times[warm:][:edge, 1]),
        "last CPU (us)": 1e6 / rate(times[-edge:, 1]),
    }


def rate(times: np.ndarray) -> float:
    """Returns how many there are in a second: (n,), s."""
    return float((len(times) - 1) / (times[-1] - times[0]))


def calibration(seed: int, seconds: float = SECONDS, *, cancelling: bool) -> dict[str, float]:
    """Returns the time of a calibration with warm workers (s), its best misfit, and how many simulations ended."""
    import calibrate

    pool, measured = calibrate.candidates(seed=seed), calibrate.measurements(seed)
    with TemporaryDirectory(dir=SCRATCH) as folder, co.processes(WORKERS) as engine:
        calibrate.campaign(pool, measured, engine, seconds=0.0).run()  # lets the workers import what it needs
        campaign = calibrate.campaign(
            pool, measured, engine, seconds=seconds, cancelling=cancelling, run=Path(folder) / "run"
        )
        began = time.perf_counter()
        result = campaign.run()
        took = time.perf_counter() - began
        found = result.best()[0]["misfit"]
    name = "cancelling" if cancelling else "all"
    return {f"{name} (s)": took, f"{name} misfit": found, f"{name} known": result.tally.values}


def borehole(seed: int) -> dict[str, float]:
    """Calibrates without and with cancelling."""
    return {**calibration(seed, cancelling=False), **calibration(seed, cancelling=True)}


def same_best(seed: int) -> dict[str, float]:
    """Calibrates with short simulations, beside the best of all candidates."""
    import calibrate

    measured = calibrate.measurements(seed)
    best = min(calibrate.misfit(calibrate.flows(one), measured) for one in calibrate.candidates(seed=seed))
    return {**calibration(seed, 0.02, cancelling=True), "best": best}


def camel(seeds: int) -> dict[str, float]:
    """Returns the evaluations of each seed until all minima were hit, 0 for never; {} without APOSMM."""
    try:
        from cohobate.propose.optimisers import aposmm
    except ImportError:
        return {}
    counts = {seed: camel_seed(aposmm, seed) for seed in range(1, seeds + 1)}
    return {
        **{f"seed {seed}": n for seed, n in counts.items()},
        "median": median(n or LIMIT for n in counts.values()),
        "successes": sum(n > 0 for n in counts.values()),
    }


def camel_seed(aposmm: Callable[..., Any], seed: int) -> int:
    """Runs APOSMM on 3 workers up to ``LIMIT`` evaluations."""
    x, y = (co.Real(*one) for one in BOUNDS)
    problem = co.Problem({"x": x, "y": y}, (co.Output("f", "minimize"),))
    generator = aposmm(problem, seed=seed)
    with co.processes(WORKERS) as engine:
        result = co.Campaign(generator, six_hump_camel, engine).run(co.evaluations(LIMIT))
    rows = sorted((row for row in result.table() if row["f"] is not None), key=lambda row: row["finished"])
    return evaluations_until_all(np.array([[row["x"], row["y"]] for row in rows]))


CASES: dict[str, Callable[[int], dict[str, float]]] = {
    **{engine: partial(throughput, engine) for engine in ENGINES},
    "borehole": borehole,
    "same best": same_best,
    "camel": camel,
}

if __name__ == "__main__":
    SCRATCH.mkdir(exist_ok=True)
    print(json.dumps(CASES[sys.argv[1]](int(sys.argv[2]))))
