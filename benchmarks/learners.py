"""Anchor: adaptive's learners: what choosing a point costs, how many points it takes, the loop around it, integrals.

    python benchmarks/learners.py [--part cost|points|runner|integral|all] [--repetitions 3] [--quick]

cost: CPU time of ``ask(1)`` and ``tell`` for each point, of loading many, of large chunks, and how it grows.
points: points until the function is known well enough: on a line the largest error of the straight lines
between neighbours, on a plane the root mean square error.
runner: evaluations per second of a durable campaign on two processes.
integral: evaluations until the learner says that the tolerance is kept, and how far off it is then.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import inf, log10

from anchors import ADAPTIVE, Anchor, make, measure, printed
from learner_functions import INTEGRALS, LINES, PLANES, TOLERANCES
from rows import Claim, Measurement, medians, short, show, show_claims, verdict

LEARNERS = replace(
    ADAPTIVE,
    program="anchor_learners.py",
    recorded={"1d": 76, "Learner2D": 2_537, "2d": 955, "3d": 2_655, "balance": 584, "load": 8.6},
)
BESIDE = {
    "1D, 10k points": ("1d", "1d", 10_000, 6),
    "2D, 10k points": ("2d", "Learner2D", 10_000, 25),
    "2D, 3k points": ("2d", "2d", 3_000, 12),
    "2D, 3k points, its default loss": ("2d volume", "2d", 3_000, 12),
    "3D, 3k points": ("3d", "3d", 3_000, 6),
    "3D, 3k points, its default loss": ("3d volume", "3d", 3_000, 6),
    "balancing 1,000 in 1D, 10k points": ("balance", "balance", 10_000, 10),
    "loading 30k points in 1D": ("load", "load", 30_000, 100),
}
"""Of each row of costs our case and theirs, the number of points, and how much cheaper ours is to be."""
GROWTH = {"1D, 10k to 100k": ("1d", 10_000), "2D, 1k to 10k": ("2d", 1_000), "3D, 1k to 10k": ("3d", 1_000)}
STEEPEST = 1.1
BULK = {"ask, by 1,000": 5.0, "ask, by 10,000": 5.0, "tell_many, by 1,000": 1.0, "tell_many, by 10,000": 1.0}
"""Of points in 1D up to 100,000 (us for each)."""
MOST = {"peak": 80, "peak, absolute": 80, "sin(30x)": 200, "ring": 2_394}
"""Points that ours may take at most; of all others, no more than with the best of adaptive's losses."""
FASTER = 2.0
LOSSES = ("default", "triangle", "curvature")
Figures = Mapping[str, float]
Row = tuple[str, ...]


def ours(case: str, n: int) -> Figures:
    """Measures a case of ``learner_cases.py`` in a process of its own."""
    return printed(sys.executable, "learner_cases.py", case, n)


def theirs(anchor: Anchor, case: str, n: int) -> Figures:
    """Measures adaptive, ``{}`` where it is not available."""
    return measure(anchor, case, n) if make(anchor) else {}


def costs(given: argparse.Namespace) -> bool:
    """Prints what a point costs, ours and theirs in turn, how that grows, and large chunks."""
    scale = 10 if given.quick else 1
    measurements: list[Measurement] = []
    claims, recorded = [], {}
    for row, (mine, other, n, cheaper) in BESIDE.items():
        measurements.append(partial(named, f"{row}, adaptive", partial(theirs, LEARNERS, other, n // scale)))
        measurements.append(partial(named, row, partial(ours, mine, n // scale)))
        claims.append(Claim(row, 1 / cheaper, f"{row}, adaptive", smaller=True))
        recorded[f"{row}, adaptive"] = LEARNERS.recorded[other]
    seen = medians(measurements, given.repetitions)
    unmeasured = tuple(name for name in recorded if name not in seen)
    good = show_costs(claims, {**recorded, **seen}, unmeasured)
    return bulk(given) & growth(given) & good


def named(name: str, measurement: Measurement) -> Figures:
    """Returns the one figure of a measurement by its row."""
    found = list(measurement().values())
    return dict(zip([name], found, strict=False))


def show_costs(claims: list[Claim], figures: Figures, recorded: tuple[str, ...]) -> bool:
    """Prints costs: in them the ratio is how much cheaper ours is."""
    rows: list[Row] = []
    for claim in claims:
        mine, beside, wanted = figures[claim.ours], figures[claim.anchor or ""], 1 / claim.target
        mark = " (recorded)" if claim.anchor in recorded else ""
        cells = short(mine), short(beside) + mark, f"{beside / mine:.1f}x", f">= {wanted:g}x"
        rows.append((claim.ours, *cells, verdict(beside / mine >= wanted)))
    return shown("CPU time of ask(1) and tell, us per point (loading: s)", rows)


def bulk(given: argparse.Namespace) -> bool:
    """Prints what a point costs in large chunks, up to 100,000 of them."""
    seen = medians([partial(ours, "bulk", 100_000)], given.repetitions)
    claims = [Claim(name, most, smaller=True) for name, most in BULK.items()]
    return show_claims("CPU time in 1D up to 100,000 points, us per point", claims, seen)


def growth(given: argparse.Namespace) -> bool:
    """Prints the exponent with which all costs grow together from N to 10 N points."""
    measurements = [
        partial(named, f"{row} {k}", partial(ours, case, k * n)) for row, (case, n) in GROWTH.items() for k in (1, 10)
    ]
    seen = medians(measurements, given.repetitions)
    found = {row: 1 + log10(seen[f"{row} 10"] / seen[f"{row} 1"]) for row in GROWTH}
    claims = [Claim(row, STEEPEST, smaller=True) for row in GROWTH]
    return show_claims("growth of the total cost, exponent of N", claims, found)


def points(given: argparse.Namespace) -> bool:
    """Prints how many points are needed."""
    mine, beside = ours("lines", 0), theirs(LEARNERS, "lines", 0)
    rows = [line_row(name, mine, beside) for name in LINES]
    header = ("function, largest relative error", "learned()", "lines", *LOSSES, "uniform", "to the best", "wanted", "")
    show("points in 1D until straight lines (and ours: what learned() returns) are good enough", header, rows)
    flat, planes = ours("planes", 0), theirs(LEARNERS, "planes", 0)
    pages = [row for name in PLANES for row in plane_rows(name, flat, planes)]
    header = ("function, rms error", "ours", "Learner2D", "curvature", "uniform", "to the best", "wanted", "")
    show("points in 2D until the interpolant is good enough (adaptive: linear)", header, pages)
    return all(row[-1] != verdict(False) for row in [*rows, *pages])


def line_row(name: str, mine: Figures, beside: Figures) -> Row:
    """Returns the row of a function on a line."""
    others = [beside.get(f"{name} {loss}", inf) for loss in LOSSES]
    cells = (
        counted(mine[f"{name} learned"]),
        counted(mine[name]),
        *map(counted, others),
        counted(mine[f"{name} uniform"]),
    )
    return (f"{name}, {LINES[name].error:g}", *cells, *judged(mine[name], min(others), MOST.get(name)))


def plane_rows(name: str, mine: Figures, beside: Figures) -> list[Row]:
    """Returns the rows of a function on a plane, one for each interpolant of ours."""
    others = [beside.get(f"{name} {kind}", inf) for kind in ("Learner2D", "curvature")]
    rows = []
    for kind in ("default", "linear"):
        found = mine[f"{name} {kind}"]
        cells = counted(found), *map(counted, others), counted(mine[f"{name} uniform"])
        judgement = judged(found, min(others), MOST.get(name)) if kind == "default" else ("", "", "")
        rows.append((f"{name}, {PLANES[name].error:g}, {kind} interpolant", *cells, *judgement))
    return rows


def judged(found: float, best: float, most: float | None) -> tuple[str, str, str]:
    """Returns the ratio to the best of the others, what was wanted, and whether it was reached."""
    ratio = f"{found / best:.2f}x" if found < inf and best < inf else ""
    wanted = f"<= {best:g}" if most is None else f"<= {most:g}"
    return ratio, wanted, verdict(found <= (best if most is None else most))


def counted(n: float) -> str:
    """Returns a number of points as text."""
    return f"{n:,.0f}" if n < inf else "more"


def runner(given: argparse.Namespace) -> bool:
    """Prints evaluations per second with Learner1D on two processes."""
    n = 2_000 if given.quick else 10_000
    mine, other = "campaign, durable, processes(2)", "BlockingRunner, ProcessPool(2)"
    beside = partial(named, other, partial(theirs, ADAPTIVE, "default", n))
    seen = medians([beside, partial(named, mine, partial(ours, "runner", n))], given.repetitions)
    recorded = {other: ADAPTIVE.recorded["default"]}
    claim = Claim(mine, FASTER, other)
    unmeasured = tuple(name for name in recorded if name not in seen)
    return show_claims(f"{n:,} evaluations of Learner1D, per second", [claim], {**recorded, **seen}, unmeasured)


def integral(given: argparse.Namespace) -> bool:
    """Prints the evaluations of integrals."""
    mine, beside = ours("integrals", 0), theirs(LEARNERS, "integrals", 0)
    rows: list[Row] = []
    for name in [f"{one} {tolerance:g}" for one in INTEGRALS for tolerance in TOLERANCES]:
        n, other, off = mine[name], beside.get(name, inf), mine[f"{name} off"]
        good = n <= other and off <= float(name.rpartition(" ")[2])
        cells = counted(n), counted(other), f"{n / other:.2f}x", "<= 1x"
        rows.append((name, *cells, verdict(good), f"{off:.0e}", f"{beside.get(f'{name} off', inf):.0e}"))
    header = ("integrand, tolerance", "ours", "adaptive", "ratio", "wanted", "", "ours off", "adaptive off")
    show("evaluations until the integral is within its tolerance", header, rows)
    return all(row[5] != verdict(False) for row in rows)


def shown(title: str, rows: list[Row]) -> bool:
    """Prints a table; returns whether all was reached."""
    show(title, ("", "ours", "adaptive", "ratio", "wanted", ""), rows)
    return all(row[-1] != verdict(False) for row in rows)


PARTS: dict[str, Callable[[argparse.Namespace], bool]] = {
    "cost": costs,
    "points": points,
    "runner": runner,
    "integral": integral,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the points; the ratios wanted are of all")
    given = parser.parse_args()
    parts = PARTS if given.part == "all" else [given.part]
    reached = [PARTS[part](given) for part in parts]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
