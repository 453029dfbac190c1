"""Runs a real gest-api generator in a campaign that stops half way and is resumed; prints what came of it as JSON.

python program.py GENERATOR FOLDER
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import cohobate as co
from cohobate.ledger.reader import open_reader
from cohobate.ledger.views import table

BOX = {"x": co.Real(-2, 2), "y": co.Real(-1, 1)}


def camel(x: float, y: float, **_: float) -> float:
    """The six-hump camel: minima of -1.0316 at (0.0898, -0.7126) and its mirror image."""
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


def uniform_sample() -> Any:
    from libensemble.gen_classes.sampling import UniformSample

    return co.from_gest(UniformSample, problem(BOX), settings={"random_seed": 3})


def aposmm() -> Any:
    from libensemble.gen_classes.aposmm import APOSMM

    cube = {"x_on_cube": co.Real(0, 1), "y_on_cube": co.Real(0, 1)}
    settings = {
        "max_active_runs": 4,
        "initial_sample_size": 12,
        "variables_mapping": {"x": ["x", "y"], "x_on_cube": ["x_on_cube", "y_on_cube"], "f": ["f"]},
    }
    return co.from_gest(APOSMM, problem({**BOX, **cube}), settings=settings, on_failure="nan")


def xopt_random() -> Any:
    from xopt.generators.random import RandomGenerator

    return co.from_gest(RandomGenerator, problem(BOX))


def nelder_mead() -> Any:
    from xopt.generators.sequential.neldermead import NelderMeadGenerator

    return co.from_gest(NelderMeadGenerator, problem(BOX), on_failure="worst")


def expected_improvement() -> Any:
    from xopt.generators.bayesian.expected_improvement import ExpectedImprovementGenerator

    return co.from_gest(ExpectedImprovementGenerator, problem(BOX), initial=6)


def grid() -> Any:
    from optimas.generators import GridSamplingGenerator

    return co.from_gest(GridSamplingGenerator, problem(BOX), settings={"n_steps": [5, 5]})


def problem(box: dict[str, co.Real]) -> co.Problem:
    return co.Problem(box, (co.Output("f", "minimize"),))


GENERATORS: dict[str, tuple[Callable[[], Any], int]] = {
    "UniformSample": (uniform_sample, 60),
    "APOSMM": (aposmm, 80),
    "Random": (xopt_random, 60),
    "NelderMead": (nelder_mead, 60),
    "ExpectedImprovement": (expected_improvement, 14),
    "Grid": (grid, 40),
}


def main(name: str, folder: str) -> dict[str, Any]:
    make, n = GENERATORS[name]
    for goal in (n // 2, n):
        with co.engines.threads(2) as engine:
            co.Campaign(make(), camel, engine, run=folder).run(co.evaluations(goal))
    reader = open_reader(folder)
    rows = table(reader)
    return {
        "evaluations": len(rows),
        "points": len({(row["x"], row["y"]) for row in rows}),
        "best": min(row["f"] for row in rows),
        "children": len(multiprocessing.active_children()),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    began = time.time()
    print(json.dumps({**main(*sys.argv[1:]), "seconds": round(time.time() - began, 1)}))  # noqa: T201 its answer
