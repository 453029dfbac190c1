"""Measures ChemFit in an environment of its own; run by ``fit.py``.

    python anchor_fit.py CASE N

calls: one call with 1, 8, 64, 512 trivial terms, us. sleep: 16 terms of ``sleep 0.1`` on N threads, s. argon: the
refit of ``fit_argon.py``, with at most N evaluations. stragglers: utilisation of nevergrad with N workers. files: ms
for each evaluation by files, and of a bare ``subprocess.run``.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

from chemfit.abstract_objective_function import QuantityComputerObjectiveFunction
from chemfit.combined_objective_function import CombinedObjectiveFunction
from chemfit.executor_wrapper_cob import ExecutorWrapperCOB
from chemfit.file_based_computer import FileBasedQuantityComputer
from chemfit.fitter import Fitter
from fit_argon import BOUNDS, DECK, LOSS, START, program, targets

THREADS = 4


def square(params: dict[str, float]) -> float:
    """A trivial term."""
    return params["x"] * params["x"]


def calls(_: int) -> dict[str, float]:
    """Returns what one call costs (us), by the number of terms."""
    return {f"call {n}": 1e6 * cheapest(CombinedObjectiveFunction([square] * n), n) for n in (1, 8, 64, 512)}


def cheapest(objective: Callable[[dict[str, float]], float], n: int) -> float:
    """Returns the least time of a call (s): the host is noisy."""
    repeats = max(3, 2000 // n)
    times = []
    for _ in range(15):
        started = time.perf_counter()
        for _ in range(repeats):
            objective({"x": 2.0})
        times.append((time.perf_counter() - started) / repeats)
    return min(times)


def sleep(threads: int) -> dict[str, float]:
    """Returns how long (s) a call with 16 terms takes that each wait for a program of 0.1 s."""

    def term(_: dict[str, float]) -> float:
        subprocess.run(["sleep", "0.1"], check=True)
        return 0.0

    with ThreadPoolExecutor(threads) as pool:
        objective = ExecutorWrapperCOB(CombinedObjectiveFunction([term] * 16), pool)
        objective({"x": 1.0})
        return {f"sleep {threads}": median(timed(partial(objective, {"x": 1.0})) for _ in range(5))}


def argon(evaluations: int) -> dict[str, float]:
    """Returns LAMMPS runs, wall time and loss of the refit by L-BFGS-B."""
    binary, environment = program()
    counted = threading.Lock()
    runs, reached, since = 0, 0, 0.0
    best = float("inf")

    def write(parameters: dict[str, float], workdir: Path, *, a: float) -> None:
        text = DECK
        for name, value in {**parameters, "a": a}.items():
            text = text.replace(f"{{{name}}}", repr(float(value)))
        (workdir / "in.lammps").write_text(text)

    def command(_: dict[str, float], workdir: Path) -> list[str]:
        nonlocal runs
        with counted:
            runs += 1
        return [binary, "-in", "in.lammps", "-log", "log.lammps"]

    def read(files: list[Path]) -> dict[str, float]:
        last = next(line for line in reversed(files[0].read_text().splitlines()) if line.startswith("energy ="))
        return {"energy": float(last.split()[-1])}

    def loss(quantities: dict[str, float], target: float) -> float:
        return (quantities["energy"] - target) ** 2

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(THREADS) as pool:
        computer = FileBasedQuantityComputer(
            ["log.lammps"], read, folder, command, subprocess_run_args={"capture_output": True, "env": environment}
        )
        terms = [
            QuantityComputerObjectiveFunction(partial(loss, target=target), computer.with_presubmit(write, a=a))
            for a, target in targets().items()
        ]
        objective = ExecutorWrapperCOB(CombinedObjectiveFunction(terms), pool)

        def followed(params: dict[str, float]) -> float:
            nonlocal best, reached, since
            found = objective(params)
            best = min(best, found)
            if best < LOSS and not reached:
                reached, since = runs, time.perf_counter() - started
            return found

        started = time.perf_counter()
        options = {"maxfun": evaluations} if evaluations else {}
        found = Fitter(followed, dict(START), bounds=dict(BOUNDS)).fit_scipy(method="L-BFGS-B", options=options)
        seconds = time.perf_counter() - started
    return {"runs": reached, "seconds": since, "runs in all": runs, "seconds in all": seconds, "loss": best, **found}


def stragglers(workers: int) -> dict[str, float]:
    """Returns the share of the time in which workers are busy: evaluations of 30 ms, a quarter of them 300 ms."""
    chance = random.Random(1)
    busy = 0.0
    lock = threading.Lock()

    def evaluate(_: dict[str, float]) -> float:
        nonlocal busy
        with lock:
            seconds = 0.3 if chance.random() < 0.25 else 0.03
        time.sleep(seconds)
        with lock:
            busy += seconds
        return seconds

    fitter = Fitter(evaluate, {"x": 0.5, "y": 0.5}, bounds={"x": (0, 1), "y": (0, 1)})
    started = time.perf_counter()
    fitter.fit_nevergrad(20 * workers, "OnePlusOne", num_workers=workers)
    return {f"utilisation {workers}": busy / (workers * (time.perf_counter() - started))}


def files(n: int) -> dict[str, float]:
    """Returns ms of an evaluation by files, and of the bare program."""
    argv = ["sh", "-c", "cat in.txt > out.txt"]

    def write(parameters: dict[str, float], workdir: Path) -> None:
        (workdir / "in.txt").write_text(f"{parameters['x']!r}\n")

    def read(paths: list[Path]) -> dict[str, float]:
        return {"value": float(paths[0].read_text())}

    with tempfile.TemporaryDirectory() as folder:
        computer = FileBasedQuantityComputer(["out.txt"], read, folder, lambda *_: argv, write)
        (Path(folder) / "in.txt").write_text("2.0\n")
        ours, bare = [], []
        for _ in range(n):
            bare.append(timed(partial(subprocess.run, argv, cwd=folder, capture_output=True, check=True)))
            ours.append(timed(partial(computer, {"x": 2.0})))
    return {"files": 1e3 * median(ours), "bare": 1e3 * median(bare), "over": 1e3 * (median(ours) - median(bare))}


def timed(call: Callable[[], object]) -> float:
    """Returns how long (s) a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


CASES = {"calls": calls, "sleep": sleep, "argon": argon, "stragglers": stragglers, "files": files}

if __name__ == "__main__":
    print(json.dumps(CASES[sys.argv[1]](int(sys.argv[2]))))
