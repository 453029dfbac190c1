"""Defects in how candidates are made of parts: the simulation must find each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cohobate.campaign import campaign, resume
from cohobate.campaign.parts.attempts import Attempts
from cohobate.campaign.parts.bench import Bench
from simulation.mutant import Mutant


def begins_again(patch: pytest.MonkeyPatch) -> None:
    def end(self: Attempts, course: Any, outcome: Any) -> Any:
        course.made.clear()
        return ended(self, course, outcome)

    ended = Attempts.end
    patch.setattr(Attempts, "end", end)


def forgets_progress(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(campaign, "recorded", lambda *_: {})


def takes_twice(patch: pytest.MonkeyPatch) -> None:
    unpack = Bench.unpack

    def again(self: Bench, load: Any) -> Iterator[Any]:
        for want, report in unpack(self, load):
            yield want, report
            want.course.wants.setdefault(want.name, want)
            yield want, report

    patch.setattr(Bench, "unpack", again)


def ends_early(patch: pytest.MonkeyPatch) -> None:
    take = Attempts.take

    def hasty(self: Attempts, course: Any, part: Any, report: Any) -> Iterator[Any]:
        yield from take(self, course, part, report)
        if course.outcome is None and len(course.left) == 1:
            yield self.end(course, report.outcome)

    patch.setattr(Attempts, "take", hasty)


def harvests_twice(patch: pytest.MonkeyPatch) -> None:
    progress = resume._progress
    patch.setattr(resume, "_progress", lambda trial, spooled, kept: progress(trial, spooled, {}))


MUTANTS = [
    Mutant("begins again", "a further attempt makes all parts", begins_again),
    Mutant("forgets progress", "a resumed session makes recorded parts again", forgets_progress),
    Mutant("takes twice", "the judge is given a part twice", takes_twice),
    Mutant("ends early", "a candidate has an outcome before its last part", ends_early),
    Mutant("harvests twice", "what is recorded is taken from the spool once more", harvests_twice),
]
