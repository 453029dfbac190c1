"""Measures adaptive's learners; runs in adaptive's own environment and prints one JSON object of figures.

    .benchmarks/adaptive/bin/python benchmarks/anchor_learners.py CASE N

Functions cost nothing next to the learners, and are part of the figures, as in ours.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import learner_functions as f
import numpy as np
from adaptive import BalancingLearner, IntegratorLearner, Learner1D, Learner2D, LearnerND
from adaptive.learner import learner1D, learnerND

LINE, SQUARE, CUBE = (-1, 1), [(-1, 1)] * 2, [(-1, 1)] * 3
LOSSES_1D = {
    "default": None,
    "triangle": learner1D.triangle_loss,
    "curvature": learner1D.curvature_loss_function(),
}


def cost_1d(n: int) -> dict[str, float]:
    learner = Learner1D(f.peak, LINE)
    return {"us": f.cost(n, f.peak, lambda k: learner.ask(k)[0], learner.tell)}


def cost_2d(kind: str, n: int) -> dict[str, float]:
    learner = Learner2D(f.ring, SQUARE) if kind == "Learner2D" else python_nd(f.ring, SQUARE)
    return {"us": f.cost(n, f.ring, lambda k: learner.ask(k)[0], learner.tell)}


def cost_3d(n: int) -> dict[str, float]:
    learner = python_nd(f.sphere, CUBE)
    return {"us": f.cost(n, f.sphere, lambda k: learner.ask(k)[0], learner.tell)}


def python_nd(function: Callable[..., float], bounds: Any, **settings: Any) -> LearnerND:
    return LearnerND(function, bounds, triangulation_backend="python", **settings)


def balance(n: int) -> dict[str, float]:
    learner = BalancingLearner([Learner1D(f.peak, LINE) for _ in range(1_000)])
    return {"us": f.cost(n, lambda at: f.peak(at[1]), lambda k: learner.ask(k)[0], learner.tell)}


def load(n: int) -> dict[str, float]:
    points = np.random.default_rng(0).uniform(-1, 1, n).tolist()
    values = [f.peak(x) for x in points]
    learner = Learner1D(f.peak, LINE)
    began = time.process_time()
    learner.tell_many(points, values)
    return {"s": time.process_time() - began}


def lines(_: int) -> dict[str, float]:
    found = {}
    for name, target in f.LINES.items():
        for loss, function in LOSSES_1D.items():
            learner = Learner1D(target.of, LINE, loss_per_interval=function)
            found[f"{name} {loss}"] = f.needed(target, lambda k, one=learner: one.ask(k)[0], learner.tell_many)
    return found


def planes(_: int) -> dict[str, float]:
    found = {}
    for name, target in f.PLANES.items():
        grid, true = f.plane(target)
        curvature = learnerND.curvature_loss_function()
        for kind, learner in (
            ("Learner2D", Learner2D(target.of, SQUARE)),
            ("curvature", python_nd(target.of, SQUARE, loss_per_simplex=curvature)),
        ):
            found[f"{name} {kind}"] = on_plane(learner, target, grid, true)
    return found


def on_plane(learner: Any, target: f.Target, grid: np.ndarray, true: np.ndarray) -> float:
    """Returns the number of points after which the linear interpolant is good enough."""
    from scipy.interpolate import LinearNDInterpolator

    for n in f.counts(target.limit, f.FEWEST, f.WIDE):
        while learner.npoints < n:
            (x,), _ = learner.ask(1)
            learner.tell(x, target.of(x))
        points = np.array(list(learner.data))
        linear = LinearNDInterpolator(points, np.array(list(learner.data.values())), rescale=True)
        if math.sqrt(np.nanmean((linear(grid) - true) ** 2)) <= target.error:
            return n
    return math.inf


def integrals(_: int) -> dict[str, float]:
    found = {}
    for name, (function, bounds, true) in f.INTEGRALS.items():
        for tolerance in f.TOLERANCES:
            learner = IntegratorLearner(function, bounds, tolerance)
            while not learner.done() and learner.npoints < 20_000:
                (x,), _ = learner.ask(1)
                learner.tell(x, function(x))
            found[f"{name} {tolerance:g}"] = learner.npoints
            found[f"{name} {tolerance:g} off"] = abs(learner.igral - true)
    return found


CASES: dict[str, Callable[[int], dict[str, float]]] = {
    "1d": cost_1d,
    "Learner2D": partial(cost_2d, "Learner2D"),
    "2d": partial(cost_2d, "LearnerND"),
    "3d": cost_3d,
    "balance": balance,
    "load": load,
    "lines": lines,
    "planes": planes,
    "integrals": integrals,
}

if __name__ == "__main__":
    print(json.dumps(CASES[sys.argv[1]](int(sys.argv[2]))))
