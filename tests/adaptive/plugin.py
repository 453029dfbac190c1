"""A pytest plugin that lets adaptive's own tests run on our learners; writes what became of each as JSON.

Loaded by ``-p plugin`` in an environment that has adaptive, before its test modules are imported. Each test
draws the same random numbers in every run, so that what passes is the same too.
"""

from __future__ import annotations

import json
import os
import random
import sys
from zlib import crc32

import adaptive
import adaptive.runner
import numpy as np
import pytest
import stand_ins

REPORT = "COHOBATE_ADAPTIVE_REPORT"
"""The variable that names the file of outcomes."""
HOMES = {
    "Learner1D": "learner1D",
    "Learner2D": "learner2D",
    "LearnerND": "learnerND",
    "AverageLearner": "average_learner",
    "AverageLearner1D": "average_learner1D",
    "IntegratorLearner": "integrator_learner",
    "SequenceLearner": "sequence_learner",
    "BalancingLearner": "balancing_learner",
    "DataSaver": "data_saver",
}
outcomes: dict[str, str] = {}


def replace() -> None:
    """Puts our classes wherever adaptive keeps its own; what else it can run on is not asked for."""
    for name, home in HOMES.items():
        ours = getattr(stand_ins, name)
        for module in (adaptive, adaptive.learner, adaptive.runner, sys.modules[f"adaptive.learner.{home}"]):
            if hasattr(module, name):
                setattr(module, name, ours)
    adaptive.runner.with_distributed = adaptive.runner.with_ipyparallel = adaptive.runner.with_mpi4py = False


def seed(name: str) -> None:
    """Makes random numbers those of a test."""
    random.seed(crc32(name.encode()))
    np.random.seed(crc32(name.encode()))


seed("collection")
replace()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Seeds each test by its name."""
    seed(called(item))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Keeps the outcome of each test: of its reruns the last."""
    made = yield
    report = made.get_result()
    if report.when == "call" or report.outcome != "passed":
        expected = "x" if hasattr(report, "wasxfail") else ""
        became = {"passed": "passed", "failed": "failed", "skipped": "failed" if expected else "skipped"}
        outcomes[called(item)] = expected + became[report.outcome]


def pytest_sessionfinish() -> None:
    """Writes the outcomes."""
    with open(os.environ[REPORT], "w") as file:
        json.dump(outcomes, file, indent=1)


def called(item: pytest.Item) -> str:
    """Returns a test's module and name."""
    return f"{item.module.__name__.removeprefix('adaptive.tests.')}::{item.name}"
