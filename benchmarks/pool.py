"""A pool of a million SMILES: reading it, its features, opening them again, and a row of similarities.

Each step runs in a process of its own, where memory is measured: ``held`` is anonymous memory beyond
that of the imports, ``mapped`` is what is mapped from files, which the system takes back when it
needs it. Beside: the same file with all rows in memory, and the similarities from lists of int64 and
float32.

    python benchmarks/pool.py [--molecules 1000000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
from rows import Claim, show, show_claims

from cohobate.core.pool import Pool
from cohobate.host.extras import require
from cohobate.models.fingerprints import Fingerprints, packed_bits
from cohobate.models.kernels import Tanimoto
from cohobate.models.molecular import pool_fingerprints

EVERYDAY = Path(__file__).resolve().parent.parent / "examples" / "screen" / "molecules.smi"
BETWEEN = ("", "C", "CC", "O", "C(=O)", "COC")
ROWS = 50
Figures = dict[str, float]
CLAIMS = (
    Claim("read: held (MB)", 0.25, anchor="read into memory: held (MB)", smaller=True),
    Claim("read (s)", 1.25, anchor="read into memory (s)", smaller=True),
    Claim("features: at most (MB)", 1000, smaller=True),
    Claim("open again (s)", 0.05, anchor="features (s)", smaller=True),
    Claim("open again: held (MB)", 100, smaller=True),
    Claim("row (ms)", 1.0, anchor="row from lists (ms)", smaller=True),
)


def recombined(count: int) -> list[str]:
    """Returns different molecules: pairs of everyday ones, something between them."""
    chem = require("rdkit.Chem", extra="chem")
    everyday = [str(smiles) for smiles in Pool.read(EVERYDAY).column()]
    with require("rdkit.rdBase", extra="chem").BlockLogs():
        left = [smiles for smiles in everyday if chem.MolFromSmiles(smiles + "C") is not None]
        right = [smiles for smiles in everyday if chem.MolFromSmiles("C" + smiles) is not None]
    found = {a + between + b: None for between, a, b in product(BETWEEN, left, right)}
    order = np.random.default_rng(0).permutation(len(found))[:count].tolist()
    texts = list(found)
    return [texts[i] for i in order]


def memory() -> Figures:
    """Returns the megabytes of this process, by kind."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    kinds = {"held": "RssAnon", "mapped": "RssFile", "most": "VmHWM"}
    return {name: int(lines[kind].split()[0]) / 1024 for name, kind in kinds.items()}


def measured(name: str, work: Callable[[], object]) -> Figures:
    """Returns seconds and megabytes of ``work``, whose result is held."""
    before, start = memory(), time.perf_counter()
    result = work()
    took, after = time.perf_counter() - start, memory()
    assert result is not None
    return {
        f"{name} (s)": took,
        f"{name}: held (MB)": after["held"] - before["held"],
        f"{name}: mapped (MB)": after["mapped"] - before["mapped"],
        f"{name}: at most (MB)": after["most"] - before["held"] - before["mapped"],
    }


def reading(path: Path) -> Figures:
    """Returns the figures of a pool whose rows stay in the file."""
    pools: list[Pool] = []
    figures = measured("read", lambda: pools.append(Pool.read(path)) or pools)
    (pool,) = pools
    assert len(pool) > 0
    figures |= measured("describe", pool.describe)
    some = np.random.default_rng(0).integers(0, len(pool), 20_000).tolist()
    start = time.perf_counter()
    for i in some:
        assert pool.index(pool[i]) == i
    return figures | {"a row, and where it is (µs)": (time.perf_counter() - start) / len(some) * 1e6}


def listing(path: Path) -> Figures:
    """Returns the figures of the same pool in memory."""
    with patch("cohobate.core.pool.LARGE", 1 << 60):
        return measured("read into memory", lambda: Pool.read(path))


def features(path: Path, name: str) -> Figures:
    """Returns the figures of the features, and of a row of the kernel."""
    pool = Pool.read(path)
    pool.describe()
    packed_bits(["C"])  # imports what is needed
    made: list[Fingerprints] = []
    figures = measured(name, lambda: made.append(pool_fingerprints(pool)) or made)
    kernels: list[Tanimoto] = []
    figures |= measured(f"{name}: kernel", lambda: kernels.append(Tanimoto(made[0])) or kernels)
    figures["features of a molecule"] = len(made[0].bits) / len(pool)
    figures["left out"] = len(made[0].unfit)
    some = np.random.default_rng(0).integers(0, len(pool), ROWS).tolist()
    figures["first row (ms)"] = milliseconds(lambda i: kernels[0].row(i, 1.0), some[:1])
    figures["row (ms)"] = milliseconds(lambda i: kernels[0].row(i, 1.0), some)
    if name == "open again":
        figures["row from lists (ms)"] = milliseconds(listed(made[0]), some)
    return figures


def listed(features: Fingerprints) -> Callable[[int], np.ndarray]:
    """Returns the similarities from lists of int64 and float32, as simple as they can be."""
    owners = np.repeat(np.arange(len(features)), np.diff(features.start))
    order = np.argsort(features.bits, kind="stable")
    owners, counts = owners[order], features.counts[order].astype(np.float32)
    column = np.searchsorted(features.bits[order], np.arange(features.size + 1))
    sizes = np.zeros(len(features))
    np.add.at(sizes, owners, np.square(counts))

    def row(i: int) -> np.ndarray:
        shared = np.zeros(len(features), np.float32)
        own = slice(features.start[i], features.start[i + 1])
        for bit, count in zip(features.bits[own].tolist(), features.counts[own], strict=True):
            part = slice(column[bit], column[bit + 1])
            shared[owners[part]] += counts[part] * np.float32(count)
        either = sizes[i] + sizes - shared
        return np.divide(shared, either, out=np.zeros(len(sizes)), where=either > 0)

    return row


def milliseconds(row: Callable[[int], np.ndarray], some: list[int]) -> float:
    """Returns the median time of a row."""
    spent = []
    for i in some:
        start = time.perf_counter()
        row(i)
        spent.append(time.perf_counter() - start)
    return float(np.median(spent)) * 1e3


STEPS: dict[str, Callable[[Path], Figures]] = {
    "reading": reading,
    "listing": listing,
    "features": partial(features, name="features"),
    "opening": partial(features, name="open again"),
}


def run(folder: Path, count: int) -> Figures:
    """Returns the figures of all steps, in order, each in a process of its own."""
    path = folder / "million.smi"
    path.write_text("".join(f"{smiles} m{i}\n" for i, smiles in enumerate(recombined(count))))
    figures: Figures = {"file (MB)": path.stat().st_size / 1e6}
    for step in STEPS:
        command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
        environment = {**os.environ, "COHOBATE_CACHE": str(folder / "cache")}
        told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        figures |= json.loads(told)
    return figures | {"cache (MB)": sum(each.stat().st_size for each in (folder / "cache").iterdir()) / 1e6}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--molecules", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step](given.folder / "million.smi")))
        sys.exit()
    with tempfile.TemporaryDirectory() as temporary:
        found = run(given.folder or Path(temporary), given.molecules)
    show(f"{given.molecules:,} SMILES", ("what", "figure"), [(name, f"{value:,.4g}") for name, value in found.items()])
    sys.exit(not show_claims("", CLAIMS, found))
