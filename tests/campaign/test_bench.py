"""Parts at an engine that does what the test says: which go together, and what becomes of a load that is lost."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, final

import pytest

from campaign.composites import Adding, times
from cohobate.campaign.loads import Back
from cohobate.campaign.parts import bench
from cohobate.campaign.parts.bench import MOST, Bench, Conditions
from cohobate.campaign.parts.catalogue import Catalogue
from cohobate.campaign.parts.course import Course, Want
from cohobate.campaign.parts.durations import Durations
from cohobate.campaign.parts.known import Known
from cohobate.campaign.parts.making import Report, Site
from cohobate.core.context import cancellable
from cohobate.core.errors import DeadlineExceeded, WorkerLost
from cohobate.core.outcome import Value
from cohobate.core.parts import Part
from cohobate.core.task import Task


@final
class Scripted:
    """Two workers."""

    workers = 2

    def __init__(self, *, kills: bool = True) -> None:
        self.kills = kills
        self.given: list[tuple[Task, Future[Any]]] = []
        self.asked: list[Future[Any]] = []

    def submit(self, task: Task) -> Future[Any]:
        self.given.append((task, Future()))
        return self.given[-1][1]

    def room(self) -> int:
        return 2 * self.workers - len(self.open)

    def cancel(self, future: Future[Any]) -> None:
        self.asked.append(future)

    def close(self) -> None: ...

    def describe(self) -> str:
        return "scripted"

    @property
    def open(self) -> list[tuple[Task, Future[Any]]]:
        return [(task, future) for task, future in self.given if not future.done()]

    def sizes(self) -> list[int]:
        return [len(task.args) for task, _ in self.open]


@final
class Bank:
    """A bench for one candidate of so many parts, which are known to be tiny."""

    def __init__(self, number: int, *, tiny: bool = True, kills: bool = True, **conditions: Any) -> None:
        self.engine, self.backs = Scripted(kills=kills), list[Back]()
        durations = Durations()
        parts = [Part(f"{i}", times, (1.0, float(i))) for i in range(number)]
        for part in parts if tiny else ():
            durations.heed(part.name, 1e-5)
        self.bench = Bench(
            self.engine,
            self.backs.append,
            conditions=Conditions(**conditions),
            durations=durations,
            known=Known(),
        )
        self.bench.catalogue = Catalogue.of(Site(), parts)
        self.course = Course(0, 1, parts, Adding(number, None))
        for part in parts:
            self.bench.want(self.course, part, {})
        self.bench.send()

    def heard(self) -> list[tuple[Want, Report]]:
        found = [end for back in self.backs for end in self.bench.unpack(back.load)]
        self.backs.clear()
        return found

    def values(self) -> dict[str, float]:
        ends = self.heard()
        return {w.name: r.outcome.outputs["value"] for w, r in ends if isinstance(r.outcome, Value)}


def answer(one: tuple[Task, Future[Any]], first: int | None = None) -> None:
    task, future = one
    future.set_result(task.fn(*task.args[:first]))


def test_tiny_parts_go_together_to_all_workers():
    assert Bank(64).engine.sizes() == [32, 32]
    assert Bank(5 * MOST).engine.sizes() == [MOST] * 4


def test_what_is_not_known_to_be_tiny_goes_alone():
    assert Bank(9, tiny=False).engine.sizes() == [1, 1, 1, 1]
    assert Bank(9, needs={"gpu": 1}).engine.sizes() == [1, 1, 1, 1]
    assert Bank(9, deadline=0.01).engine.sizes() == [1, 1, 1, 1]


def test_what_a_load_did_not_come_to_is_made_again():
    bank = Bank(8)
    answer(bank.engine.open[0], first=1)
    assert bank.values() == {"0": 0.0}
    bank.bench.send()
    assert bank.engine.sizes() == [4, 3]


@pytest.mark.parametrize("error", [WorkerLost("SIGKILL"), DeadlineExceeded("too long")])
def test_after_a_lost_load_each_part_goes_alone(error: Exception):
    bank = Bank(4)
    bank.engine.open[0][1].set_exception(error)
    assert bank.heard() == []
    bank.bench.send()
    assert bank.engine.sizes() == [2, 1, 1]


def test_a_flag_that_was_meant_for_another_part_is_no_end():
    bank = Bank(2 * 2)
    task, future = bank.engine.open[0]
    with cancellable(lambda: True):
        future.set_result(task.fn(*task.args))
    assert bank.heard() == []
    bank.bench.send()
    assert sorted(bank.engine.sizes()) == [1, 1, 2]


def test_a_load_that_does_not_come_back_is_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench, "OVERDUE", -1.0)
    bank = Bank(4)
    bank.bench.send()
    assert len(bank.engine.asked) == 2
    for future in bank.engine.asked:
        future.cancel()
    assert bank.heard() == []
    bank.bench.send()
    assert bank.engine.sizes() == [1, 1, 1, 1]


def test_what_cannot_be_stopped_is_made_beside_it_and_the_first_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench, "OVERDUE", -1.0)
    bank = Bank(4, kills=False)
    first, second = bank.engine.open
    bank.bench.send()
    assert bank.engine.asked == []
    assert bank.engine.sizes() == [2, 2, 1, 1]
    alone = bank.engine.open[2]
    answer(alone)
    early = bank.values()
    assert len(early) == 1
    answer(first)
    answer(second)
    assert {*early, *bank.values()} == {"0", "1", "2", "3"}
    assert len(bank.engine.asked) == 1  # the other that was on its way
    bank.bench.send()
    assert bank.engine.sizes() == [1]


def test_what_nobody_wants_is_stopped_and_never_begins():
    bank = Bank(9, tiny=False)
    for want in bank.course.wants.values():
        bank.bench.drop(want)
    assert len(bank.engine.asked) == 4
    for future in bank.engine.asked:
        future.cancel()
    assert bank.heard() == []
    bank.bench.send()
    assert len(bank.engine.given) == 4
