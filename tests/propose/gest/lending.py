"""Runs our generators in the runners of Xopt and libEnsemble; prints what came of it as JSON.

python lending.py RUNNER
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np

import cohobate as co
from cohobate.models.ready import RBFGP

POOL = co.Pool([{"x": float(x)} for x in np.linspace(-2, 2, 81)])


def peak(point: dict[str, Any]) -> dict[str, float]:
    return {"f": float(np.exp(-8 * (point["x"] - 0.7) ** 2))}


def xopt() -> list[float]:
    from xopt import Evaluator, Xopt

    lent = co.as_gest(co.Sobol({"x": co.Real(-2, 2)}, maximize="f"))
    runner = Xopt(generator=lent, evaluator=Evaluator(function=peak, max_workers=2))
    for _ in range(20):
        runner.step()
    assert runner.generator.vocs.objective_names == ["f"]
    return list(runner.data["x"])


def libensemble() -> list[float]:
    from libensemble import Ensemble
    from libensemble.alloc_funcs.start_only_persistent import only_persistent_gens
    from libensemble.specs import AllocSpecs, ExitCriteria, GenSpecs, LibeSpecs, SimSpecs

    lent = co.as_gest(co.ActiveLearning(POOL, maximize="f", model=RBFGP(), initial=6))
    ensemble = Ensemble(
        libE_specs=LibeSpecs(
            comms="threads", nworkers=3, disable_log_files=True, gen_on_manager=True, save_H_on_completion=False
        ),
        gen_specs=GenSpecs(generator=lent, vocs=lent.vocs, batch_size=2, initial_batch_size=6),
        sim_specs=SimSpecs(simulator=peak, vocs=lent.vocs),
        alloc_specs=AllocSpecs(alloc_f=only_persistent_gens),
        exit_criteria=ExitCriteria(sim_max=24),
    )
    history, _, flag = ensemble.run()
    assert flag == 0
    return [float(x) for x in history["x"][history["sim_ended"]]]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    points = {"xopt": xopt, "libensemble": libensemble}[sys.argv[1]]()
    answer = {"evaluations": len(points), "points": len(set(points)), "off": min(abs(x - 0.7) for x in points)}
    print(json.dumps(answer))  # noqa: T201 its answer
