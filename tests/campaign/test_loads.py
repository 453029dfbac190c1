"""Tiny attempts go to an engine several at a time, and each still has its own end."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, final

import pytest

from cohobate.campaign import elsewhere, loads
from cohobate.campaign.elsewhere import Elsewhere
from cohobate.campaign.loads import MOST, Back, Full, InTurn, Paced, Terms, size_of
from cohobate.campaign.moves import Ended, Halt
from cohobate.core.context import cancellable
from cohobate.core.errors import DeadlineExceeded, EngineClosed, WorkerLost
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.task import Task
from cohobate.core.trial import Evaluated, Inputs, Trial

TINY = 1e-5


def evaluate(trial: int, attempt: int, inputs: Inputs) -> Evaluated:
    return Evaluated(Value({"f": 2.0 * inputs["x"]}), 0.0, TINY, "somebody")


def taking(seconds: float) -> Evaluated:
    return Evaluated(Value({"f": 0.0}), 0.0, seconds)


@final
class Scripted:
    """An engine of two workers that does what the test says, when it says so."""

    workers = 2
    kills = True

    def __init__(self) -> None:
        self.given: list[tuple[Task, Future[Any]]] = []
        self.asked: list[Future[Any]] = []
        self.others = 0

    def submit(self, task: Task) -> Future[Any]:
        self.given.append((task, Future()))
        return self.given[-1][1]

    def room(self) -> int:
        return 2 * self.workers - self.others - len([future for _, future in self.given if not future.done()])

    def cancel(self, future: Future[Any]) -> None:
        self.asked.append(future)

    def close(self) -> None:
        """Nothing runs."""

    def describe(self) -> str:
        return "scripted"

    @property
    def open(self) -> list[tuple[Task, Future[Any]]]:
        return [(task, future) for task, future in self.given if not future.done()]

    def run(self) -> None:
        """Does all there is."""
        for task, future in self.open:
            future.set_result(task.fn(*task.args))


@final
class Told:
    """What hands say of attempts, by the one who has them unpack what came back, as the driver does."""

    def __init__(self, engine: Scripted, **terms: Any) -> None:
        self.items: list[Any] = []
        self.engine = engine
        settings: dict[str, Any] = {"deadline": None, "grace": 2.0, "several": InTurn(evaluate), **terms}
        self.hands = Elsewhere(engine, Terms(evaluate, **settings), self.items.append)
        self.next = 0

    def submit(self, number: int, **trial: Any) -> list[int]:
        """Submits attempts in one turn; returns their trials."""
        ids = list(range(self.next, self.next + number))
        self.next += number
        for id in ids:
            self.hands.submit(Trial(id, {"x": float(id)}, **trial), 1)
        self.hands.send()
        return ids

    def heard(self) -> dict[int, Any]:
        """Takes a turn; returns the reports by trial, each of which came once."""
        items, self.items[:] = list(self.items), []
        ends: list[Ended | Halt] = []
        for item in items:
            ends += self.hands.unpack(item) if isinstance(item, Back) else [item]
        self.hands.send()
        assert not [end for end in ends if isinstance(end, Halt)]
        reports = {end.trial: end.report for end in ends if isinstance(end, Ended)}
        assert len(reports) == len(ends)
        return reports

    def warmed(self) -> Told:
        """Has seen how short the attempts are."""
        self.submit(100)
        self.engine.run()
        assert len(self.heard()) == 100
        return self


def trials(task: Task) -> list[int]:
    """The trials of a load, or of a single attempt."""
    return [task.args[0]] if isinstance(task.args[0], int) else [attempt[0] for attempt in task.args]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, no load comes back early."""
    monkeypatch.setattr(loads, "LATEST", 60.0)


@pytest.fixture
def engine() -> Scripted:
    return Scripted()


@pytest.fixture
def told(engine: Scripted) -> Told:
    return Told(engine).warmed()


def shares(engine: Scripted) -> list[int]:
    return [len(trials(task)) for task, _ in engine.open]


class TestSize:
    def test_attempts_go_alone_until_it_is_known_how_short_they_are(self, engine: Scripted):
        Told(engine).submit(3)
        assert shares(engine) == [1, 1, 1]

    def test_tiny_ones_go_together_and_none_is_forgotten(self, engine: Scripted, told: Told):
        ids = told.submit(100)
        assert shares(engine) == [MOST, MOST, MOST, 4]
        engine.run()
        reports = told.heard()
        assert sorted(reports) == ids
        assert all(report.outcome == Value({"f": 2.0 * id}) for id, report in reports.items())
        assert all(report.worker == "somebody" for report in reports.values())

    def test_a_worker_with_nothing_to_do_gets_its_share(self, engine: Scripted, told: Told):
        told.submit(10)
        assert shares(engine) == [5, 5]

    def test_who_has_needs_or_has_failed_goes_alone(self, engine: Scripted, told: Told):
        told.submit(4, needs={"licence": 1})
        told.hands.submit(Trial(900, {"x": 1.0}), 2)
        told.hands.send()
        assert shares(engine) == [1] * 5

    @pytest.mark.parametrize("seconds", [1.0, 0.003])
    def test_long_ones_go_alone_again(self, engine: Scripted, told: Told, seconds: float):
        while sum(shares(engine)) != len(shares(engine)) or not engine.open:
            told.submit(4)
            for task, future in engine.open:
                future.set_result([taking(seconds)] if len(trials(task)) > 1 else taking(seconds))
            told.heard()
            assert told.next < 400
        assert engine.open

    def test_room_is_for_two_loads_of_each_worker(self, engine: Scripted, told: Told):
        assert told.hands.room() == 4 * MOST
        told.submit(4 * MOST)
        assert told.hands.room() == 0
        engine.open[0][1].set_result([])

    def test_a_little_room_is_none_lest_loads_become_ever_smaller(self, told: Told):
        told.submit(4 * MOST - MOST // 2 + 1)
        assert told.hands.room() == 0

    def test_an_engine_that_is_busy_with_others_has_no_room(self, engine: Scripted, told: Told):
        engine.others = 4
        assert told.hands.room() == 0

    @pytest.mark.parametrize(
        "terms", [{"deadline": 0.01}, {"needs": {"gpu": 1}}, {"several": None}], ids=["hurried", "needs", "async"]
    )
    def test_not_where_something_stands_against_it(self, engine: Scripted, terms: dict[str, Any]):
        settings = {"deadline": None, "grace": 1.0, "several": InTurn(evaluate), **terms}
        assert size_of(engine, Terms(evaluate, **settings)) is None

    def test_not_where_what_hangs_cannot_be_killed(self, engine: Scripted):
        engine.kills = False  # type: ignore[misc]
        terms = Terms(evaluate, None, 1.0, several=InTurn(evaluate))
        assert size_of(engine, terms) is None

    def test_one_call_takes_all_it_can(self, engine: Scripted):
        assert size_of(engine, Terms(evaluate, None, 1.0, several=InTurn(evaluate), batch=7)) == Full(7)

    def test_pace_follows_the_latest(self):
        pace = Paced()
        assert pace.now() == 1
        for _ in range(100):
            pace.heed(1e-4)
        assert pace.now() == pytest.approx(20, abs=1)


class TestLost:
    @pytest.mark.parametrize("error", [WorkerLost("died"), DeadlineExceeded("hung")])
    def test_each_is_made_again_alone_and_only_one_is_to_blame(self, engine: Scripted, told: Told, error: Exception):
        ids = told.submit(8)
        for _, future in engine.open:
            future.set_exception(error)
        assert told.heard() == {}
        assert [(trials(task), task.fn) for task, _ in engine.open] == [([id], evaluate) for id in ids]
        assert {task.attempt for task, _ in engine.open} == {1}
        engine.open[2][1].set_exception(error)
        engine.run()
        reports = told.heard()
        assert [id for id, report in reports.items() if isinstance(report.outcome, Failure)] == [ids[2]]
        assert sorted(reports) == ids

    def test_what_it_did_not_come_to_goes_again(self, engine: Scripted, told: Told):
        ids = told.submit(20)
        task, future = engine.open[0]
        future.set_result(task.fn(*task.args[:3]))
        assert sorted(told.heard()) == ids[:3]
        assert sorted(id for task, _ in engine.open for id in trials(task)) == ids[3:]

    def test_who_was_flagged_for_another_is_made_again_alone(self, engine: Scripted, told: Told):
        ids = told.submit(20)
        task, future = engine.open[0]
        early = Evaluated(Failure("raised", "stopped early"), 0.0, TINY, flagged=True)
        future.set_result([*task.fn(*task.args[:3]), early])
        assert sorted(told.heard()) == ids[:3]
        assert [ids[3]] in [trials(task) for task, _ in engine.open]

    def test_an_engine_that_is_gone_ends_the_campaign(self, engine: Scripted, told: Told):
        told.submit(20)
        engine.open[0][1].cancel()
        (halt,) = told.hands.unpack(told.items[0])
        assert isinstance(halt, Halt)
        assert isinstance(halt.error, EngineClosed)

    def test_one_that_does_not_come_back_is_stopped_and_then_each_goes_alone(
        self, engine: Scripted, monkeypatch: pytest.MonkeyPatch
    ):
        told = Told(engine).warmed()
        monkeypatch.setattr(elsewhere, "OVERDUE", -1.0)
        ids = told.submit(6)
        told.hands.send()
        assert engine.asked == [future for _, future in engine.open]
        for future in engine.asked:
            future.cancel()
        assert told.heard() == {}
        assert [trials(task) for task, _ in engine.open] == [[id] for id in ids]


class TestCancelled:
    def test_in_a_load_that_waits_only_it_is_cancelled(self, engine: Scripted, told: Told):
        ids = told.submit(8)
        told.hands.cancel(ids[1])
        told.hands.cancel(ids[2])
        (future,) = engine.asked  # once for both
        future.cancel()
        reports = told.heard()
        assert {id: report.outcome for id, report in reports.items()} == {ids[1]: Cancelled(), ids[2]: Cancelled()}
        engine.run()
        assert sorted([*reports, *told.heard()]) == ids

    def test_in_a_load_that_ends_all_the_same_its_value_is_kept(self, engine: Scripted, told: Told):
        ids = told.submit(8)
        told.hands.cancel(ids[1])
        engine.run()
        assert told.heard()[ids[1]].outcome == Value({"f": 2.0 * ids[1]})

    def test_a_load_that_is_killed_for_it_is_made_again_without_it(self, engine: Scripted, told: Told):
        ids = told.submit(8)
        told.hands.cancel(ids[1])
        engine.asked[0].set_exception(WorkerLost("killed"))
        assert list(told.heard()) == [ids[1]]
        engine.run()
        assert sorted(told.heard()) == [ids[0], *ids[2:]]

    def test_one_that_is_not_yet_sent_is_cancelled_too(self, engine: Scripted, told: Told):
        told.hands.submit(Trial(900, {"x": 1.0}), 1)
        told.hands.cancel(900)
        engine.asked[0].cancel()
        assert told.heard()[900].outcome == Cancelled()

    def test_leaving_asks_each_load_once(self, engine: Scripted, told: Told):
        told.submit(8)
        told.hands.leave()
        assert engine.asked == [future for _, future in engine.open]


@final
class Misfortune:
    """Whatever may happen to what an engine has: it ends, in part or not at all, is flagged, lost, called off."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.engine = Scripted()
        self.told = Told(self.engine).warmed()
        self.submitted: list[int] = []
        self.ended: dict[int, Any] = {}
        self.cancelled: set[int] = set()
        self.lost: set[int] = set()

    def turn(self) -> None:
        """Something happens, and is heard of."""
        if self.rng.random() < 0.4:
            self.submitted += self.told.submit(self.rng.randint(1, 80))
        for task, future in self.engine.open:
            if self.rng.random() < 0.5:
                self.happen(task, future)
        self.hear()
        self.call_off()

    def happen(self, task: Task, future: Future[Any]) -> None:
        if self.rng.random() < 0.3:
            self.lost |= {id for id in trials(task) if len(trials(task)) == 1}
            future.set_exception(WorkerLost("died"))
        elif future in self.engine.asked and self.rng.random() < 0.5:
            future.cancel()
        elif len(trials(task)) == 1:
            future.set_result(evaluate(*task.args))
        else:
            reports = list(task.fn(*task.args[: self.rng.randint(1, len(task.args))]))
            if self.rng.random() < 0.3:
                reports[-1] = replace(reports[-1], flagged=True)
            future.set_result(reports)

    def call_off(self) -> None:
        """Trials that run are cancelled."""
        running = [id for id in self.submitted if id not in self.ended]
        for id in self.rng.sample(running, min(len(running), self.rng.choice([0, 0, 1, 5]))):
            self.cancelled.add(id)
            self.told.hands.cancel(id)

    def hear(self) -> None:
        reports = self.told.heard()
        assert not reports.keys() & self.ended.keys()
        self.ended.update(reports)
        there = [id for task, _ in self.engine.open for id in trials(task)]
        assert len(there) == len(set(there))
        assert sorted([*there, *self.ended]) == self.submitted

    def finish(self) -> None:
        """All that is left is done, without further misfortune."""
        while self.engine.open:
            self.engine.run()
            self.hear()


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_each_attempt_has_one_end_of_its_own(seed: int):
    misfortune = Misfortune(seed)
    for _ in range(40):
        misfortune.turn()
    misfortune.finish()
    assert sorted(misfortune.ended) == misfortune.submitted
    for id, report in misfortune.ended.items():
        match report.outcome:
            case Value(outputs):
                assert outputs == {"f": 2.0 * id}
            case Cancelled():
                assert id in misfortune.cancelled
            case Failure(kind):
                assert (kind, id in misfortune.lost) == ("worker_lost", True)


class TestInTurn:
    ATTEMPTS = tuple((id, 1, {"x": float(id)}) for id in range(4))

    def reports(self, evaluate: Any = evaluate) -> Sequence[Evaluated]:
        return InTurn(evaluate)(*self.ATTEMPTS)

    def test_all_have_their_reports(self):
        assert [report.outcome for report in self.reports()] == [Value({"f": 2.0 * x}) for x in range(4)]

    def test_it_comes_back_when_it_takes_long(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(loads, "LATEST", -1.0)
        assert len(self.reports()) == 1

    def test_it_comes_back_when_it_is_asked_to_stop(self):
        def flagged(trial: int, attempt: int, inputs: Inputs) -> Evaluated:
            return Evaluated(Value({"f": 0.0}), time.time(), TINY, flagged=trial == 2)

        with cancellable(lambda: True):
            assert len(self.reports(flagged)) == 3

    def test_it_ends_in_a_process_that_a_simulator_forked(self, monkeypatch: pytest.MonkeyPatch):
        numbers = iter([1, 1, 2, 2, 2])
        monkeypatch.setattr(loads.os, "getpid", lambda: next(numbers))
        assert len(self.reports()) == 2
