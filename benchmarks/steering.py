"""Anchor: libEnsemble's persistent generators: finding all minima, cancelling, and a long campaign that is steered.

    python benchmarks/steering.py [--part camel|borehole|throughput|all] [--seeds 8] [--quick]

camel: evaluations until a point is within 1e-3 of each of the six minima, from a cold start; 3 workers.
borehole: 90 candidates, 0.15 s per simulation, 3 workers, once in full and once with what is pointless
cancelled, by the same rule here and there; then other candidates and measurements (other seeds).
throughput: a persistent generator with one new point for each result, of a function that costs nothing;
ours in a durable run folder. Each takes the best of its numbers of points in flight. Figures of ours are
medians of the repetitions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from statistics import median

from anchors import STEERING, make, measure, printed
from rows import short, show, verdict

ALL_MINIMA, WITHIN = 500, 0.5
GROWTH, FASTER = 1.3, 3.0
ENGINES = ("threads(2)", "processes(2)", "processes(4)")
OTHERS, SAME = 20, 19
HEADER = ("", "ours", "libEnsemble", "ratio", "wanted", "")
Figures = Mapping[str, float]
Row = tuple[str, ...]


def ours(case: str, n: int) -> Figures:
    """Measures a case of ``steering_cases.py`` in a process of its own."""
    return printed(sys.executable, "steering_cases.py", case, n)


def theirs(case: str, n: int) -> tuple[Figures, str]:
    """Measures libEnsemble; ``{}`` where it is not available, and what to call the figures."""
    return (measure(STEERING, case, n), "") if make(STEERING) else ({}, " (recorded)")


def camel(given: argparse.Namespace) -> bool:
    """Prints the evaluations until all minima were hit."""
    beside, recorded = theirs("camel", given.seeds)
    beside = beside or {"median": STEERING.recorded["camel"], "successes": 7}
    mine = ours("camel", given.seeds)
    if not mine:
        print("camel: not measured, this version has no APOSMM", file=sys.stderr)
        return False
    seeds = [f"seed {seed}" for seed in range(1, given.seeds + 1)]
    rows: list[Row] = [(one, counted(mine[one]), counted(beside[one]), "", "", "") for one in seeds if one in beside]
    middle, successes = mine["median"], mine["successes"]
    rows += [
        (
            "median",
            short(middle),
            short(beside["median"]) + recorded,
            f"{middle / beside['median']:.2f}x",
            f"<= {ALL_MINIMA}",
            verdict(middle <= ALL_MINIMA),
        ),
        (
            "seeds that hit all six",
            f"{successes:g} of {given.seeds}",
            f"{beside['successes']:g} of {given.seeds}{recorded}",
            "",
            "all",
            verdict(successes == given.seeds),
        ),
    ]
    return shown("evaluations until all six minima of the camel were hit", rows)


def counted(evaluations: float) -> str:
    """Returns a number of evaluations as text."""
    return f"{evaluations:g}" if evaluations else "never"


def borehole(given: argparse.Namespace) -> bool:
    """Prints makespans in full and with cancelling, and whether other seeds find the same best."""
    beside, recorded = theirs("borehole", 0)
    mine = ours("borehole", 0)
    rows: list[Row] = [
        (label, short(mine[name]), (short(beside[name]) if beside else there) + recorded, "", "", "")
        for label, name, there in (
            ("simulated, all", "all known", "90"),
            ("simulated, with cancelling", "cancelling known", "35"),
            ("makespan of all (s)", "all (s)", "4.79"),
            ("makespan with cancelling (s)", "cancelling (s)", "1.98"),
        )
    ]
    share = mine["cancelling (s)"] / mine["all (s)"]
    there = beside["cancelling (s)"] / beside["all (s)"] if beside else 1.98 / 4.79
    rows.append(
        ("with cancelling over all", short(share), short(there), "", f"<= {WITHIN:g}", verdict(share <= WITHIN))
    )
    same = mine["cancelling misfit"] == mine["all misfit"]
    found = f"{mine['cancelling misfit']:.6f}"
    there_found = f"{beside['cancelling misfit']:.6f}" if beside else ""
    rows.append(("best misfit with cancelling", found, there_found, "", f"{mine['all misfit']:.6f}", verdict(same)))
    good = shown("calibration, seed 0, 90 candidates of 0.15 s on 3 workers", rows)
    return other_seeds(4 if given.quick else OTHERS) and good


def other_seeds(count: int) -> bool:
    """Prints how the same rule does with other candidates and measurements."""
    rows, found = [], 0
    for seed in range(1, count + 1):
        one = ours("same best", seed)
        same = one["cancelling misfit"] == one["best"]
        found += same
        cells = f"{one['cancelling misfit']:.6f}", f"{one['best']:.6f}", f"{one['cancelling known']:g} of 90"
        rows.append((str(seed), *cells, "same" if same else "other"))
    show("other seeds, 0.02 s per simulation", ("seed", "misfit found", "best of all 90", "simulated", ""), rows)
    good = found >= count * SAME / OTHERS
    print(f"the same best in {found} of {count}, wanted {SAME} of {OTHERS}: {verdict(good)}\n")
    return good


def throughput(given: argparse.Namespace) -> bool:
    """Prints evaluations per second, and what one takes at the end over what it took at the start."""
    n = given.evaluations // 10 if given.quick else given.evaluations
    beside, recorded = theirs("throughput", n)
    runs = [{engine: ours(engine, n) for engine in ENGINES} for _ in range(1 if given.quick else given.repetitions)]
    rows = [row for engine in ENGINES for row in rows_of(engine, [run[engine] for run in runs], beside, recorded)]
    return shown(f"{n:,} evaluations through one asynchronous persistent generator, {len(runs)} times", rows)


def rows_of(engine: str, runs: list[Figures], beside: Figures, recorded: str) -> list[Row]:
    """Returns the rows of one engine: rate, growth, growth of the CPU time, and the times behind them."""
    theirs_rate = beside["per second"] if beside else STEERING.recorded["throughput"]
    middle = {name: median(run[name] for run in runs) for name in runs[0]}
    rate, growth = middle["per second"], grown(middle)
    faster = rate / theirs_rate
    there = (f"{grown(beside):.2f}", spent(beside)) if beside else ("", "")
    reached = f"{faster:.2f}x", f">= {FASTER:g}x", verdict(faster >= FASTER)
    return [
        (f"{engine}, evaluations per second", short(rate), short(theirs_rate) + recorded, *reached),
        (f"{engine}, end over start", f"{growth:.2f}", there[0], "", f"<= {GROWTH:g}", verdict(growth <= GROWTH)),
        (f"{engine}, us at start -> end", spent(middle), there[1], "", "", ""),
        (f"{engine}, CPU us at start -> end", spent(middle, " CPU"), "", "", "", ""),
    ]


def grown(run: Figures) -> float:
    """Returns what an evaluation takes at the end over what it took at the start."""
    return run["last (us)"] / run["first (us)"]


def spent(run: Figures, of: str = "") -> str:
    """Returns what an evaluation takes at the start and at the end."""
    return f"{run[f'first{of} (us)']:.0f} -> {run[f'last{of} (us)']:.0f}"


def shown(title: str, rows: list[Row]) -> bool:
    """Prints a table; returns whether all was reached."""
    show(title, HEADER, rows)
    return all(row[-1] != verdict(False) for row in rows)


PARTS: dict[str, Callable[[argparse.Namespace], bool]] = {
    "camel": camel,
    "borehole": borehole,
    "throughput": throughput,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--seeds", type=int, default=8, help="seeds of the camel")
    parser.add_argument("--evaluations", type=int, default=50_000, help="of the throughput")
    parser.add_argument("--repetitions", type=int, default=5, help="of our throughput")
    parser.add_argument("--quick", action="store_true", help="a tenth of the evaluations, four other seeds")
    given = parser.parse_args()
    parts = PARTS if given.part == "all" else [given.part]
    reached = [PARTS[part](given) for part in parts]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
