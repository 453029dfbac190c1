"""Measures fits of ours; run by ``fit.py``, in a process of its own.

    python fit_cases.py CASE N

The cases are those of ``anchor_fit.py``; ``durable`` is a call with trivial terms in a campaign that records on disk,
us for each term, and ``stragglers`` is measured on terms: a quarter of them takes ten times longer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median

from fit_argon import BOUNDS, DECK, LOSS, START, energy, targets

import cohobate as co

WORKERS = 2


def square(x: float) -> float:
    """A trivial term."""
    return x * x


def trivial(n: int) -> co.CombinedObjective:
    """Returns an objective of ``n`` trivial terms."""
    return co.CombinedObjective([co.Term(square, target=0.0, name=f"t{i}") for i in range(n)])


def calls(_: int) -> dict[str, float]:
    """Returns what one call costs (us), by the number of terms."""
    return {f"call {n}": 1e6 * cheapest(trivial(n), n) for n in (1, 8, 64, 512)}


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


def durable(n: int) -> dict[str, float]:
    """Returns what a term costs (us) in a campaign with a run folder, by engine: ``n`` terms for each candidate."""
    made = {"inline": co.inline, "threads": partial(co.threads, WORKERS), "processes": partial(co.processes, WORKERS)}
    candidates = max(30, 20_000 // n)
    found = {}
    for name, make in made.items():
        with tempfile.TemporaryDirectory() as folder, make() as engine:
            setup = co.Fitter(trivial(n), {"x": co.Parameter(1.0, 0.0, 2.0)}).setup
            campaign = co.Campaign(co.RandomSampler(setup.problem), setup.simulator, engine, run=Path(folder) / "run")
            started = time.perf_counter()
            campaign.run(co.evaluations(candidates))
            found[f"{name}, {n} terms"] = 1e6 * (time.perf_counter() - started) / (candidates * n)
    return found


def sleep(threads: int) -> dict[str, float]:
    """Returns how long (s) a call with 16 terms takes that each wait for a program of 0.1 s."""

    def term(x: float) -> float:
        subprocess.run(["sleep", "0.1"], check=True)
        return x

    with co.threads(threads) as engine:
        terms = [co.Term(term, target=0.0, name=f"t{i}") for i in range(16)]
        objective = co.CombinedObjective(terms).on(engine)
        objective({"x": 1.0})
        return {f"sleep {threads}": median(timed(partial(objective, {"x": 1.0})) for _ in range(5))}


def argon(_: int) -> dict[str, float]:
    """Returns LAMMPS runs, wall time and loss of the refit by least squares."""
    command = co.chem.lammps(DECK, read={"energy": co.read.regex("log.lammps", r"^energy = (\S+)")})
    with tempfile.TemporaryDirectory() as folder, co.threads(WORKERS) as engine:
        return refit(command, engine, Path(folder) / "run")


def sums(_: int) -> dict[str, float]:
    """Returns the same with lattice sums."""
    with co.inline() as engine:
        return refit(energy, engine, None)


def refit(quantity: Callable[..., object], engine: object, run: Path | None) -> dict[str, float]:
    """Fits argon; runs are counted in the ledger, up to the candidate that meets the energies, and in all."""
    terms = [co.Term(quantity, target, inputs={"a": a}, name=f"E({a})") for a, target in targets().items()]
    fit = co.Fitter(co.CombinedObjective(terms), dict(START), bounds=dict(BOUNDS), engine=engine, run=run)
    started = time.perf_counter()
    result = fit.least_squares()
    seconds = time.perf_counter() - started
    table = result.campaign.table()
    done = 1 + next(i for i, row in enumerate(table) if row["loss"] < LOSS)
    since = table[done - 1]["finished"] - table[0]["proposed"]
    runs = {"runs": runs_of(table[:done]), "seconds": since, "runs in all": runs_of(table), "seconds in all": seconds}
    return {**runs, "loss": result.loss, **result.values}


def runs_of(rows: list[dict[str, object]]) -> int:
    """Returns how many terms were evaluated, those that were known already left out."""
    return sum(not term.get("reused") for row in rows for term in row["terms"].values())


def stragglers(workers: int) -> dict[str, float]:
    """Returns the share of the time in which workers are busy, by optimiser; terms of 30 ms, a quarter of 300 ms."""
    for package in ("cma", "nevergrad"):
        import_module(package)  # theirs is imported before they begin, too
    made = {"nevergrad": {"optimizer": "OnePlusOne"}, "cma": {}, "pattern_search": {}}
    given = {"at_once": workers}
    return {f"{name}, {workers} workers": busy(name, workers, options | given) for name, options in made.items()}


def busy(method: str, workers: int, options: dict[str, object]) -> float:
    """Returns the utilisation of an optimiser with 4 terms, one of which is slow."""
    lock = threading.Lock()
    total = 0.0

    def wait(x: float, y: float, seconds: float) -> float:
        nonlocal total
        time.sleep(seconds)
        with lock:
            total += seconds
        return x + y

    terms = [co.Term(wait, 0.0, inputs={"seconds": 0.3 if i == 0 else 0.03}, name=f"t{i}") for i in range(4)]
    params = {name: co.Parameter(0.5, 0.0, 1.0) for name in "xy"}
    with co.threads(workers) as engine:
        fit = co.Fitter(co.CombinedObjective(terms), params, engine=engine)
        started = time.perf_counter()
        fit.run(method, until=co.evaluations(10 * workers), **options)
        return total / (workers * (time.perf_counter() - started))


def files(n: int) -> dict[str, float]:
    """Returns ms of an evaluation by files, and of the bare program."""
    argv = ["sh", "-c", "cat in.txt > out.txt"]
    command = co.Command(argv, files={"in.txt": "{x}\n"}, read={"value": co.read.regex("out.txt", r"(\S+)")})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.txt").write_text("2.0\n")
        ours, bare = [], []
        for _ in range(n):
            bare.append(timed(partial(subprocess.run, argv, cwd=folder, capture_output=True, check=True)))
            ours.append(timed(partial(command, x=2.0)))
    return {"files": 1e3 * median(ours), "bare": 1e3 * median(bare), "over": 1e3 * (median(ours) - median(bare))}


def timed(call: Callable[[], object]) -> float:
    """Returns how long (s) a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


CASES = {
    "calls": calls,
    "durable": durable,
    "sleep": sleep,
    "argon": argon,
    "sums": sums,
    "stragglers": stragglers,
    "files": files,
}

if __name__ == "__main__":
    print(json.dumps(CASES[sys.argv[1]](int(sys.argv[2]))))
