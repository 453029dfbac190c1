"""Measures libEnsemble's asynchronous persistent mode on a trivial function; runs in its own environment.

Prints one JSON object of evaluations per second, of 2 simulation workers over local comms, with the
generator on a worker of its own and on the manager; log files and resource detection are off. The
rate is between the first and the last evaluation, so its start and its end cost it nothing.

    .benchmarks/libensemble/bin/python benchmarks/anchor_libensemble.py async N
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

import numpy as np
from libensemble.alloc_funcs.start_only_persistent import only_persistent_gens
from libensemble.libE import libE
from libensemble.message_numbers import EVAL_GEN_TAG, FINISHED_PERSISTENT_GEN_TAG, PERSIS_STOP, STOP_TAG
from libensemble.tools.persistent_support import PersistentSupport

SIMULATORS = 2
DEPTHS = (2, 4)


def trivial(rows: np.ndarray, persis_info: dict, sim_specs: dict, libE_info: dict) -> tuple[Any, ...]:
    out = np.zeros(1, dtype=sim_specs["out"])
    out["f"] = rows["x"][0] ** 2
    return out, persis_info


def one_for_one(_: np.ndarray, persis_info: dict, gen_specs: dict, libE_info: dict) -> tuple[Any, ...]:
    """Keeps ``depth`` points out: as many new ones as results came back."""
    support = PersistentSupport(libE_info, EVAL_GEN_TAG)
    rng, n, tag = np.random.default_rng(0), gen_specs["user"]["depth"], None
    while tag not in (STOP_TAG, PERSIS_STOP):
        rows = np.zeros(n, dtype=gen_specs["out"])
        rows["x"] = rng.random(n)
        tag, _, returned = support.send_recv(rows)
        n = len(returned) if returned is not None else n
    return None, persis_info, FINISHED_PERSISTENT_GEN_TAG


def rate(n: int, *, on_manager: bool, depth: int) -> float:
    history, _, flag = libE(
        {"sim_f": trivial, "in": ["x"], "out": [("f", float)]},
        {
            "gen_f": one_for_one,
            "persis_in": ["sim_id", "f"],
            "out": [("x", float)],
            "user": {"depth": depth},
        },
        {"sim_max": n},
        {},
        {"alloc_f": only_persistent_gens, "user": {"async_return": True}},
        {
            "comms": "local",
            "nworkers": SIMULATORS + (not on_manager),
            "gen_on_manager": on_manager,
            "disable_log_files": True,
            "disable_resource_manager": True,
            "save_H_on_completion": False,
        },
    )
    ended = np.sort(history["sim_ended_time"][history["sim_ended"]])
    assert flag == 0
    assert len(ended) == n
    return (n - 1) / (ended[-1] - ended[0])


def asynchronous(n: int) -> dict[str, float]:
    return {
        f"{'gen_on_manager' if on_manager else 'gen_on_worker'} depth={depth}": rate(
            n, on_manager=on_manager, depth=depth
        )
        for on_manager in (False, True)
        for depth in DEPTHS
    }


if __name__ == "__main__":
    case, count = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        print(json.dumps({"async": asynchronous}[case](count)))
