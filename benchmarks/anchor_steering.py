"""Measures libEnsemble's persistent generators; runs in its own environment, with ``src`` and the example on its path.

Prints JSON: a line for each seed or phase while it runs, and last one object of figures.

    .benchmarks/steering/bin/python benchmarks/anchor_steering.py camel SEEDS
    .benchmarks/steering/bin/python benchmarks/anchor_steering.py throughput N
    .benchmarks/steering/bin/python benchmarks/anchor_steering.py borehole SEED
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from math import gamma, pi, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import libensemble.gen_funcs
import numpy as np
from camel import BOUNDS, LIMIT, evaluations_until_all, six_hump_camel

libensemble.gen_funcs.rc.aposmm_optimizers = "nlopt"

from anchor_libensemble import one_for_one, trivial  # noqa: E402
from libensemble.alloc_funcs.persistent_aposmm_alloc import persistent_aposmm_alloc  # noqa: E402
from libensemble.alloc_funcs.start_only_persistent import only_persistent_gens  # noqa: E402
from libensemble.executors.executor import Executor  # noqa: E402
from libensemble.gen_funcs.persistent_aposmm import aposmm  # noqa: E402
from libensemble.libE import libE  # noqa: E402
from libensemble.message_numbers import (  # noqa: E402
    EVAL_GEN_TAG,
    FINISHED_PERSISTENT_GEN_TAG,
    MAN_SIGNAL_KILL,
    PERSIS_STOP,
    STOP_TAG,
)
from libensemble.tools import add_unique_random_streams  # noqa: E402
from libensemble.tools.persistent_support import PersistentSupport  # noqa: E402

HERE = Path(__file__).resolve().parent
QUIET = {
    "comms": "local",
    "disable_log_files": True,
    "disable_resource_manager": True,
    "save_H_on_completion": False,
}
SETTINGS = {
    f"{'manager' if on_manager else 'worker'} {depth}": {"on_manager": on_manager, "depth": depth}
    for on_manager in (False, True)
    for depth in (2, 4, 16)
}
TRIED = 2_000
WARM, EDGE = 5_000, 5_000


def camel_row(rows: np.ndarray, persis_info: dict, sim_specs: dict, libE_info: dict) -> tuple[Any, ...]:
    out = np.zeros(1, dtype=sim_specs["out"])
    out["f"] = six_hump_camel(*rows["x"][0])
    return out, persis_info


def camel_seed(seed: int) -> tuple[int, float]:
    """Returns the evaluations until all minima are hit, 0 for never, and the evaluations per second."""
    lower, upper = (np.array(side, float) for side in zip(*BOUNDS, strict=True))
    out = [("x", float, 2), ("x_on_cube", float, 2), ("sim_id", int), ("local_min", bool), ("local_pt", bool)]
    user = {
        "initial_sample_size": 100,
        "localopt_method": "LN_BOBYQA",
        "rk_const": 0.5 * (gamma(2) * 5) ** 0.5 / sqrt(pi),
        "xtol_abs": 1e-6,
        "ftol_abs": 1e-6,
        "dist_to_bound_multiple": 0.5,
        "max_active_runs": 6,
        "lb": lower,
        "ub": upper,
    }
    history, _, _ = libE(
        {"sim_f": camel_row, "in": ["x"], "out": [("f", float)]},
        {"gen_f": aposmm, "persis_in": ["f", *(name for name, *_ in out)], "out": out, "user": user},
        {"sim_max": LIMIT},
        add_unique_random_streams({}, 5, seed=seed),
        {"alloc_f": persistent_aposmm_alloc, "user": {}},
        {**QUIET, "nworkers": 4},
    )
    ended = history[history["sim_ended"]]
    ended = ended[np.argsort(ended["sim_ended_time"], kind="stable")]
    times = ended["sim_ended_time"]
    return evaluations_until_all(ended["x"]), (len(ended) - 1) / (times[-1] - times[0])


def camel(seeds: int) -> dict[str, float]:
    counts = {}
    for seed in range(1, seeds + 1):
        counts[seed], rate = camel_seed(seed)
        print(json.dumps({"seed": seed, "evaluations": counts[seed], "per second": round(rate)}), flush=True)
    return {**{f"seed {seed}": n for seed, n in counts.items()}, **summary(list(counts.values()))}


def summary(counts: list[int]) -> dict[str, float]:
    """Returns the median, a run that never hit all counted as the limit, and how many did."""
    return {"median": median(n or LIMIT for n in counts), "successes": sum(n > 0 for n in counts)}


def ended_times(n: int, *, on_manager: bool, depth: int) -> np.ndarray:
    """Returns when each of ``n`` evaluations had ended (s), with 2 simulation workers."""
    history, _, flag = libE(
        {"sim_f": trivial, "in": ["x"], "out": [("f", float)]},
        {"gen_f": one_for_one, "persis_in": ["sim_id", "f"], "out": [("x", float)], "user": {"depth": depth}},
        {"sim_max": n},
        {},
        {"alloc_f": only_persistent_gens, "user": {"async_return": True}},
        {**QUIET, "nworkers": 2 + (not on_manager), "gen_on_manager": on_manager},
    )
    assert flag == 0
    return np.sort(history["sim_ended_time"][history["sim_ended"]])


def throughput(n: int) -> dict[str, float]:
    """Returns evaluations per second over all, and microseconds each of the first and of the last ones."""
    rates = {}
    for name, setting in SETTINGS.items():
        times = ended_times(TRIED, **setting)
        rates[name] = (len(times) - 1) / (times[-1] - times[0])
        print(json.dumps({"setting": name, "per second": round(rates[name])}), flush=True)
    best = max(rates, key=lambda name: rates[name])
    times = ended_times(n, **SETTINGS[best])
    warm, edge = min(WARM, n // 10), min(EDGE, n // 4)
    first, last = (1e6 * (part[-1] - part[0]) / (len(part) - 1) for part in (times[warm:][:edge], times[-edge:]))
    return {"per second": (len(times) - 1) / (times[-1] - times[0]), "first (us)": first, "last (us)": last}


def well(rows: np.ndarray, persis_info: dict, sim_specs: dict, libE_info: dict) -> tuple[Any, ...]:
    """Takes as long as ours, and looks as often whether it is to stop."""
    import calibrate

    out = np.zeros(1, dtype=sim_specs["out"])
    end = time.monotonic() + sim_specs["user"]["seconds"]
    while (left := end - time.monotonic()) > 0:
        if libE_info["executor"].manager_kill_received():
            return out, persis_info, MAN_SIGNAL_KILL
        time.sleep(min(calibrate.LOOK, left))
    out["flows"], out["done"] = calibrate.flows(dict(zip(calibrate.AQUIFERS, rows["aquifers"][0], strict=True))), True
    return out, persis_info


def steered(_: np.ndarray, persis_info: dict, gen_specs: dict, libE_info: dict) -> tuple[Any, ...]:
    """Sends all candidates, and decides as our body does."""
    import calibrate

    user = gen_specs["user"]
    pool, emulator = user["pool"], calibrate.Emulator(user["pool"], user["measured"])
    support = PersistentSupport(libE_info, EVAL_GEN_TAG)
    rows = np.zeros(len(pool), dtype=gen_specs["out"])
    rows["sim_id"], rows["aquifers"] = range(len(pool)), [list(row.values()) for row in pool]
    support.send(rows)
    waiting, count = set(range(len(pool))), 0
    while waiting:
        tag, _work, results = support.recv()
        if tag in (STOP_TAG, PERSIS_STOP):
            break
        count += len(results)
        for result in results[results["done"]]:
            emulator.learn(int(result["sim_id"]), result["flows"])
        waiting -= {int(i) for i in results["sim_id"]}
        if user["cancelling"] and (promise := emulator.promise()) is not None:
            pointless, first = calibrate.choose(promise, waiting)
            waiting -= set(pointless)
            edit(support, pointless, "cancel_requested", True)
            edit(support, first, "priority", count)
    return None, persis_info, FINISHED_PERSISTENT_GEN_TAG


def edit(support: PersistentSupport, ids: list[int], field: str, value: float) -> None:
    """Changes a field of rows that were sent."""
    if ids:
        rows = np.zeros(len(ids), dtype=[("sim_id", int), (field, type(value))])
        rows["sim_id"], rows[field] = ids, value
        support.send(rows, keep_state=True)


def calibration(seed: int, seconds: float, *, cancelling: bool) -> dict[str, float]:
    import calibrate

    Executor()
    user = {"pool": calibrate.candidates(seed=seed), "measured": calibrate.measurements(seed), "cancelling": cancelling}
    wells = (len(calibrate.WELLS),)
    sent = [("sim_id", int), ("aquifers", float, (len(calibrate.AQUIFERS),)), ("priority", float)]
    returned = [("flows", float, wells), ("done", bool)]
    specs = {"gen_f": steered, "persis_in": ["sim_id", "flows", "done"], "out": sent, "user": user}
    history, _, _ = libE(
        {"sim_f": well, "in": ["aquifers"], "out": returned, "user": {"seconds": seconds}},
        specs,
        {"wallclock_max": 10},
        {},
        {"alloc_f": only_persistent_gens, "user": {"async_return": True, "active_recv_gen": True}},
        {**QUIET, "nworkers": 4, "kill_canceled_sims": True},
    )
    done = history["done"]
    begun = history["sim_started_time"][history["sim_started"]]
    makespan = history["sim_ended_time"][done].max() - begun.min()
    name = "cancelling" if cancelling else "all"
    misfits = [calibrate.misfit(one, user["measured"]) for one in history["flows"][done]]
    return {f"{name} (s)": makespan, f"{name} misfit": min(misfits), f"{name} known": int(done.sum())}


def borehole(seed: int) -> dict[str, float]:
    every = calibration(seed, 0.15, cancelling=False)
    print(json.dumps(every), flush=True)
    return {**every, **calibration(seed, 0.15, cancelling=True)}


CASES: dict[str, Callable[[int], dict[str, float]]] = {"camel": camel, "throughput": throughput, "borehole": borehole}

if __name__ == "__main__":
    case, count = sys.argv[1], int(sys.argv[2])
    sys.path[:0] = [str(HERE.parent / "src"), str(HERE.parent / "examples" / "calibration")]
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        print(json.dumps(CASES[case](count)))
