"""Anchor: the demo's screening, on molecules whose properties are known, and over 100,000 candidates.

    python benchmarks/screening.py [--seeds 40] [--part choices|strategies|levels|iteration|report]

Four simulated workers look up what was computed once, and take as long as that took, plus what a
decision takes now. The demo chooses by the k = 4 nearest neighbours by the Jaccard distance of 256
bits, weighted by distance, the four highest at a time; it is run beside ours from the same eight
molecules. Recorded anchor (20 seeds): 4.6 and 8.2 of the 25 best after 100 and 200.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from choice import enumerated
from rows import show, verdict
from screening_cases import Generator, Neighbours, Oracle, Run, folded_bits, full_only, ionization, levels, simulate

from cohobate.core.pool import Pool
from cohobate.host.extras import require
from cohobate.models.ready import TanimotoGP
from cohobate.propose.active import ActiveLearning
from cohobate.propose.sampling import RandomSampler

EVALUATIONS, HALF = 200, 100
HITS, GAIN, BUSY = (12.5, 21.5), (7.0, 12.0), 0.95
CHEAPER = 50.0
UNSEEN = (("gap", 1.0), ("dipole", 1.0), ("ea", 1.0), ("solvation", -1.0))
"""Properties that nothing was chosen on, and the sign with which they are maximized."""
Make = Callable[[int], Generator]


def learning(oracle: Oracle, **settings: object) -> Make:
    """Returns what makes our generator for a seed."""
    return lambda seed: ActiveLearning(oracle.pool, maximize="f", seed=seed, **settings)


def demo(oracle: Oracle) -> Make:
    """Returns what makes the demo's."""
    bits = folded_bits(oracle.pool)
    return lambda seed: Neighbours(oracle, bits, seed)


def runs_of(oracle: Oracle, make: Make, seeds: int, evaluations: int = EVALUATIONS) -> list[Run]:
    """Returns the runs of each seed."""
    return [simulate(oracle, lambda seed=seed: make(seed), evaluations) for seed in range(seeds)]


def spread(numbers: Iterable[float]) -> tuple[float, str]:
    """Returns the mean of some numbers, and it with its standard error as text."""
    values = np.array(list(numbers), float)
    return float(values.mean()), f"{values.mean():.1f} +- {values.std() / np.sqrt(len(values)):.1f}"


def choices(seeds: int) -> bool:
    """Prints hits, paired gain over the demo and utilisation on ionization energies; returns whether all is reached."""
    oracle = ionization()
    ours = runs_of(oracle, learning(oracle), seeds)
    theirs = runs_of(oracle, demo(oracle), seeds)
    rows = []
    for at, wanted, gain in zip((HALF, EVALUATIONS), HITS, GAIN, strict=True):
        hits, said = spread(run.after(at) for run in ours)
        _, beside = spread(run.after(at) for run in theirs)
        paired, difference = spread(one.after(at) - two.after(at) for one, two in zip(ours, theirs, strict=True))
        rows.append((f"hits at {at} of {len(oracle.best)}", said, beside, f">= {wanted}", verdict(hits >= wanted)))
        rows.append((f"paired gain at {at}", difference, "", f">= {gain:g}", verdict(paired >= gain)))
    busy, _ = spread(run.busy for run in ours)
    other, _ = spread(run.busy for run in theirs)
    rows.append(("workers busy", f"{busy:.1%}", f"{other:.1%}", f"> {BUSY:.0%}", verdict(busy > BUSY)))
    for label, name in (("deciding, s in all", "deciding"), ("makespan, s", "makespan")):
        rows.append((label, *(spread(getattr(run, name) for run in runs)[1] for runs in (ours, theirs)), "", ""))
    header = ("ionization energy", "ours", "the demo", "wanted", "")
    show(f"{len(oracle.pool)} molecules, {seeds} seeds, mean +- standard error", header, rows)
    return all(row[-1] != "MISSED" for row in rows)


def strategies(seeds: int) -> bool:
    """Prints how models and acquisitions fare on ionization energies and on what nothing was chosen on."""
    oracles = {"ie": ionization(), **{name: full_only(levels(name, sign)) for name, sign in UNSEEN}}
    rows = []
    for label, settings in STRATEGIES.items():
        print(f"# {label}", file=sys.stderr)
        cells = []
        for oracle in oracles.values():
            runs = runs_of(oracle, _make(label, oracle, settings), min(seeds, SLOW.get(label, seeds)))
            cells += [f"{spread(run.after(at) for run in runs)[0]:.1f}" for at in (HALF, EVALUATIONS)]
        rows.append((label, *cells))
    header = ("hits at 100, 200 of 25", *(f"{name} {at}" for name in oracles for at in (HALF, EVALUATIONS)))
    show(f"{seeds} seeds", header, rows)
    return True


SLOW = {"random forest, EI (2 seeds)": 2}
STRATEGIES: dict[str, dict[str, object]] = {
    "random": {},
    "the demo": {},
    "KNN, greedy": {"model": "knn"},
    "random forest, EI (2 seeds)": {"model": "forest"},
    "GP, EI (default)": {},
    "GP, EI, batches of 4": {"batch": 4},
    "GP, EI, min-max kernel": {"model": TanimotoGP(overlap="minimum")},
    "GP, PI": {"acquisition": "pi"},
    "GP, UCB 1": {"acquisition": "ucb"},
    "GP, greedy": {"acquisition": "greedy"},
    "GP, Thompson": {"acquisition": "thompson"},
}


def _make(label: str, oracle: Oracle, settings: dict[str, object]) -> Make:
    match label:
        case "random":
            return lambda seed: RandomSampler(oracle.pool, seed=seed, maximize="f")
        case "the demo":
            return demo(oracle)
    return learning(oracle, **settings)


def cheaply(seeds: int) -> bool:
    """Prints what a quick level is worth: hits by seconds of work, all levels counted."""
    rows = []
    for name, sign in UNSEEN:
        oracle = levels(name, sign)
        single = full_only(oracle)
        quick, dear = oracle.fidelity.costs
        budget = HALF * dear
        alike = np.corrcoef(oracle.values["quick"], oracle.values["full"])[0, 1]
        one = runs_of(single, learning(single), seeds, HALF + 20)
        two = runs_of(oracle, learning(oracle, fidelity=oracle.fidelity), seeds, HALF + 20)
        cells = [spread(run.within(share * budget) for run in runs)[1] for share in (0.5, 1.0) for runs in (one, two)]
        rows.append((name, f"{dear / quick:.1f}", f"{alike:.2f}", *cells))
    header = ("property", "cost ratio", "correlation", "50: full", "50: two levels", "100: full", "100: two levels")
    show(f"hits of 25 for the work of 50 and 100 full evaluations, {seeds} seeds", header, rows)
    return True


def iteration(_: int) -> bool:
    """Prints one iteration over 100,000 candidates: the demo reads, describes and scores all of them again."""
    smiles = enumerated(list(ionization().pool.column()), 100_000)
    known = np.random.default_rng(0).choice(len(smiles), EVALUATIONS, replace=False)
    values = {int(i): float(len(smiles[i])) for i in known}
    start = time.process_time()
    _demo_iteration(smiles, values)
    theirs = time.process_time() - start
    ours = float(np.median(_our_choices(Pool(smiles, name="smiles"), values)))
    ratio = theirs / (4 * ours)
    cells = (f"{4 * ours:.3f} s", f"{theirs:.2f} s", f"{ratio:.0f}x", f">= {CHEAPER:g}x", verdict(ratio >= CHEAPER))
    header = ("CPU for the next four of 100,000", "ours", "the demo", "ratio", "wanted", "")
    show(f"{EVALUATIONS} known; ours: four choices, each with the result before it", header, [("iteration", *cells)])
    return ratio >= CHEAPER


def _demo_iteration(smiles: list[str], values: dict[int, float]) -> np.ndarray:
    """What the demo does for each batch, with its libraries, in one process."""
    bits = folded_bits(Pool(smiles, name="smiles")).astype(bool)
    neighbours = require("sklearn.neighbors", extra="sklearn").KNeighborsRegressor(
        n_neighbors=4, weights="distance", metric="jaccard", n_jobs=1
    )
    known = np.array(list(values))
    neighbours.fit(bits[known], np.array(list(values.values())))
    return np.argsort(-neighbours.predict(bits))[:4]


def _our_choices(pool: Pool, values: dict[int, float]) -> list[float]:
    """Returns the CPU seconds (all threads) of each of the last choices up to so many known."""
    from cohobate.core.outcome import Value
    from cohobate.core.protocols import inputs_of
    from cohobate.core.trial import Result, Trial

    generator = ActiveLearning(pool, maximize="f")
    running, took = list(generator.suggest(4)), []
    for number in range(len(values)):
        inputs = inputs_of(running.pop(0))
        start = time.process_time()
        generator.ingest([Result(Trial(number, inputs), Value({"f": float(len(inputs["smiles"]))}))])
        running += generator.suggest(1)
        took.append(time.process_time() - start)
    generator.finalize()
    return took[-HALF:]


def report(_: int) -> bool:
    """Prints how long the report of a campaign of 10,000 trials takes, and how large it is."""

    import cohobate as co

    def length(smiles: str) -> dict[str, float]:
        if len(smiles) % 50 == 0:
            raise ValueError(f"no value for {smiles}")
        return {"f": float(len(smiles)), "g": float(smiles.count("C"))}

    pool = Pool(enumerated(list(ionization().pool.column()), 10_000), name="smiles")
    with tempfile.TemporaryDirectory() as folder:
        run, page = Path(folder) / "run", Path(folder) / "report.html"
        sampler = co.RandomSampler(pool, maximize="f")
        co.Campaign(sampler, length, co.inline(), run=run).run(co.evaluations(10_000))
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "cohobate.cli", "report", str(run), str(page)], check=True)
        took, size = time.perf_counter() - start, page.stat().st_size / 1e6
    rows = [
        ("seconds, from the command line", f"{took:.2f}", "< 5", verdict(took < 5)),
        ("megabytes", f"{size:.2f}", "< 5", verdict(size < 5)),
    ]
    show("report of 10,000 trials", ("", "ours", "wanted", ""), rows)
    return took < 5 and size < 5


PARTS: dict[str, Callable[[int], bool]] = {
    "choices": choices,
    "iteration": iteration,
    "report": report,
    "levels": cheaply,
    "strategies": strategies,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Screening beside the demo.")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--part", choices=PARTS, action="append")
    given = parser.parse_args()
    reached = [PARTS[part](given.seeds) for part in given.part or PARTS]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
