"""What a trial costs on each engine, with every event durable, beside the engine's own loop over the same workers.

python benchmarks/engines.py [--repetitions 5] [--scale 1.0] [--only dask mpi ...] [--no-stragglers]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from engine_cases import BARE, CASES, OWN
from rows import Claim, medians, short, show, show_claims, verdict
from stragglers import both

from cohobate.host.groups import end, start

HERE = Path(__file__).resolve().parent
COUNTS = {"HTEX, prefetch 0": 2_000, "HTEX, prefetch 16": 2_000, "dask": 2_000}
USUAL = 10_000
SLOW, RATIO, ADDED = 200.0, 1.2, 80.0
"""An engine that takes longer (us) may be so many times as slow with us, others may take so much (us) more."""
MINUTES = 10
HEADER = ("engine", "own loop at its best", "us", "ours", "us", "ratio", "added", "wanted", "")
CLAIMS = [
    claim
    for workers in (4, 16)
    for claim in (
        Claim(f"ours, {workers} threads", 0.9),
        Claim(f"ours, {workers} threads", 1.0, f"barrier, {workers} threads"),
    )
]


@dataclass(frozen=True, slots=True)
class Taken:
    """How an engine's own loop was run, and what each contender took at each turn (us per task)."""

    case: str
    own: str
    turns: Sequence[dict[str, float]]

    def rows(self) -> list[tuple[str, ...]]:
        """Returns a row for each of our engines."""
        return [self._row(mode) for mode in self.turns[0] if mode != OWN]

    def _row(self, mode: str) -> tuple[str, ...]:
        own = median(self._figures(OWN))
        ratio = median(turn[mode] / turn[OWN] for turn in self.turns)
        added = median(turn[mode] - turn[OWN] for turn in self.turns)
        good, wanted = (ratio <= RATIO, f"<= {RATIO:g}x") if own > SLOW else (added <= ADDED, f"<= +{ADDED:g}")
        last = (wanted, verdict(good)) if mode == BARE else ("stated", "")
        measured = (spread(self._figures(OWN)), mode, spread(self._figures(mode)))
        return (self.case, self.own, *measured, f"{ratio:.2f}x", f"{added:+.0f}", *last)

    def _figures(self, name: str) -> list[float]:
        return [turn[name] for turn in self.turns]


def spread(figures: Sequence[float]) -> str:
    """Returns the median, and between what figures it lies.

    >>> spread([3, 1, 2])
    '2 (1-3)'
    """
    return f"{short(median(figures))} ({short(min(figures))}-{short(max(figures))})"


def measure(case: str, n: int, repetitions: int) -> Taken | None:
    """Measures an engine in a process of its own, which is ended with all that it has started."""
    command = [sys.executable]
    if case == "mpi":
        command = [str(Path(sys.executable).with_name("mpiexec")), "-n", "3", sys.executable, "-m", "mpi4py.futures"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with TemporaryDirectory() as folder:
        result, output = Path(folder) / "result", Path(folder) / "output"
        with output.open("wb") as written:
            program = [*command, str(HERE / "engine_cases.py"), case, str(n), str(repetitions), str(result)]
            process, group = start(
                program, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=written, stderr=written
            )
            try:
                process.wait(60 * MINUTES)
            except subprocess.TimeoutExpired:
                print(f"{case}: not over in {MINUTES} minutes", file=sys.stderr)
            finally:
                end([group], grace=0.5)
                process.wait()
        if not result.exists():
            print(f"{case} cannot be measured: {output.read_text()[-2000:]}", file=sys.stderr)
            return None
        found = json.loads(result.read_text())
    return Taken(case, found["own"], found["turns"])


def compare(cases: Sequence[str], scale: float, repetitions: int) -> bool:
    """Prints the rows of each engine; returns whether what is wanted was reached."""
    rows: list[tuple[str, ...]] = []
    for case in cases:
        n = max(100, int(scale * COUNTS.get(case, USUAL)))
        taken = measure(case, n, repetitions)
        rows += [(case, *["-"] * 7, "NOT MEASURED")] if taken is None else taken.rows()
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    show("microseconds per task", HEADER, rows)
    return all(row[-1] in ("ok", "") for row in rows)


def compare_stragglers(repetitions: int) -> bool:
    """Prints how busy threads are; returns whether they are busy enough."""
    measured: list[Callable[[], dict[str, float]]] = [partial(both, 4), partial(both, 16)]
    return show_claims("share of the workers' time that is work", CLAIMS, medians(measured, repetitions))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the numbers of evaluations")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES), metavar="ENGINE")
    parser.add_argument("--no-stragglers", action="store_true")
    given = parser.parse_args()
    good = compare(given.only, given.scale, given.repetitions)
    if not given.no_stragglers:
        good = compare_stragglers(given.repetitions) and good
    sys.exit(not good)
