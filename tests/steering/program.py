"""A campaign whose body uses every call of ``steer``: ``python program.py FOLDER ENGINE [EVENTS]``.

With ``search`` for an engine, it is a search for all minima on ``inline``. It kills itself once so many events more are
durable.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cohobate as co
from cohobate.core.events import Opened
from cohobate.core.task import Task
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader

ROUNDS = 12
PROBLEM = co.Problem({"x": co.Real(-1e6, 1e6)}, [co.Output("f", "minimize")])


def simulate(x: float) -> dict[str, float]:
    """Takes a moment, so that there is one to be killed at."""
    time.sleep(0.003)
    return {"f": x * x - 3.0}


def square(x: int) -> int:
    """What is called at the engine."""
    return x * x


def counted(folder: Path, number: int) -> int:
    """What is called only once: a line tells each time it really was."""
    with (folder / "once").open("a") as file:
        file.write(f"{number}\n")
    return 10 * number


def everything(steer: co.Steer, folder: Path, problem: co.Problem, rng: Any) -> dict[str, Any]:
    """Decides by results in the order they were handed in, so that it does not matter when they came."""
    told: list[int] = []
    values: dict[int, float] = {}

    def take(results: list[Any]) -> None:
        told.extend(result.trial.id for result in results)
        values.update((result.trial.id, result["f"]) for result in results if result.ok)

    sums, best = 0, 500.0
    for number in range(ROUNDS):
        sums += steer.once(counted, folder, number)
        best += float(rng.random())
        trials = steer.suggest([{"x": best + i} for i in range(4)], priority=number % 2)
        take(steer.receive(at_least=0))
        squared = steer.call(square, number)
        steer.revise(trials[1], x=-best, why=f"round {number}")
        steer.cancel(trials[2:3], f"not in round {number}")
        take(steer.receive(timeout=0.001))
        squared.done()
        (found,) = steer.evaluate([{"x": best / 2}], needs={"cores": 1})
        take([found])
        best = min(best, found["f"] / 700.0)
        sums += squared.result() + steer.submit(Task(square, (number,))).result()
        steer.revise(found.trial, mean=best)
        while steer.pending():
            take(steer.receive(at_least=2))
    return {"told": sorted(told), "sums": sums, "best": best, "known": len(values)}


def campaign(folder: Path, engine: Any) -> co.Campaign:
    """The campaign, from the beginning or from where it was."""

    def body(steer: co.Steer, problem: co.Problem, rng: Any) -> dict[str, Any]:
        return everything(steer, folder, problem, rng)

    generator = co.persistent(body, problem=PROBLEM, seed=5)
    return co.Campaign(generator, co.simulator(simulate, version="1"), engine, run=folder / "run")


CAMEL = co.Problem({"x": co.Real(-3, 3), "y": co.Real(-2, 2)}, [co.Output("f", "minimize")])


def camel(x: float, y: float) -> float:
    """The six-hump camel."""
    time.sleep(0.002)
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2


def search(folder: Path, engine: Any) -> co.Campaign:
    """A search for all minima of the camel."""
    generator = co.optimisers.aposmm(CAMEL, minima=6, seed=1)
    return co.Campaign(generator, co.simulator(camel, version="1"), engine, run=folder / "run")


def doom(run: Path, more: int) -> None:
    """Does what ``kill -9`` does, once ``more`` events are durable than there are now."""
    with open_reader(run) as reader:
        seen = last = max(number for number, _ in reader.read())
        while last < seen + more:
            last = max((number for number, _ in reader.read(last)), default=last)
            threading.Event().wait(0.0005)
    os.kill(os.getpid(), signal.SIGKILL)


def made(folder: Path) -> None:
    """Lays out the run folder, so that it can be looked at from the beginning."""
    if not (folder / "run").exists():
        with open_ledger(folder / "run") as ledger:
            ledger.append([Opened(ledger.epoch, time.time())])


if __name__ == "__main__":
    where, kind = Path(sys.argv[1]), sys.argv[2]
    if len(sys.argv) > 3:
        made(where)
        threading.Thread(target=doom, args=(where / "run", int(sys.argv[3])), daemon=True).start()
    made_by = search if kind == "search" else campaign
    with co.processes(3) if kind == "processes" else co.inline() as chosen:
        result = made_by(where, chosen).run()
    sys.stdout.write(json.dumps(result.value))
