"""Molecules whose properties are known, the demo's way of choosing, and workers that look the values up."""

from __future__ import annotations

import csv
import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cohobate.core.fidelity import Fidelity
from cohobate.core.outcome import Value
from cohobate.core.pool import Pool
from cohobate.core.protocols import Exhausted, Later, inputs_of
from cohobate.core.trial import Inputs, Result, Trial
from cohobate.host.extras import require
from cohobate.propose.sampling import RandomSampler

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data" / "ie_pool.csv"
PROPERTIES = HERE / "data" / "properties.csv"
WORKERS, FIRST = 4, 8


class Generator(Protocol):
    def suggest(self, n: int) -> object: ...

    def ingest(self, results: Sequence[Result]) -> None: ...

    def finalize(self) -> None: ...


@dataclass(frozen=True)
class Oracle:
    """Molecules, a property ``f`` to maximize and its computing time (s) at each level, and the best 1 %.

    ``values``, ``seconds``: by level, (molecules,); the level "full" is what counts.
    """

    pool: Pool
    values: Mapping[str, np.ndarray]
    seconds: Mapping[str, np.ndarray]
    best: frozenset[int]

    @property
    def fidelity(self) -> Fidelity:
        """The levels with their mean times."""
        return Fidelity("level", {level: float(seconds.mean()) for level, seconds in self.seconds.items()})


@dataclass(frozen=True)
class Run:
    """Best molecules found by their number of full evaluations, and by seconds of work (all levels).

    ``found``: (full evaluations,), cumulated; ``spent``: the work done up to each (s); ``deciding``,
    ``makespan`` (s); ``busy``: the share of the workers' time that was work.
    """

    found: np.ndarray
    spent: np.ndarray
    deciding: float
    makespan: float
    busy: float

    def after(self, evaluations: int) -> int:
        """Returns how many of the best were found by so many full evaluations."""
        return int(self.found[min(evaluations, len(self.found)) - 1])

    def within(self, seconds: float) -> int:
        """Returns how many of the best were found by so many seconds of work."""
        at = int(np.searchsorted(self.spent, seconds, side="right"))
        return int(self.found[at - 1]) if at else 0


def ionization(path: Path = DATA) -> Oracle:
    """Returns the ionization energies (eV) of a file with columns ``smiles,ie_eV,cpu_s,status``."""
    rows = [row for row in csv.DictReader(path.open()) if row["status"] == "ok"]
    return _oracle(rows, {"full": ("ie_eV", "cpu_s")}, 1.0)


def levels(name: str, sign: float = 1.0, path: Path = PROPERTIES) -> Oracle:
    """Returns a property of ``data/properties.csv`` at two levels; of molecules that have it at both."""
    columns = {"quick": (f"quick_{name}", "quick_cpu_s"), "full": (name, "cpu_s")}
    rows = [row for row in csv.DictReader(path.open()) if row[name] and row[f"quick_{name}"]]
    return _oracle(rows, columns, sign)


def full_only(oracle: Oracle) -> Oracle:
    """Returns the same without the cheap level."""
    full = {"full": oracle.values["full"]}, {"full": oracle.seconds["full"]}
    return Oracle(oracle.pool, *full, oracle.best)


def _oracle(rows: Sequence[Mapping[str, str]], columns: Mapping[str, tuple[str, str]], sign: float) -> Oracle:
    values = {level: sign * np.array([float(row[name]) for row in rows]) for level, (name, _) in columns.items()}
    seconds = {level: np.array([float(row[time]) for row in rows]) for level, (_, time) in columns.items()}
    best = np.argsort(-values["full"], kind="stable")[: round(len(rows) / 100)]
    return Oracle(Pool([row["smiles"] for row in rows], name="smiles"), values, seconds, frozenset(best.tolist()))


class Neighbours:
    """The demo's policy: eight at random, then the four highest predictions, when all are back."""

    def __init__(self, oracle: Oracle, bits: np.ndarray, seed: int) -> None:
        self.oracle, self.bits = oracle, bits
        first = RandomSampler(oracle.pool, seed=seed).suggest(FIRST)
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
            self.known[i] = result["f"]

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
        predicted = (weights * self.oracle.values["full"][known][nearest]).sum(axis=1) / weights.sum(axis=1)
        predicted[known] = -np.inf
        return np.argsort(-predicted, kind="stable")[:4].tolist()


def folded_bits(pool: Pool) -> np.ndarray:
    """Returns the demo's fingerprints: Morgan, radius 4, 256 bits: (pool, 256)."""
    chem = require("rdkit.Chem", extra="chem")
    generator = require("rdkit.Chem.rdFingerprintGenerator", extra="chem").GetMorganGenerator(radius=4, fpSize=256)
    return np.array([generator.GetFingerprintAsNumPy(chem.MolFromSmiles(s)) for s in pool.column()], np.float32)


def simulate(oracle: Oracle, make: Callable[[], Generator], full: int) -> Run:
    """Runs workers by a clock of their own to ``full`` full evaluations; a decision holds up who waits for it."""
    generator, bench = make(), Bench(oracle)
    while len(bench.found) < full:
        while len(bench.running) < WORKERS and bench.full_out + len(bench.found) < full and bench.ask(generator):
            pass
        bench.wait(generator)
    generator.finalize()
    return bench.run()


class Bench:
    """Four workers and a clock."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.clock = self.deciding = self.working = 0.0
        self.running: list[tuple[float, int, int, str, object]] = []
        self.asked = self.full_out = 0
        self.found: list[bool] = []
        self.spent: list[float] = []

    def ask(self, generator: Generator) -> bool:
        """Asks for one candidate and starts it; returns whether there was one."""
        start = time.perf_counter()
        rows = generator.suggest(1)
        took = time.perf_counter() - start
        self.clock, self.deciding = self.clock + took, self.deciding + took
        if isinstance(rows, Later | Exhausted):
            return False
        inputs = dict(inputs_of(rows[0]))
        level = inputs.pop("level", "full")
        i = self.oracle.pool.index(inputs)
        lasts = float(self.oracle.seconds[level][i])
        self.asked, self.full_out = self.asked + 1, self.full_out + (level == "full")
        heapq.heappush(self.running, (self.clock + lasts, self.asked, i, level, rows[0]))
        return True

    def wait(self, generator: Generator) -> None:
        """Waits for the next result and tells it."""
        finished, number, i, level, row = heapq.heappop(self.running)
        self.clock = max(self.clock, finished)
        self.working += float(self.oracle.seconds[level][i])
        if level == "full":
            self.full_out -= 1
            self.found.append(i in self.oracle.best)
            self.spent.append(self.working)
        trial = Trial(number, inputs_of(row), note=getattr(row, "note", None))
        generator.ingest([Result(trial, Value({"f": float(self.oracle.values[level][i])}))])

    def run(self) -> Run:
        """Returns what came of it."""
        busy = self.working / WORKERS / self.clock
        return Run(np.cumsum(self.found), np.array(self.spent), self.deciding, self.clock, busy)
