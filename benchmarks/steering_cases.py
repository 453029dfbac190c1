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
WARM, EDGE = 1_000, 5_000
"""Evaluations before the first that count, and how many are taken at each end."""
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


def one_for_one(ended: list[float]) -> Persistent:
    """Returns a body that keeps points out, as many new ones as results came back, and notes when each came."""

    @co.persistent
    def body(steer: Steer, rng: np.random.Generator, n: int, depth: int) -> None:
        sent, more = 0, depth
        while len(ended) < n:
            more = min(more, n - sent)
            if more:
                steer.suggest([{"x": x} for x in rng.random(more).tolist()])
            sent, more = sent + more, len(steer.receive(at_least=1))
            ended.extend([time.perf_counter()] * more)

    return body


def ended_times(n: int, depth: int, engine: str) -> np.ndarray:
    """Returns when the body had each of ``n`` results (s); every event is durable."""
    ended: list[float] = []
    problem = co.Problem({"x": co.Real(0, 1)}, (co.Output("f", "minimize"),))
    body = one_for_one(ended)(problem, n=n, depth=depth)
    with TemporaryDirectory(dir=SCRATCH) as folder, ENGINES[engine]() as place:
        wait([place.call(trivial, 0.5) for _ in range(100)])
        result = co.Campaign(body, trivial, place, run=Path(folder) / "run").run()
    assert result.tally.values == n, result
    return np.array(ended)


def throughput(engine: str, n: int) -> dict[str, float]:
    """Returns evaluations per second over all, and microseconds each of the first and of the last ones."""
    rates = {}
    for depth in DEPTHS:
        times = ended_times(min(TRIED, n), depth, engine)
        rates[depth] = (len(times) - 1) / (times[-1] - times[0])
    best = max(rates, key=lambda depth: rates[depth])
    return {"depth": best, **ends(ended_times(n, best, engine))}


def ends(times: np.ndarray) -> dict[str, float]:
    """Returns the rate over all, and what one takes at the start (after the warm-up) and at the end."""
    warm, edge = min(WARM, len(times) // 10), min(EDGE, len(times) // 4)
    first, last = (1e6 * (part[-1] - part[0]) / (len(part) - 1) for part in (times[warm:][:edge], times[-edge:]))
    return {"per second": (len(times) - 1) / (times[-1] - times[0]), "first (us)": first, "last (us)": last}


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
