"""Learners in campaigns of several workers: stopped, continued, and every choice found again from the record."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

import cohobate as co
from cohobate.campaign.replay import replay
from cohobate.ledger.reader import open_reader


def shaky(seed: int, x: float = 0.5) -> float:
    if seed % 7 == 3:
        raise ValueError("no")
    return math.tanh(8 * x) + random.Random(f"{seed} {x!r}").gauss(0, 0.2)


def singular(x: float) -> float:
    return abs(x - 0.25) ** -0.4


CASES = {
    "sequence": (lambda: co.SequenceLearner([*range(30), *range(5)] * 2), lambda item: item * item),
    "average": (lambda: co.AverageLearner(atol=0.03), shaky),
    "noisy": (lambda: co.AverageLearner1D((-1, 1), min_samples=4), shaky),
    "integrator": (lambda: co.IntegratorLearner((0, 1), 1e-4), singular),
}


@pytest.mark.parametrize("name", CASES)
def test_every_choice_is_found_again(tmp_path: Path, name: str):
    make, simulator = CASES[name]

    def campaign():
        learner = make()
        return learner, co.Campaign(
            learner,
            co.simulator(simulator, version="1"),
            co.threads(4),
            run=tmp_path / "run",
            failure_budget=None,
        )

    for n in (20, 45, 150):
        learner, one = campaign()
        one.run(co.evaluations(n))
    with open_reader(tmp_path / "run") as reader:
        found = replay(reader, make(), learner.problem)
    assert found.difference is None
    assert found.trials >= 50
    assert learner.npoints + len(learner.holes) == found.trials
