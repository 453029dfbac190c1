"""Anchor: one choice out of 100,000 molecules with 200 known in 50 ms (99th percentile, refits included).

The demo this replaces scores the pool from scratch for each batch: 5.1 s of fingerprints and 5.8 s
of nearest neighbours at 200 known (recorded, ../shared/anchors/screening.md, section 1). Usage:
``python benchmarks/choice.py [pool.csv] [molecules]``; the csv has a column ``smiles``.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

import numpy as np

from cohobate.core.outcome import Value
from cohobate.core.pool import Pool
from cohobate.core.protocols import inputs_of
from cohobate.core.trial import Result, Trial
from cohobate.host.extras import require
from cohobate.models import posterior
from cohobate.models.features import molecules
from cohobate.models.fingerprints import Fingerprints
from cohobate.models.likelihood import Hyper
from cohobate.models.ready import TanimotoGP
from cohobate.propose.active import ActiveLearning

DATA = Path(__file__).parents[2] / "shared" / "data" / "ie_pool.csv"
WORKERS = 4
FROM, TO = 130, 330
"""Around 200 known; fits begin, and those before them take hold, at 140, 210 and 315."""
RECORDED = 10.9


def enumerated(smiles: list[str], count: int) -> list[str]:
    """Returns ``count`` molecules made by bonding the last atom of one to the first of another."""
    chem = require("rdkit.Chem", extra="chem")
    random = np.random.default_rng(0)
    found: dict[str, str] = {}
    with require("rdkit.rdBase", extra="chem").BlockLogs():
        while len(found) < count:
            a, b = random.choice(len(smiles), 2)
            molecule = chem.MolFromSmiles(smiles[a] + smiles[b])
            if molecule is not None:
                found[chem.MolToSmiles(molecule)] = ""
    return list(found)


def property_of(features: Fingerprints) -> np.ndarray:
    """Returns something to maximise: a random weight for each feature, and a little noise."""
    random = np.random.default_rng(1)
    rows = np.repeat(np.arange(len(features)), np.diff(features.start))
    weights = random.standard_normal(features.size)[features.bits] * features.counts
    return np.bincount(rows, weights=weights, minlength=len(features)) + random.standard_normal(len(features))


def choices(pool: Pool, features: Fingerprints, values: np.ndarray, seed: int) -> np.ndarray:
    """Returns the seconds, and CPU seconds of this thread, of each ingest of one result and suggest of one row.

    Between FROM and TO known: (choices, 2).
    """
    generator = ActiveLearning(pool, maximize="f", model=TanimotoGP(lambda _: features), seed=seed)
    running = deque(map(inputs_of, generator.suggest(WORKERS)))
    seconds = []
    for known in range(1, TO + 1):
        row = running.popleft()
        result = Result(Trial(known, row), Value({"f": values[pool.index(row)]}))
        start = time.perf_counter(), time.thread_time()
        generator.ingest([result])
        chosen = generator.suggest(1)
        seconds.append((time.perf_counter() - start[0], time.thread_time() - start[1]))
        running.extend(map(inputs_of, chosen))
    generator.finalize()
    return np.array(seconds[FROM:])


def report(label: str, measure: Callable[[int], np.ndarray]) -> None:
    ms = 1000 * np.concatenate([measure(seed) for seed in range(3)])
    p50, p99 = np.percentile(ms, [50, 99], axis=0)
    print(f"{label}: {len(ms)} choices, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for kind, column in (("wall", 0), ("CPU of the choosing thread", 1)):
        numbers = f"median {p50[column]:6.1f} ms   p99 {p99[column]:6.1f} ms   max {ms[:, column].max():6.1f} ms"
        print(f"  {kind:28s}{numbers}")
    print(f"  the demo's {RECORDED} s (recorded) is {1000 * RECORDED / p50[0]:.0f} times the median")


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    pool = Pool(enumerated([row["smiles"] for row in csv.DictReader(path.open())], count), name="smiles")
    start = time.perf_counter()
    features = molecules(pool)
    took = time.perf_counter() - start
    print(f"fingerprints of {count} molecules: {took:.1f} s, {len(features.bits) / count:.0f} features each")
    values = property_of(features)
    measure = partial(choices, pool, features, values)
    report(f"{FROM} to {TO} known, {WORKERS} pending", measure)
    noises = cycle([1e-2, 1e-3])
    with patch.object(posterior, "fit", lambda *_: Hyper(1.0, next(noises))):
        report("the same, each refit changes the noise", measure)


if __name__ == "__main__":
    main()
