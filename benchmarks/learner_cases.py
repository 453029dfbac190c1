"""Measures one case of our learners in a fresh process; prints a JSON object of figures.

python benchmarks/learner_cases.py CASE N
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import learner_functions as f
import numpy as np

import cohobate as co
from cohobate.propose.learners.mesh.losses import simplex_volume

SCRATCH = Path(__file__).resolve().parent.parent / ".benchmarks"
MANY = 400
"""Points up to which the curve that is returned is looked at."""
LINE, SQUARE, CUBE = (-1, 1), [(-1, 1)] * 2, [(-1, 1)] * 3


def trivial(x: float) -> float:
    """The simulator: nothing to wait for."""
    return x * x


def cost(make: Callable[[], Any], function: Callable[..., float], n: int) -> dict[str, float]:
    """Returns what a point costs, chosen and told one by one (us)."""
    learner = make()
    return {"us": f.cost(n, function, lambda k: learner.ask(k)[0], learner.tell)}


def balance(n: int) -> dict[str, float]:
    """Returns what a point costs that is chosen among 1,000 learners (us)."""
    learner = co.BalancingLearner([co.Learner1D(LINE) for _ in range(1_000)])
    return {"us": f.cost(n, lambda at: f.peak(at[1]), lambda k: learner.ask(k)[0], learner.tell)}


def load(n: int) -> dict[str, float]:
    """Returns the CPU time of telling random points at once (s)."""
    points = np.random.default_rng(0).uniform(-1, 1, n).tolist()
    values = [f.peak(x) for x in points]
    learner = co.Learner1D(LINE)
    began = time.process_time()
    learner.tell_many(points, values)
    seconds = time.process_time() - began
    assert learner.npoints == n
    return {"s": seconds}


def bulk(n: int) -> dict[str, float]:
    """Returns the CPU time of asking for ``n`` points, and of telling their values, in chunks (us per point)."""
    found = {}
    for chunk in (1_000, 10_000):
        learner, asked, told = co.Learner1D(LINE), 0.0, 0.0
        for _ in range(n // chunk):
            began = time.process_time()
            points, _ = learner.ask(chunk)
            asked += time.process_time() - began
            values = [f.peak(x) for x in points]
            began = time.process_time()
            learner.tell_many(points, values)
            told += time.process_time() - began
        assert learner.npoints == n
        found |= {f"ask, by {chunk:,}": 1e6 * asked / n, f"tell_many, by {chunk:,}": 1e6 * told / n}
    return found


def lines(_: int) -> dict[str, float]:
    """Returns the points that functions on a line need."""
    found = {}
    for name, target in f.LINES.items():
        learner = co.Learner1D(LINE)
        found[name] = f.needed(target, lambda k, one=learner: one.ask(k)[0], learner.tell_many)
        again = co.Learner1D(LINE)
        few = replace(target, limit=int(min(found[name], MANY)))
        found[f"{name} learned"] = f.needed(few, lambda k, one=again: one.ask(k)[0], again.tell_many, again.learned)
        found[f"{name} uniform"] = f.evenly(target)
    return found


def planes(_: int) -> dict[str, float]:
    """Returns the points that functions on a plane need, for each interpolant, and on a square grid."""
    found = {}
    for name, target in f.PLANES.items():
        found |= {f"{name} {kind}": n for kind, n in on_plane(target).items()}
        found[f"{name} uniform"] = f.evenly_on_plane(target)
    return found


def on_plane(target: f.Target) -> dict[str, float]:
    """Returns the number of points after which each interpolant is good enough."""
    grid, true = f.plane(target)
    learner = co.LearnerND(SQUARE)
    found: dict[str, float] = {}
    kinds = {"default": None, "linear": "linear"}
    for n in f.counts(target.limit, f.FEWEST, f.WIDE):
        while learner.npoints < n:
            (x,), _ = learner.ask(1)
            learner.tell(x, target.of(x))
        for kind, name in kinds.items():
            if kind not in found and error(learner.learned(name), grid, true) <= target.error:
                found[kind] = n
        if len(found) == len(kinds):
            break
    return {**dict.fromkeys(kinds, math.inf), **found}


def error(learned: Any, grid: np.ndarray, true: np.ndarray) -> float:
    """Returns the root mean square error of an interpolant."""
    return math.sqrt(np.mean((learned(grid) - true) ** 2))


def runner(n: int) -> dict[str, float]:
    """Returns evaluations per second of a campaign on two processes, every event durable."""
    with TemporaryDirectory(dir=SCRATCH) as folder, co.processes(2) as engine:
        wait([engine.call(trivial, 0.5) for _ in range(100)])
        campaign = co.Campaign(co.Learner1D(LINE), trivial, engine, run=Path(folder) / "run")
        began = time.perf_counter()
        result = campaign.run(co.evaluations(n))
        seconds = time.perf_counter() - began
    assert result.tally.values == n, result
    return {"per second": n / seconds}


def integrals(_: int) -> dict[str, float]:
    """Returns the evaluations of each integral for each tolerance, and how far off it is then."""
    found = {}
    for name, (function, bounds, true) in f.INTEGRALS.items():
        for tolerance in f.TOLERANCES:
            learner = co.IntegratorLearner(bounds, tol=tolerance)
            while not learner.done() and learner.npoints < 20_000:
                (x,), _ = learner.ask(1)
                learner.tell(x, function(x))
            found[f"{name} {tolerance:g}"] = learner.npoints
            found[f"{name} {tolerance:g} off"] = abs(learner.learned().value - true)
    return found


CASES: dict[str, Callable[[int], dict[str, float]]] = {
    "1d": partial(cost, lambda: co.Learner1D(LINE), f.peak),
    "2d": partial(cost, lambda: co.LearnerND(SQUARE), f.ring),
    "2d volume": partial(cost, lambda: co.LearnerND(SQUARE, simplex_volume()), f.ring),
    "3d": partial(cost, lambda: co.LearnerND(CUBE), f.sphere),
    "3d volume": partial(cost, lambda: co.LearnerND(CUBE, simplex_volume()), f.sphere),
    "balance": balance,
    "load": load,
    "bulk": bulk,
    "lines": lines,
    "planes": planes,
    "runner": runner,
    "integrals": integrals,
}

if __name__ == "__main__":
    SCRATCH.mkdir(exist_ok=True)
    print(json.dumps(CASES[sys.argv[1]](int(sys.argv[2]))))
