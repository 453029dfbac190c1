"""What the engine in flight adds: to a batch of relaxations per submitted system, and as a durable campaign.

python benchmarks/dynamics_flight.py [--systems 5000] [--slots 64] [--repetitions 3]
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

import cohobate as co
from cohobate.core.protocols import Exhausted
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.making import FIRE
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.dynamics import Dynamics

EPSILON, SIGMA, ATOMS = 0.0104, 3.405, 13
WANTED = ("energy", "positions")
OVERHEAD, OCCUPANCY, DURABLE = 200.0, 0.95, 1.3
"""Wanted: us per system at most, the share of slots in use at least, the ratio to the bare batch at most."""


def icosahedron() -> np.ndarray[Any, Any]:
    """Returns 13 argon atoms: one and its twelve neighbours."""
    golden = (1 + 5**0.5) / 2
    corners = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    around = [tuple(np.roll(corner, k)) for corner in corners for k in range(3)]
    return np.array([(0, 0, 0), *around]) * (SIGMA * 1.08 / np.linalg.norm(around[0]))


PERFECT = icosahedron()


def cluster(seed: int) -> AtomicData:
    """Returns LJ13, its atoms moved by about 0.3 Å."""
    positions = PERFECT + np.random.default_rng(seed).normal(0, 0.3, PERFECT.shape)
    return AtomicData({"numbers": np.full(ATOMS, 18), "positions": positions})


def relax() -> Dynamics:
    """Returns FIRE to 1e-3 eV/Å."""
    potential = lennard_jones(EPSILON, SIGMA, 8.5, threads=1)
    return FIRE(potential, until=Convergence.from_fmax(1e-3), n_steps=2000)


class Count:
    """Proposes one seed after the other."""

    problem = co.Problem({"seed": co.Integer(0, 10**9)}, outputs=(co.Output("energy", "minimize"),))

    def __init__(self, n: int) -> None:
        self.n, self.at = n, 0

    def suggest(self, n: int) -> Any:
        """Proposes the next ones."""
        rows = [{"seed": seed} for seed in range(self.at, min(self.at + n, self.n))]
        self.at += len(rows)
        return rows or Exhausted()

    def ingest(self, results: Any) -> None:
        """Learns nothing."""

    def finalize(self) -> None:
        """Nothing."""


class Watched:
    """Dynamics whose steps are timed, and whose slots are counted while there is more to come."""

    def __init__(self, engine: InFlight, slots: int) -> None:
        self.seconds, self.used, self.made, self.slots = 0.0, 0, 0, slots
        cabin = engine._flight.cabin
        step = cabin.dynamics.advance

        def timed(batch: Batch) -> torch.Tensor:
            if len(engine._flight.line) or len(engine._flight.feeding._queue):
                self.used += int(np.count_nonzero(batch["status"].numpy() != cabin.exit))
                self.made += 1
            began = time.thread_time()
            found = step(batch)
            self.seconds += time.thread_time() - began
            return found

        cabin.dynamics.advance = timed  # type: ignore[method-assign]

    @property
    def occupancy(self) -> float:
        """The share of slots that were in use while somebody waited."""
        return self.used / max(1, self.made * self.slots)


@dataclass(frozen=True, slots=True)
class Taken:
    """How long something took: by the clock and of the processors (s); what beside its steps; how full it was."""

    seconds: float
    busy: float
    beside: float
    occupancy: float


def taken(call: Callable[[InFlight], Any], slots: int) -> Taken:
    """Calls with an engine, and measures."""
    with InFlight(relax(), max_atoms=slots * ATOMS, max_systems=slots, outputs=WANTED) as flight:
        watched = Watched(flight, slots)
        began, busy = time.perf_counter(), time.process_time()
        call(flight)
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return Taken(seconds, busy, busy - watched.seconds, watched.occupancy)


def bare(systems: Sequence[AtomicData], slots: int) -> Taken:
    """Runs systems that are all there from the beginning, each slot filled again at once."""

    def submitted(flight: InFlight) -> None:
        for future in wait([flight.call(lambda s=s: s) for s in systems]).done:
            future.result()

    return taken(submitted, slots)


def built(n: int, slots: int) -> Taken:
    """Runs the function of the campaign, which builds structures, as often."""

    def submitted(flight: InFlight) -> None:
        for future in wait([flight.call(cluster, seed) for seed in range(n)]).done:
            future.result()

    return taken(submitted, slots)


def campaign(n: int, slots: int) -> Taken:
    """Runs a campaign whose records are durable, its structures built as they are proposed."""

    def run(flight: InFlight) -> None:
        with TemporaryDirectory() as folder:
            co.Campaign(Count(n), cluster, flight, run=Path(folder) / "run").run(co.evaluations(n))

    return taken(run, slots)


def main() -> None:
    """Prints a table."""
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--systems", type=int, default=5000)
    reading.add_argument("--slots", type=int, default=64)
    reading.add_argument("--repetitions", type=int, default=3)
    asked = reading.parse_args()
    torch.set_num_threads(1)
    systems = [cluster(seed) for seed in range(asked.systems)]
    bare(systems[:50], asked.slots)  # compiles
    campaign(50, asked.slots)  # imports
    gc.collect()
    gc.freeze()  # what was imported is not to be looked through again and again
    runs = [
        (bare(systems, asked.slots), built(asked.systems, asked.slots), campaign(asked.systems, asked.slots))
        for _ in range(asked.repetitions)
    ]
    table(asked.systems, asked.slots, runs)


def table(n: int, slots: int, runs: Sequence[tuple[Taken, Taken, Taken]]) -> None:
    """Prints what was measured beside what is wanted."""
    clock, busy = median(one.seconds for one, _, _ in runs), median(one.busy for one, _, _ in runs)
    added = median(one.beside for one, _, _ in runs) / n * 1e6
    used = median(one.occupancy for one, _, _ in runs)
    ratio = median(two.seconds / one.seconds for _, one, two in runs)
    work = median(two.busy / one.busy for _, one, two in runs)
    made = median(two.seconds / one.seconds for one, _, two in runs)
    print(f"{n} relaxations of LJ13 in {slots} slots; bare batch {clock:.2f} s, {busy:.2f} s of the processors")
    for name, value, wanted, good in (
        ("engine beside its steps, us per system", f"{added:.0f}", f"<= {OVERHEAD:.0f}", added <= OVERHEAD),
        ("occupancy while systems wait", f"{used:.3f}", f">= {OCCUPANCY}", used >= OCCUPANCY),
        ("durable campaign / bare batch of the same calls", f"{ratio:.2f}", f"<= {DURABLE}", ratio <= DURABLE),
        ("the same in time of the processors", f"{work:.2f}", "stated", True),
        ("durable campaign / batch of systems made before", f"{made:.2f}", "stated", True),
        ("occupancy of the campaign", f"{median(two.occupancy for _, _, two in runs):.3f}", "stated", True),
    ):
        print(f"{name:48} {value:>8} {wanted:>10}  {'yes' if good else 'NO'}")


if __name__ == "__main__":
    main()
