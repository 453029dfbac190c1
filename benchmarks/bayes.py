"""Anchor: BoTorch on functions with known optima, from the same initial points, one evaluation at a time.

    OMP_NUM_THREADS=1 python benchmarks/bayes.py --python .venv/gest/bin/python [--seeds 5] [--case Branin]

Regret is that of the best true value among evaluated points (for two objectives: the share of the
largest hypervolume that is missing), mean +- standard error over seeds; ratio is ours over the anchor's,
of the geometric means, so below 1 is better.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from bayes_cases import CASES, Case
from rows import show

from cohobate.core.outcome import Value
from cohobate.core.problem import AtMost, Output, Problem, Real
from cohobate.core.protocols import inputs_of
from cohobate.core.trial import Result, Trial
from cohobate.propose.optimisers.bayes import BayesianOptimizer

HERE = Path(__file__).resolve().parent
LEAST = 1e-9
"""Regrets below this are rounding."""
Story = dict[str, list[float]]


def problem_of(case: Case) -> Problem:
    """Returns the problem that a case is."""
    limits = len(case.outputs(np.full(case.axes, 0.5))) - case.objectives
    objectives = tuple(Output(f"f{k}", "minimize") for k in range(case.objectives))
    constraints = tuple(Output(f"g{k}", AtMost(0.0)) for k in range(limits))
    return Problem({f"x{k}": Real(0.0, 1.0) for k in range(case.axes)}, objectives + constraints)


def ours(case: Case, seed: int) -> tuple[Story, list[list[float]]]:
    """Returns the story of a run of ours, and its points."""
    problem = problem_of(case)
    reference = case.reference and {f"f{k}": value for k, value in enumerate(case.reference)}
    generator = BayesianOptimizer(problem, initial=case.initial, seed=seed, reference=reference)
    points, true, seconds = [], [], []
    for number in range(case.evaluations):
        began = time.perf_counter()
        [row] = generator.suggest(1)
        seconds.append(time.perf_counter() - began)
        points.append(list(inputs_of(row).values()))
        exact, measured = case.measured(np.array(points[-1]), seed, number)
        true.append(exact)
        value = Value(dict(zip(problem.output_names, measured, strict=True)))
        generator.ingest([Result(Trial(number, inputs_of(row)), value)])
    regret = [case.regret(np.array(true[:n])) for n in range(1, len(true) + 1)]
    return {"regret": regret, "seconds": seconds[case.initial :]}, points


def compare(python: str, name: str, seeds: int) -> list[tuple[str, ...]]:
    """Returns the rows of a case."""
    case = CASES[name]
    mine, theirs = [], []
    command = [python, str(HERE / "anchor_botorch.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as anchor:
        assert anchor.stdin is not None
        assert anchor.stdout is not None
        for seed in range(seeds):
            story, points = ours(case, seed)
            mine.append(story)
            print(json.dumps({"case": name, "seed": seed, "initial": points[: case.initial]}), file=anchor.stdin)
            anchor.stdin.flush()
            theirs.append(json.loads(anchor.stdout.readline()))
        anchor.stdin.close()
    return [*(_regrets(name, mine, theirs, at) for at in case.looked_at), _seconds(name, mine, theirs)]


def _regrets(name: str, mine: list[Story], theirs: list[Story], at: int) -> tuple[str, ...]:
    pair = [np.array([story["regret"][at - 1] for story in stories]) for stories in (mine, theirs)]
    geometric = [np.exp(np.log(np.maximum(one, LEAST)).mean()) for one in pair]
    return (f"{name}: regret at {at}", *map(_spread, pair), f"{geometric[0] / geometric[1]:.2g}x")


def _seconds(name: str, mine: list[Story], theirs: list[Story]) -> tuple[str, ...]:
    pair = [float(np.median([s for story in stories for s in story["seconds"]])) for stories in (mine, theirs)]
    return (f"{name}: s per choice, median", f"{pair[0]:.3f}", f"{pair[1]:.3f}", f"{pair[0] / pair[1]:.2g}x")


def _spread(values: np.ndarray) -> str:
    return f"{values.mean():.2e} +- {values.std(ddof=1) / np.sqrt(len(values)):.1e}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Bayesian optimisation beside BoTorch.")
    parser.add_argument("--python", required=True, help="an interpreter that has botorch")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--case", choices=CASES, action="append")
    given = parser.parse_args()
    for name in given.case or CASES:
        rows = compare(given.python, name, given.seeds)
        show(f"{given.seeds} seeds, same initial points", ("", "ours", "BoTorch", "ratio"), rows)
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
