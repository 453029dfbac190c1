"""What may go wrong beside a body: dead workers, hangs, exceptions, missing outputs, drivers that are told to stop."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

import cohobate as co
from cohobate.core.events import AttemptFailed, Proposed, Told
from faults.harness import wait_until
from steering.doing import LONG, PROBLEM, Counted, body, events, told, whole, xs


def sleepy(folder: Path):
    """A simulator that notes where it runs, and then lasts as long as its ``x`` says (s), or dies."""

    def simulate(x: float) -> dict[str, float]:
        (folder / f"{x:g}-{os.getpid()}").touch()
        if x == 13 and len(list(folder.glob("13-*"))) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        end = time.monotonic() + (60 if x >= 100 else 0)
        while time.monotonic() < end:
            time.sleep(0.01)
        return {"f": x}

    return co.simulator(simulate, version="1")


def starts(folder: Path, x: float) -> list[Path]:
    return list(folder.glob(f"{x:g}-*"))


@pytest.fixture(scope="module")
def processes():
    with co.processes(2) as engine:
        yield engine


def test_a_worker_that_is_killed_is_replaced_and_the_body_notices_nothing(tmp_path, processes):
    notes = tmp_path / "notes"
    notes.mkdir()

    @body
    def goes_on(steer):
        return [result["f"] for result in steer.evaluate(xs(1, 13, 2)) + steer.evaluate(xs(3, 4))]

    result = co.Campaign(goes_on, sleepy(notes), processes, run=tmp_path / "r").run()
    assert result.value == [1, 13, 2, 3, 4]
    (lost,) = events(tmp_path / "r", AttemptFailed)
    assert lost.failure.kind == "worker_lost"
    assert len(starts(notes, 13)) == 2
    assert whole(tmp_path / "r")


def test_what_is_cancelled_while_it_runs_is_killed_and_its_worker_goes_on(tmp_path, processes):
    notes = tmp_path / "notes"
    notes.mkdir()

    @body
    def kills(steer):
        (slow,) = steer.suggest(xs(200), priority=10)
        wait_until(lambda: starts(notes, 200))
        began = time.monotonic()
        steer.cancel([slow], "takes too long")
        (result,) = steer.receive()
        took = time.monotonic() - began
        rest = steer.evaluate(xs(1, 2, 3))
        return [type(result.outcome).__name__, result.outcome.reason, took < LONG, [one["f"] for one in rest]]

    result = co.Campaign(kills, sleepy(notes), processes, grace=0.05).run()
    assert result.value == ["Cancelled", "takes too long", True, [1, 2, 3]]
    assert told(result, "status", "cancel_requested")[0] == ("cancelled", True)
    assert len(starts(notes, 200)) == 1


def test_a_hang_ends_at_its_deadline_as_a_failure(tmp_path, processes):
    notes = tmp_path / "notes"
    notes.mkdir()

    @body
    def survives(steer):
        results = steer.evaluate(xs(300, 1))
        return [getattr(result.outcome, "kind", "value") for result in results]

    campaign = co.Campaign(survives, sleepy(notes), processes, deadline=0.3, grace=0.05)
    assert campaign.run().value == ["timeout", "value"]


def test_a_call_at_the_engine_whose_worker_dies_is_told_and_the_campaign_goes_on(processes):
    @body
    def calls(steer):
        def die() -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        promise = steer.call(die)
        (result,) = steer.evaluate(xs(5))
        try:
            promise.result()
        except co.CohobateError as error:
            return [type(error).__name__, result["f"]]

    assert co.Campaign(calls, lambda x: {"f": x}, processes).run().value == ["CallFailed", 5.0]


def test_an_exception_is_data_and_the_campaign_goes_on():
    def simulate(x: float) -> dict[str, float]:
        if x % 3 == 0:
            raise ValueError(f"no convergence at {x:g}")
        return {"f": x}

    @body
    def continues(steer):
        good = []
        for i in range(4):
            good += [result["f"] for result in steer.evaluate(xs(*range(3 * i, 3 * i + 3))) if result.ok]
        return good

    result = co.Campaign(continues, simulate, co.inline(), failure_budget=None).run()
    assert result.value == [x for x in range(12) if x % 3]
    assert [row["id"] for row in result.table() if row["status"] == "raised"] == [0, 3, 6, 9]
    assert all("no convergence" in row["traceback"] for row in result.table() if row["status"] == "raised")


@pytest.mark.parametrize("returned", [{}, {"g": 1.0}, {"f": None}, None, {"f": float("nan")}, {"f": [1.0, 2.0]}])
def test_a_missing_objective_is_a_failure_and_never_a_zero(returned: object):
    @body
    def asks(steer):
        (result,) = steer.evaluate(xs(1))
        with pytest.raises(KeyError):
            result["f"]
        return result.outcome.kind

    result = co.Campaign(asks, lambda x: returned, co.inline(), failure_budget=None).run()
    assert result.value == "bad_output"
    assert told(result, "status", "f") == [("bad_output", None)]


def test_two_campaigns_in_one_process_share_nothing():
    seen: dict[str, list[float]] = {"a": [], "b": []}

    def simulate(x: float) -> dict[str, float]:
        return {"f": x}

    @co.persistent(problem=PROBLEM)
    def same(steer, rng, name="a", rounds=5):
        points = [float(rng.uniform(-1, 1)) for _ in range(rounds)]
        for x in points:
            (result,) = steer.evaluate(xs(x))
            seen[name].append(result["f"])
        return len(steer.pending()), points

    with co.threads(2) as engine:
        first = co.Campaign(same(name="a"), simulate, engine).start()
        second = co.Campaign(same(name="b", seed=1, rounds=7), simulate, engine).start()
        one, two = first.result(LONG), second.result(LONG)
    assert [row["x"] for row in one.table()] == seen["a"]
    assert [row["x"] for row in two.table()] == seen["b"]
    assert not set(seen["a"]) & set(seen["b"])
    assert [row["id"] for row in two.table()] == list(range(7))
    again = co.Campaign(same(name="a"), simulate, co.inline()).run()
    assert [row["x"] for row in again.table()] == [row["x"] for row in one.table()]
    assert same.settings == {}


# told to stop, and taken up again


def hurried(simulate: Counted, folder: Path, engine):
    @body
    def works(steer):
        results = steer.evaluate(xs(1, 2))
        steer.suggest(xs(3, 4, 5))
        while steer.pending():
            results += steer.receive()
        return sorted(result["f"] for result in results)

    return co.Campaign(works, simulate.counted(), engine, run=folder)


def test_what_ran_when_the_driver_left_is_run_again_and_told_once(tmp_path):
    simulate = Counted(4.0)
    with co.threads(2) as engine:
        handle = hurried(simulate, tmp_path / "r", engine).start()
        assert simulate.begun[4.0].wait(LONG)
        handle.cancel(grace=0.0)
        first = handle.result(LONG)
        simulate.go[4.0].set()
    assert first.value is None
    assert "running" in {row["status"] for row in first.table()}
    with co.threads(2) as engine:
        result = hurried(simulate, tmp_path / "r", engine).run()
    assert result.value == [1, 4, 9, 16, 25]
    assert sorted(simulate.calls)[-3:] == [4, 4, 5] or simulate.calls.count(4) == 2
    delivered = [trial for event in events(tmp_path / "r", Told) for trial in event.trials]
    assert sorted(delivered) == list(range(5))
    assert whole(tmp_path / "r")


def test_a_larger_goal_goes_on_with_the_same_body(tmp_path):
    @body
    def counts(steer):
        total = 0
        try:
            for x in range(100):
                total += len(steer.evaluate(xs(x)))
        except co.Closed:
            return total

    def run(n: int):
        return co.Campaign(counts, Counted().counted(), co.inline(), run=tmp_path / "r").run(co.evaluations(n))

    for n in (3, 3, 7, 8):
        result = run(n)
        assert (result.value, result.tally.counted) == (n, n)
    assert [row[1] for row in told(result, "id", "x")] == [*range(8)] + ([8.0] if result.tally.proposed > 8 else [])
    assert whole(tmp_path / "r")


def test_a_campaign_whose_body_returned_has_ended_for_good(tmp_path):
    simulate = Counted()

    @body
    def leaves_some(steer):
        steer.suggest(xs(*range(10)))
        return len(steer.receive(at_least=3))

    def run():
        return co.Campaign(leaves_some, simulate.counted(), co.inline(), run=tmp_path / "r").run()

    first = run()
    ran, said = list(simulate.calls), len(events(tmp_path / "r", Proposed))
    again = run()
    assert again.value == first.value == 3
    assert simulate.calls == ran
    assert told(again, "id", "f", "status") == told(first, "id", "f", "status")
    assert len(events(tmp_path / "r", Proposed)) == said


def test_what_ran_when_a_body_returned_is_finished_by_the_next_session(tmp_path):
    simulate = Counted(1.0)

    @body
    def leaves(steer):
        steer.suggest(xs(1, 2, 3))
        return [result.trial.id for result in steer.receive()]

    def campaign(engine):
        return co.Campaign(leaves, simulate.counted(), engine, run=tmp_path / "r")

    with co.threads(2) as engine:
        handle = campaign(engine).start()
        wait_until(lambda: handle.status().state == "stopping")
        handle.cancel(grace=0.0)
        first = handle.result(LONG)
        simulate.go[1.0].set()
    assert told(first, "status")[0] == ("running",)
    with co.threads(2) as engine:
        result = campaign(engine).run()
    assert result.value == first.value
    assert told(result, "status")[0] == ("done",)
    assert [row["status"] for row in result.table()] == ["done", *(row["status"] for row in first.table()[1:])]
