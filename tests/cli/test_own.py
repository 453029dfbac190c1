"""Generators of one's own, from a file: bodies that steer, and functions that return a generator."""

from __future__ import annotations

import pytest

from cohobate.ledger.reader import open_reader

BODY = """
import cohobate as co

@co.persistent
def halve(steer, problem, rng, tolerance):
    low, high = -1.0, 2.0
    while high - low > tolerance:
        (result,) = steer.evaluate([{"x": (low + high) / 2}])
        low, high = (result.trial.inputs["x"], high) if result["f"] < 0 else (low, result.trial.inputs["x"])
    return high

def halving(problem, tolerance):
    return halve(problem, tolerance=tolerance)

def nothing(problem):
    return 3

class Telling:
    # halves its loss and its error with each result

    def __init__(self, problem):
        self.problem, self.known = problem, 0

    def suggest(self, n):
        return [{"x": 0.5}]

    def ingest(self, results):
        self.known += len(results)

    def finalize(self):
        pass

    def loss(self):
        return 0.5**self.known

    error = loss

def cubed(x):
    return {"f": x**3 - 0.5}
"""
FILE = """
[campaign]
goal = {{ {kind} = {goal} }}
[generator]
kind = "own"
use = "steps:{use}"
settings = {settings}
minimize = "f"
[variables]
x = {{ kind = "real", lo = -1.0, hi = 2.0 }}
[simulator]
use = "steps:cubed"
[engine]
kind = "inline"
"""


@pytest.fixture
def own(here):
    def write(use="halve", settings="{ tolerance = 1e-3 }", goal=50, kind="evaluations"):
        (here / "steps.py").write_text(BODY)
        (here / "campaign.toml").write_text(FILE.format(use=use, settings=settings, goal=goal, kind=kind))
        return here

    return write


@pytest.mark.parametrize("use", ["halve", "halving"])
def test_a_body_runs_to_its_end_and_its_value_is_kept(here, own, cohobate_there, use):
    own(use)
    called = cohobate_there("run")
    assert (called.code, called.err) == (0, "")
    assert "12 evaluations (0 failed, 0 rejected); stopped: the generator has returned" in called.out
    (line,) = (line for line in cohobate_there("status").out.splitlines() if line.startswith("returned"))
    assert abs(float(line.split()[1]) - 0.5 ** (1 / 3)) < 1e-3
    with open_reader(here / "run") as reader:
        (end,) = reader.returned()
    assert abs(end.value["value"] - 0.5 ** (1 / 3)) < 1e-3


def test_it_is_continued_replayed_and_at_its_end_stays_there(here, own, cohobate_there):
    own(goal=5)
    assert "5 evaluations" in cohobate_there("run").out
    assert "equal: 5 asks, 5 proposals" in cohobate_there("replay").out
    own(goal=50)
    assert "12 evaluations" in cohobate_there("run").out
    assert "equal: 12 asks, 12 proposals" in cohobate_there("replay").out
    again = cohobate_there("run")
    assert again.code == 0
    assert "12 evaluations" in again.out


def test_an_optimiser_of_ours_is_named_by_its_module(own, cohobate_there):
    here = own()
    file = here / "campaign.toml"
    named = 'use = "cohobate.propose.optimisers:minimize"'
    file.write_text(file.read_text().replace('use = "steps:halve"', named).replace("{ tolerance = 1e-3 }", "{}"))
    called = cohobate_there("run")
    assert (called.code, called.err) == (0, "")
    assert "stopped: the generator has returned" in called.out


@pytest.mark.parametrize(
    ("use", "settings", "said"),
    [
        ("halve", "{ tolerence = 1 }", "no parameter 'tolerence'; did you mean 'tolerance'?"),
        ("halved", "{}", "there is no 'halved' in steps; did you mean 'halve'?"),
        ("nothing", "{}", "'steps:nothing' should return a generator of a problem and settings, got 3"),
        ("halving", "{ t = 1 }", "'steps:halving' with these settings raised TypeError"),
    ],
)
def test_what_is_no_generator_is_refused_in_one_line(own, cohobate_there, use, settings, said):
    here = own(use, settings)
    called = cohobate_there("run")
    assert called.code == 2
    assert said in called.err
    assert called.err.count("\n") == 1
    assert not (here / "run").exists()


def test_needs_that_can_never_be_met_are_refused_in_one_line(own, cohobate_there):
    here = own()
    file = here / "campaign.toml"
    file.write_text(file.read_text().replace("[generator]", "needs = { gpus = 1 }\n[generator]", 1))
    called = cohobate_there("run")
    assert called.code == 2
    assert "gpus" in called.err
    assert called.err.count("\n") == 1


def test_it_may_run_until_little_is_left_and_stays_there(own, cohobate_there):
    here = own("Telling", "{}", 0.1, "error")
    for _ in range(2):
        called = cohobate_there("run")
        assert (called.code, called.err) == (0, "")
        assert "error 0.0312" in called.out
        with open_reader(here / "run") as reader:
            assert reader.tally.values == 4 + 1  # one is on its way when the fourth is told


def test_a_goal_that_it_cannot_tell_of_is_refused_in_one_line(own, cohobate_there):
    own(goal=0.1, kind="loss")
    called = cohobate_there("run")
    assert called.code != 0
    assert "has no loss" in called.err
