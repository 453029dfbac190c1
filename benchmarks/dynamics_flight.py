"""What the engine in flight adds: to a batch of relaxations per submitted system, and as a durable campaign.

python benchmarks/dynamics_flight.py [--systems 5000] [--slots 64] [--only bare engine campaign]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
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
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.making import FIRE
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.dynamics import Dynamics

EPSILON, SIGMA, ATOMS = 0.0104, 3.405, 13
OVERHEAD, OCCUPANCY, DURABLE = 200.0, 0.95, 1.3
"""What is wanted: us per system at most, the share of slots in use at least, the ratio to the bare batch at most."""
"""Wanted at most: us per system, at least: share of slots in use, at most: ratio to the bare batch."""


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
        step = cabin.dynamics.step

        def timed(batch: Batch) -> torch.Tensor:
            if len(engine._flight.line) or len(engine._flight.feeding._queue):
                self.used += int((batch["status"] != cabin.exit).sum())
                self.made += 1
            began = time.perf_counter()
            found = step(batch)
            self.seconds += time.perf_counter() - began
            return found

        cabin.dynamics.step = timed  # type: ignore[method-assign]

    @property
    def occupancy(self) -> float:
        """The share of slots that were in use while somebody waited."""
        return self.used / max(1, self.made * self.slots)


def bare(systems: Sequence[AtomicData], slots: int) -> float:
    """Returns how long (s) the batch takes by itself."""
    began = time.perf_counter()
    run_all(relax(), systems, max_atoms=slots * ATOMS, max_systems=slots)
    return time.perf_counter() - began


def engine(systems: Sequence[AtomicData], slots: int) -> tuple[float, float, float]:
    """Returns how long (s) it takes with all submitted at once, what each system adds (us), and the occupancy."""
    with InFlight(relax(), max_atoms=slots * ATOMS, max_systems=slots) as flight:
        watched = Watched(flight, slots)
        began = time.perf_counter()
        futures = [flight.call(lambda s=s: s) for s in systems]
        for future in futures:
            future.result()
        seconds = time.perf_counter() - began
    return seconds, (seconds - watched.seconds) / len(systems) * 1e6, watched.occupancy


def campaign(n: int, slots: int) -> tuple[float, float]:
    """Returns how long (s) a campaign takes whose records are durable, and the occupancy of its batch."""
    with TemporaryDirectory() as folder, InFlight(relax(), max_atoms=slots * ATOMS, max_systems=slots) as flight:
        watched = Watched(flight, slots)
        began = time.perf_counter()
        co.Campaign(Count(n), cluster, flight, run=Path(folder) / "run").run(co.evaluations(n))
        return time.perf_counter() - began, watched.occupancy


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
    turns = [
        (bare(systems, asked.slots), engine(systems, asked.slots), campaign(asked.systems, asked.slots))
        for _ in range(asked.repetitions)
    ]
    table(asked.systems, asked.slots, turns)


def table(n: int, slots: int, turns: Sequence[tuple[float, tuple[float, float, float], tuple[float, float]]]) -> None:
    """Prints what was measured beside what is wanted."""
    middle: Callable[[Any], float] = median
    alone = middle(one for one, _, _ in turns)
    added = middle(engine[1] for _, engine, _ in turns)
    used = middle(engine[2] for _, engine, _ in turns)
    ratio = middle(whole[0] / one for one, _, whole in turns)
    print(f"{n} relaxations of LJ13 in {slots} slots, bare batch {alone:.2f} s")
    for name, value, wanted, good in (
        ("overhead of the engine, us per system", f"{added:.0f}", f"<= {OVERHEAD:.0f}", added <= OVERHEAD),
        ("occupancy while systems wait", f"{used:.3f}", f">= {OCCUPANCY}", used >= OCCUPANCY),
        ("durable campaign / bare batch", f"{ratio:.2f}", f"<= {DURABLE}", ratio <= DURABLE),
        ("occupancy of the campaign", f"{middle(whole[1] for _, _, whole in turns):.3f}", "stated", True),
    ):
        print(f"{name:40} {value:>8} {wanted:>10}  {'yes' if good else 'NO'}")


if __name__ == "__main__":
    main()
