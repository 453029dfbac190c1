"""The promises of the loop over tens of thousands of simulated campaigns with crashes between every two effects.

A failure names its seed; ``PYTHONPATH=src:tests python -m simulation SEED`` tells the whole story of one.
"""

from __future__ import annotations

import pytest

from cohobate.core import events as ev
from cohobate.core.outcome import Cancelled, Failure
from simulation.mutants import MUTANTS, Mutant
from simulation.mutants_of_parts import MUTANTS as OF_THESE
from simulation.world import World, simulate

CAMPAIGNS = 20_000
OF_PARTS = 2_000
CHUNK = 500
ENOUGH = 1_000
"""Campaigns in which each mutant must be found."""
CLUMSY = ("NameError", "TypeError", "AttributeError")
"""How a mutant fails that is no longer Python."""


@pytest.mark.parametrize("first", range(0, CAMPAIGNS, CHUNK))
def test_no_promise_is_broken(first: int):
    crashes = sum(simulate(seed).crashes for seed in range(first, first + CHUNK))
    assert crashes > CHUNK / 2


@pytest.mark.parametrize("first", range(0, OF_PARTS, CHUNK))
def test_no_promise_is_broken_where_candidates_are_made_of_parts(first: int):
    crashes = sum(simulate(seed, parts=1 + seed % 3).crashes for seed in range(first, first + CHUNK))
    assert crashes > CHUNK / 2


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch):
    mutant.apply(monkeypatch)
    found = next(filter(None, map(_breach, range(ENOUGH))), None)
    assert found, f"{mutant.name} ({mutant.why}) survives {ENOUGH} campaigns"
    assert not found.startswith(CLUMSY), f"{mutant.name} does not fit the core any more: {found}"


@pytest.mark.parametrize("mutant", OF_THESE, ids=lambda mutant: mutant.name)
def test_a_mutant_of_parts_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch):
    mutant.apply(monkeypatch)
    found = next(filter(None, (_breach(seed, parts=3) for seed in range(ENOUGH))), None)
    assert found, f"{mutant.name} ({mutant.why}) survives {ENOUGH} campaigns"
    assert not found.startswith(CLUMSY), f"{mutant.name} does not fit the core any more: {found}"


def _breach(seed: int, parts: int = 0) -> str | None:
    """What is found wrong with the campaign of a seed."""
    try:
        simulate(seed, parts=parts)
    except AssertionError as error:
        return str(error)
    return None


@pytest.mark.parametrize("seed", range(0, 60, 7))
def test_a_seed_tells_the_same_story_twice(seed: int):
    stories: list[list[str]] = [[], []]
    for story in stories:
        simulate(seed, story)
    assert stories[0] == stories[1]
    assert len(stories[0]) > 5


def test_the_worlds_meet_everything_that_may_happen():
    met: set[str] = set()
    for seed in range(500):
        met |= _met(simulate(seed))
    expected = (
        "harvested cached Cancelled late raised timeout worker_lost bad_output rejected Ignored AttemptFailed heard"
    )
    assert set(expected.split()) <= met
    assert {"BudgetExceeded", "DiskFull", "EngineClosed", "GeneratorError", "GoalError"} <= met


def _met(world: World) -> set[str]:
    met = {type(event).__name__ for event in world.disk.stored} | world.endings
    met |= {"heard" for event in world.disk.stored if isinstance(event, ev.Told) and event.heard}
    for event in world.disk.stored:
        if isinstance(event, ev.Finished):
            flags = {"harvested": event.harvested, "cached": event.cached, "late": event.deadline_passed}
            met |= {name for name, flag in flags.items() if flag}
            match event.outcome:
                case Failure(kind=kind):
                    met.add(kind)
                case Cancelled():
                    met.add("Cancelled")
    return met
