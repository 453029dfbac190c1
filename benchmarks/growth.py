"""Whether a campaign gets slower as it grows: a trial, opening and resuming at 1,000 and at 100,000 recorded trials.

Two run folders are made once; every repetition continues a copy of each in a fresh process, until
everything is durable and the folder is closed.

    python benchmarks/growth.py [--repetitions 5] [--large 100000]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rows import Claim, medians, show_claims

import cohobate as co
from cohobate.campaign.handle import Handle
from cohobate.ledger.ledger import open_ledger

SCRATCH = Path(__file__).resolve().parent.parent / ".benchmarks"
SMALL = 1_000
MORE = 5_000


def trivial(x: float) -> float:
    """The simulator: nothing to wait for."""
    return x * x


def started(folder: Path, n: int) -> Handle:
    """Returns the handle of a campaign on ``folder`` that goes on until there are ``n`` evaluations."""
    sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f")
    return co.Campaign(sampler, trivial, co.inline(), run=folder).start(co.evaluations(n))


def continued(folder: Path, n: int) -> dict[str, float]:
    """Opens, then resumes a folder with ``n`` recorded trials for ``MORE`` more; returns seconds."""
    began = time.perf_counter()
    ledger = open_ledger(folder)
    opened = time.perf_counter()
    ledger.close()
    closed = time.perf_counter()
    handle = started(folder, n + MORE)
    resumed = time.perf_counter()
    assert handle.result().tally.values == n + MORE
    ended = time.perf_counter()
    return {
        f"opening {n:,} trials (s)": opened - began,
        f"resuming {n:,} trials (s)": resumed - closed,
        f"a trial at {n:,} (us)": 1e6 * (ended - resumed) / MORE,
    }


def in_fresh_process(original: Path, n: int) -> Mapping[str, float]:
    """Measures on a copy."""
    with TemporaryDirectory(dir=SCRATCH) as scratch:
        copy = Path(scratch) / "run"
        shutil.copytree(original, copy)
        command = [sys.executable, __file__, "--one", str(copy), "--large", str(n)]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    figures: Mapping[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def compare(large: int, repetitions: int) -> bool:
    """Prints the rows; returns whether all claims hold."""
    claims = (
        Claim(f"a trial at {large:,} (us)", 1.3, f"a trial at {SMALL:,} (us)", smaller=True),
        Claim(f"opening {large:,} trials (s)", 0.5, smaller=True),
        Claim(f"resuming {large:,} trials (s)", 5.0, smaller=True),
    )
    SCRATCH.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=SCRATCH) as scratch:
        folders = {n: Path(scratch) / str(n) for n in (SMALL, large)}
        for n, folder in folders.items():
            started(folder, n).result()
        figures = medians([partial(in_fresh_process, folder, n) for n, folder in folders.items()], repetitions)
    return show_claims("growth (inline, durable, RandomSampler)", claims, figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(continued(given.one, given.large)))
    else:
        sys.exit(not compare(given.large, given.repetitions))
