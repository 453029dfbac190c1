"""Runs a batch again and again, each time killed at some moment, until it comes to its end; for ``test_killed``."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import torch

import cohobate as co
from cohobate.core.protocols import Exhausted
from cohobate.core.task import Task
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.inflight.extxyz import ExtXYZ
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.making import FIRE, NVTLangevin
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.dynamics import Dynamics
from dynamics.inflight.test_campaigns import SEEDS
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

MANY = 12


class Seeds:
    """Proposes one seed after the other, each once, and remembers what it had proposed."""

    problem = SEEDS

    def __init__(self) -> None:
        self.at = 0
        self.results: list[Any] = []

    def suggest(self, n: int) -> Any:
        rows = [{"seed": seed} for seed in range(self.at, min(self.at + n, MANY))]
        self.at += len(rows)
        return rows or Exhausted()

    def recall(self, rows: list[Any]) -> None:
        self.at += len(rows)

    def ingest(self, results: Any) -> None:
        self.results += results

    def finalize(self) -> None: ...


class Brake:
    """A hook that makes each step take so long that something can come between."""

    frequency = 1
    stage = HookStage.BEFORE_STEP

    def __call__(self, batch: Batch, moment: Moment) -> None:
        time.sleep(0.0005)


def relax() -> Dynamics:
    return FIRE(lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1), until=Convergence.from_fmax(0.01), n_steps=150)


def heat() -> Dynamics:
    return NVTLangevin(lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1), dt=4.0, temperature=60, n_steps=120)


RUNS: dict[str, Callable[[], Dynamics]] = {"FIRE": relax, "Langevin": heat, "FIRE + Langevin": lambda: relax() + heat()}


def build(seed: int) -> AtomicData:
    return crystal(1, seed=seed) if seed % 4 == 3 else cluster(4 + seed % 5, seed=seed)


def engine_of(run: Dynamics, folder: Path) -> InFlight:
    progress = folder / "progress"
    given: dict[str, Any] = {
        "max_atoms": random.choice([20, 40, 100]),
        "refill_frequency": random.choice([1, 5]),
        "sinks": [ExtXYZ(folder / "out.xyz")],
        "progress": progress,
        "progress_every": random.choice([0.0, 0.01]),
    }
    braked = run.replaced(hooks=(Brake(),))
    return InFlight.resume(progress, braked, **given) if progress.exists() else InFlight(braked, **given)


def fly(run: Dynamics, folder: Path) -> None:
    """Submits all; writes what came of them."""
    with engine_of(run, folder) as engine:
        futures = [engine.submit(Task(build, (i,), key=str(i))) for i in range(MANY)]
        wait(futures)
    write(folder / "told", [future.result() for future in futures])


def campaign(run: Dynamics, folder: Path) -> None:
    """Runs a campaign that records what comes of each, durably."""
    generator = Seeds()
    with engine_of(run, folder) as engine:
        co.Campaign(generator, build, engine, run=folder / "run").run(co.evaluations(MANY))
    results = sorted(generator.results, key=lambda result: result.trial.inputs["seed"])
    assert [result.trial.inputs["seed"] for result in results] == list(range(MANY))
    write(folder / "told", [result.outcome.outputs for result in results])


def write(path: Path, told: list[Any]) -> None:
    path.with_suffix(".new").write_text(json.dumps(plain(told)))
    path.with_suffix(".new").replace(path)


def plain(told: list[Any]) -> list[dict[str, Any]]:
    names = ("id", "status", "steps", "energy", "positions", "velocities")
    return [
        {name: getattr(one[name], "tolist", lambda v=one[name]: v)() for name in names if name in one} for one in told
    ]


def ended(fn: Callable[[], None], seconds: float) -> bool:
    """Whether a process of its own has come to its end within so many seconds; else it is killed."""
    child = os.fork()
    if child == 0:
        try:
            fn()
            os._exit(0)
        except BaseException:  # noqa: BLE001 whatever it is, the other process is told
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            assert status == 0, "it failed"
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main(name: str, how: str, folder: Path, seed: int, kills: int) -> None:
    random.seed(seed)
    torch.set_num_threads(1)
    run, go = RUNS[name], {"alone": fly, "campaign": campaign}[how]
    expected: Path = folder / "expected"

    def whole() -> None:
        write(expected, run_all(run(), map(build, range(MANY)), max_atoms=1000))

    assert ended(whole, 60.0)
    done, made = False, 0
    while not done:
        made += 1
        random.seed(1000 * seed + made)
        done = ended(lambda: go(run(), folder), random.uniform(0.02, 0.4) if made <= kills else 60.0)
    assert json.loads((folder / "told").read_text()) == json.loads(expected.read_text())
    batch = ExtXYZ(folder / "out.xyz").drain()
    assert batch is not None
    assert sorted(batch["id"].tolist()) == list(range(MANY))
    for alone in batch.split():
        one = json.loads(expected.read_text())[int(alone["id"][0])]
        assert alone["positions"].tolist() == one["positions"]
        assert float(alone["energy"][0]) == one["energy"]
    sys.stdout.write(f"ended after {made - 1} kills\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
