"""Anchor: how many of the 25 best of 2,521 molecules are found, beside the demo's nearest neighbours.

Ionization energies and durations were computed once; four simulated workers look them up, and wait
as long as the computation took plus what the decision took now. The demo's policy (k = 4 nearest
neighbours by the Jaccard distance of 256 bits, weighted by distance, the four highest at a time) is
run beside ours on the same molecules and first eight. Recorded anchor (../shared/anchors/screening.md,
section 3): 4.6 and 8.2 of 25 after 100 and 200. Usage: ``python benchmarks/screening_offline.py
[pool.csv] [seeds]``; the csv has columns ``smiles,ie_eV,cpu_s,status``.
"""

from __future__ import annotations

import csv
import heapq
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cohobate.core.outcome import Value
from cohobate.core.pool import Pool
from cohobate.core.protocols import Exhausted, Later, inputs_of
from cohobate.core.trial import Inputs, Result, Trial
from cohobate.host.extras import require
from cohobate.learn.models import TanimotoGP
from cohobate.propose.active import ActiveLearning
from cohobate.propose.sampling import RandomSampler

DATA = Path(__file__).parents[2] / "shared" / "data" / "ie_pool.csv"
WORKERS, EVALUATIONS, BEST = 4, 200, 25


class Generator(Protocol):
    def suggest(self, n: int) -> object: ...

    def ingest(self, results: Sequence[Result]) -> None: ...

    def finalize(self) -> None: ...


@dataclass(frozen=True)
class Oracle:
    """Molecules whose ionization energies (eV) and computing times (s) are known."""

    pool: Pool
    energies: np.ndarray
    seconds: np.ndarray
    best: frozenset[int]


@dataclass(frozen=True)
class Run:
    """Best molecules found after 100 and 200, decision time (s), time to the end (s), share of it used."""

    at_100: int
    at_200: int
    deciding: float
    makespan: float
    busy: float


def read(path: Path) -> Oracle:
    rows = [row for row in csv.DictReader(path.open()) if row["status"] == "ok"]
    energies = np.array([float(row["ie_eV"]) for row in rows])
    seconds = np.array([float(row["cpu_s"]) for row in rows])
    pool = Pool([row["smiles"] for row in rows], name="smiles")
    return Oracle(pool, energies, seconds, frozenset(np.argsort(-energies)[:BEST].tolist()))


class Neighbours:
    """The demo's policy: eight at random, then the four highest predictions, when all are back."""

    def __init__(self, oracle: Oracle, bits: np.ndarray, seed: int) -> None:
        self.oracle, self.bits = oracle, bits
        first = RandomSampler(oracle.pool, seed=seed).suggest(8)
        self.queue = [oracle.pool.index(row) for row in first]
        self.known: dict[int, float] = {}
        self.out: set[int] = set()

    def suggest(self, n: int) -> list[Inputs] | Later:
        if not self.queue and not self.out:
            self.queue = self.highest()
        if not self.queue:
            return Later()
        taken, self.queue = self.queue[:n], self.queue[n:]
        self.out.update(taken)
        return [self.oracle.pool[i] for i in taken]

    def ingest(self, results: Sequence[Result]) -> None:
        for result in results:
            i = self.oracle.pool.index(result.trial.inputs)
            self.out.discard(i)
            self.known[i] = result["ie"]

    def finalize(self) -> None:
        pass

    def highest(self) -> list[int]:
        """Nearest neighbours as sklearn weighs them: at distance 0 only those count."""
        known = np.array(list(self.known))
        shared = self.bits @ self.bits[known].T
        sizes = self.bits.sum(axis=1)
        distance = 1 - shared / np.maximum(sizes[:, None] + sizes[known] - shared, 1)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :4]
        near = np.take_along_axis(distance, nearest, axis=1)
        weights = np.where((near == 0).any(axis=1, keepdims=True), near == 0, 1 / np.maximum(near, 1e-12))
        predicted = (weights * self.oracle.energies[known][nearest]).sum(axis=1) / weights.sum(axis=1)
        predicted[known] = -np.inf
        return np.argsort(-predicted, kind="stable")[:4].tolist()


def folded_bits(pool: Pool) -> np.ndarray:
    """Returns the demo's fingerprints: Morgan, radius 4, 256 bits: (pool, 256)."""
    chem = require("rdkit.Chem", extra="chem")
    generator = require("rdkit.Chem.rdFingerprintGenerator", extra="chem").GetMorganGenerator(radius=4, fpSize=256)
    return np.array([generator.GetFingerprintAsNumPy(chem.MolFromSmiles(s)) for s in pool.column()], np.float32)


def simulate(oracle: Oracle, generator: Generator) -> Run:
    """Runs workers by a clock of their own; a decision holds up only the worker that waits for it."""
    clock, deciding, working, found = 0.0, 0.0, 0.0, []
    running: list[tuple[float, int]] = []
    while len(found) < EVALUATIONS:
        while len(running) < WORKERS and len(found) + len(running) < EVALUATIONS:
            start = time.perf_counter()
            rows = generator.suggest(1)
            took = time.perf_counter() - start
            clock, deciding = clock + took, deciding + took
            if isinstance(rows, Later | Exhausted):
                break
            i = oracle.pool.index(inputs_of(rows[0]))
            working += oracle.seconds[i]
            heapq.heappush(running, (clock + oracle.seconds[i], i))
        finished, i = heapq.heappop(running)
        clock = max(clock, finished)
        found.append(i in oracle.best)
        generator.ingest([Result(Trial(len(found), oracle.pool[i]), Value({"ie": float(oracle.energies[i])}))])
    generator.finalize()
    return Run(sum(found[:100]), sum(found), deciding, clock, working / WORKERS / clock)


def report(label: str, runs: list[Run]) -> None:
    table = np.array([[run.at_100, run.at_200, run.deciding, run.makespan, run.busy] for run in runs])
    mean, error = table.mean(axis=0), table.std(axis=0) / np.sqrt(len(runs))
    hits = f"hits {mean[0]:5.1f} +- {error[0]:.1f} at 100, {mean[1]:5.1f} +- {error[1]:.1f} at 200 of {BEST}"
    times = f"deciding {mean[2]:5.2f} s  makespan {mean[3]:5.1f} s  workers busy {mean[4]:4.0%}"
    print(f"{label:34s} {hits}  {times}")


def main() -> None:
    oracle = read(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
    seeds = range(int(sys.argv[2]) if len(sys.argv) > 2 else 10)
    bits = folded_bits(oracle.pool)

    def learning(seed: int, acquisition: str = "ei", batch: int | None = None, overlap: str = "product") -> Generator:
        model = TanimotoGP(overlap=overlap)
        return ActiveLearning(oracle.pool, maximize="ie", model=model, acquisition=acquisition, batch=batch, seed=seed)

    def with_model(seed: int, model: str, batch: int | None = None) -> Generator:
        return ActiveLearning(oracle.pool, maximize="ie", model=model, batch=batch, seed=seed)

    policies = {
        "random": lambda seed: RandomSampler(oracle.pool, seed=seed),
        "the demo: 4-NN, 256 bits, batch 4": lambda seed: Neighbours(oracle, bits, seed),
        "GP, EI": learning,
        "GP, EI, batch 4": lambda seed: learning(seed, batch=4),
        "GP, EI, min-max Tanimoto": lambda seed: learning(seed, overlap="minimum"),
        "GP, UCB 1": lambda seed: learning(seed, "ucb"),
        "GP, PI": lambda seed: learning(seed, "pi"),
        "GP, greedy": lambda seed: learning(seed, "greedy"),
        "GP, Thompson": lambda seed: learning(seed, "thompson"),
        "our KNN, greedy": lambda seed: with_model(seed, "knn"),
        "our KNN, greedy, batch 4": lambda seed: with_model(seed, "knn", batch=4),
        "random forest, EI": lambda seed: with_model(seed, "forest"),
    }
    print(f"{len(oracle.pool)} molecules, {WORKERS} workers, {len(seeds)} seeds, mean +- standard error")
    for label, make in policies.items():
        report(label, [simulate(oracle, make(seed)) for seed in seeds])


if __name__ == "__main__":
    main()
