"""Measures adaptive's runners on a trivial function; runs in adaptive's own environment.

Prints one JSON object of evaluations per second. Its cheapest learner (SequenceLearner: it only
counts) and, for processes, a warm pool and both queue depths, so that what is measured is the runner.

    .benchmarks/adaptive/bin/python benchmarks/anchor_adaptive.py simple|processes N
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, wait

from adaptive import BlockingRunner, SequenceLearner
from adaptive.runner import simple

DEPTHS = (2, 32)


def trivial(x):
    return x * x


def rate(run, n):
    learner = SequenceLearner(trivial, [i / n for i in range(n)])
    began = time.perf_counter()
    run(learner)
    seconds = time.perf_counter() - began
    assert learner.npoints == n
    return n / seconds


def in_this_process(n):
    return {"simple": rate(lambda learner: simple(learner, npoints_goal=n), n)}


def on_processes(n):
    with ProcessPoolExecutor(2) as pool:
        wait([pool.submit(trivial, 0.5) for _ in range(100)])
        return {
            f"ntasks={depth}": rate(
                lambda learner: BlockingRunner(learner, npoints_goal=n, executor=pool, ntasks=depth),  # noqa: B023 called at once
                n,
            )
            for depth in DEPTHS
        }


if __name__ == "__main__":
    case, count = sys.argv[1], int(sys.argv[2])
    print(json.dumps({"simple": in_this_process, "processes": on_processes}[case](count)))
