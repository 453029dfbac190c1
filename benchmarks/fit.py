"""Anchor: ChemFit: what a call of an objective costs, alone and recorded, a refit by LAMMPS, stragglers, files.

    python benchmarks/fit.py [--part calls|durable|sleep|argon|stragglers|files|all] [--repetitions 3]

calls: one call with 1 to 512 trivial terms. durable: the same recorded on disk, for each term. sleep: 16 terms that
each wait 0.1 s for a program. argon: LAMMPS runs and time until argon's energies are met. stragglers: the share of
time in which workers are busy. files: what an evaluation by files costs beyond its program.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial

from anchors import CHEMFIT, make, measure, printed
from fit_argon import program
from rows import Claim, medians, short, show, show_claims

NAMES = {1: 7.0, 8: 35.0, 64: 168.0, 512: 1423.0}
"""Recorded costs of ChemFit's calls (us) by the number of terms."""
HALF = 0.5
PER_TERM = 40.0
RUNS, LOSS = 216, 1e-12
SLEEPS = {16: 0.115, 4: 0.41}
BUSY = 0.85
OVER = 1.0
Figures = Mapping[str, float]


def ours(case: str, n: int) -> Figures:
    """Measures a case of ``fit_cases.py`` in a process of its own."""
    return printed(sys.executable, "fit_cases.py", case, n)


def theirs(case: str, n: int) -> Figures:
    """Measures ChemFit, its figures named so; ``{}`` where it is not available."""
    if not make(CHEMFIT):
        return {}
    os.environ["COHOBATE_LMP"] = program()[0]
    return {f"ChemFit {name}": figure for name, figure in measure(CHEMFIT, case, n).items()}


def calls(given: argparse.Namespace) -> bool:
    """Prints what a call costs without an engine."""
    seen = medians([partial(theirs, "calls", 0), partial(ours, "calls", 0)], given.repetitions)
    recorded = {f"ChemFit call {n}": cost for n, cost in NAMES.items()}
    claims = [Claim(f"call {n}", HALF, f"ChemFit call {n}", smaller=True) for n in NAMES]
    missing = tuple(name for name in recorded if name not in seen)
    good = show_claims("one call of an objective with trivial terms, us", claims, {**recorded, **seen}, missing)
    fixed = [Claim(f"call {n}", cost / 2, smaller=True) for n, cost in NAMES.items()]
    return show_claims("the same beside half of the recorded figures, us", fixed, seen) and good


def durable(given: argparse.Namespace) -> bool:
    """Prints what a term costs in a campaign that records on disk."""
    seen = medians([partial(ours, "durable", n) for n in (8, 64, 512)], given.repetitions)
    claims = [Claim(name, PER_TERM, smaller=True) for name in seen if not name.endswith(", 8 terms")]
    rows = show_claims("a trivial term in a campaign with a run folder, us", claims, seen)
    few = [(name, short(seen[name])) for name in seen if name.endswith(", 8 terms")]
    show("the same with few terms", ("ours", "us for each term"), few)
    return rows


def sleep(given: argparse.Namespace) -> bool:
    """Prints how long 16 waiting terms take."""
    measurements = [partial(one, "sleep", n) for n in SLEEPS for one in (theirs, ours)]
    seen = medians(measurements, given.repetitions)
    claims = [Claim(f"sleep {n}", most, smaller=True) for n, most in SLEEPS.items()]
    claims += [Claim(f"sleep {n}", 1.05, f"ChemFit sleep {n}", smaller=True) for n in SLEEPS]
    return show_claims("a call with 16 terms of 0.1 s, by the number of threads, s", claims, seen)


def argon(given: argparse.Namespace) -> bool:
    """Prints what the refit of argon takes."""
    seen = medians([partial(theirs, "argon", 0), partial(ours, "argon", 0)], 1)
    claims = [
        Claim("runs", RUNS, smaller=True),
        Claim("loss", LOSS, smaller=True),
        Claim("runs", HALF, "ChemFit runs", smaller=True),
        Claim("seconds", HALF, "ChemFit seconds", smaller=True),
        Claim("seconds in all", HALF, "ChemFit seconds in all", smaller=True),
    ]
    good = show_claims(
        "argon refitted by LAMMPS from (0.02, 3.0) to a loss of 1e-12: one run for each energy", claims, seen
    )
    rows = [(name, f"{seen[name]:.10g}") for name in sorted(seen)]
    show("what came of it (truth: 0.0104 eV, 3.405 Å)", ("figure", ""), rows)
    return good


def stragglers(given: argparse.Namespace) -> bool:
    """Prints how busy workers are where a quarter of the work takes ten times longer."""
    measurements = [partial(one, "stragglers", n) for n in (4, 16) for one in (theirs, ours)]
    seen = medians(measurements, given.repetitions)
    claims = [Claim(name, BUSY) for name in seen if not name.startswith("ChemFit")]
    good = show_claims("share of the time in which workers are busy", claims, seen)
    rows = [(name, f"{figure:.2f}") for name, figure in seen.items() if name.startswith("ChemFit")]
    show("beside it: nevergrad in batches", ("", "utilisation"), rows)
    return good


def files(given: argparse.Namespace) -> bool:
    """Prints what an evaluation by files costs beyond its program."""
    seen = medians([partial(theirs, "files", 200), partial(ours, "files", 200)], given.repetitions)
    claims = [Claim("over", OVER, smaller=True)]
    good = show_claims("an evaluation by files beyond a bare subprocess.run, ms", claims, seen)
    rows = [(name, f"{figure:.2f} ms") for name, figure in sorted(seen.items())]
    show("what it is made of", ("figure", ""), rows)
    return good


PARTS: dict[str, Callable[[argparse.Namespace], bool]] = {
    "calls": calls,
    "durable": durable,
    "sleep": sleep,
    "argon": argon,
    "stragglers": stragglers,
    "files": files,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    chosen = PARTS if given.part == "all" else {given.part: PARTS[given.part]}
    good = [part(given) for part in chosen.values()]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
