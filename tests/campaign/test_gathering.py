"""One evaluation of a composite at an engine, without a campaign."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cohobate as co
from campaign.composites import Adding, Sum, dies_once, noted, raises, same, times, waits
from cohobate.campaign.parts.bench import Conditions
from cohobate.campaign.parts.gathering import Gathering, Learned, gather
from cohobate.campaign.parts.known import Known
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.parts import Part

ENGINES: dict[str, Any] = {
    "inline": co.inline,
    "threads": lambda: co.threads(2),
    "processes": lambda: co.processes(2),
    "executor": lambda: co.executor(ThreadPoolExecutor(2)),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sum_of_the_parts(engine: str):
    with ENGINES[engine]() as place:
        gathering = Gathering(same(40), place)
        for x in (1.0, 2.0, 3.0, 4.0):  # alone at first, together once it is known how long they take
            outcome = gathering({"x": x})
            assert isinstance(outcome, Value)
            assert outcome.outputs["loss"] == 820 * x
        assert gathering.start({"x": 0.5}).result(20) == gathering({"x": 0.5})


def test_an_error_surfaces_at_once_and_stops_the_others(tmp_path: Path):
    log = str(tmp_path / "log")
    fns = {1.0: waits, 2.0: raises, **dict.fromkeys([3.0, 4.0, 5.0, 6.0], noted)}
    more = {k: (log,) if k == 1.0 else (log, 0.1) for k in fns if k != 2.0}
    with co.threads(2) as engine:
        outcome = Gathering(Sum(fns, more), engine)({"x": 1.0})
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.message) == ("raised", "ValueError: no value at 1.0")
    assert "in raises" in outcome.traceback
    assert len(Path(log).read_text().splitlines()) < 5


def test_the_slowest_starts_first_once_that_is_known(tmp_path: Path):
    log = tmp_path / "log"
    slow = {1.0: 0.0, 2.0: 0.3, 3.0: 0.06}
    composite = Sum(dict.fromkeys(slow, noted), {k: (str(log), seconds) for k, seconds in slow.items()})
    with co.threads(1) as engine:
        gathering = Gathering(composite, engine)
        gathering({"x": 1.0})
        log.unlink()
        gathering({"x": 1.0})
    assert [line.split()[1] for line in log.read_text().splitlines()] == ["2.0", "3.0", "1.0"]


def test_nested_ones_on_one_engine_do_not_wait_for_each_other():
    with co.threads(2) as engine:
        inner = Gathering(same(3), engine)
        outer = same(4, lambda x, k: inner({"x": x}).outputs["loss"])  # type: ignore[union-attr] # a value
        found = Gathering(outer, engine).start({"x": 2.0}).result(20)
    assert isinstance(found, Value)
    assert found.outputs["loss"] == 4 * 12.0


def test_cancelling_the_future_stops_what_runs(tmp_path: Path):
    log = tmp_path / "log"
    with co.threads(2) as engine:
        future = gather(same(5, waits, str(log)), {"x": 1.0}, engine)
        while not log.exists():
            time.sleep(0.001)
        future.cancel()
        with pytest.raises(CancelledError):
            future.result(20)
    assert len(log.read_text().splitlines()) <= 2


def test_beyond_the_bound_is_cancelled():
    with co.threads(2) as engine:
        outcome = gather(same(5), {"x": 1.0}, engine, bound=4.0).result(20)
    assert outcome == Cancelled("beyond 4.0")


def test_equal_keys_are_made_once(tmp_path: Path):
    log = tmp_path / "log"
    composite = same(6, noted, str(log), keyed=lambda x, k: f"{x} {k % 2}")
    with co.threads(2) as engine:
        gathering = Gathering(composite, engine)
        first, second = gathering({"x": 1.0}), gathering({"x": 1.0})
    assert len(log.read_text().splitlines()) == 2
    assert isinstance(first, Value)
    assert isinstance(second, Value)
    assert (first.outputs["reused"], second.outputs["reused"]) == (4, 6)


@pytest.mark.parametrize("engine", ["inline", "threads"])
def test_a_folder_keeps_them_for_others(engine: str, tmp_path: Path):
    log = tmp_path / "log"
    composite = same(3, noted, str(log), keyed=lambda x, k: f"{x} {k}")
    for reused in (0, 3):
        with ENGINES[engine]() as place:
            outcome = Gathering(composite, place, learned=Learned(known=Known(tmp_path / "reuse")))({"x": 1.0})
            assert isinstance(outcome, Value)
            assert outcome.outputs["reused"] == reused
    assert len(log.read_text().splitlines()) == 3


def test_a_deadline_is_for_each_part(tmp_path: Path):
    with co.threads(2) as engine:
        composite = Sum({1.0: times, 2.0: waits}, {2.0: (str(tmp_path / "log"),)})
        outcome = Gathering(composite, engine, Conditions(deadline=0.05))({"x": 1.0})
    assert isinstance(outcome, Failure)
    assert outcome.kind == "timeout"


def test_a_lost_worker_is_blamed_on_its_part_alone(tmp_path: Path):
    fns = {**dict.fromkeys([1.0, 2.0, 3.0], times), 4.0: dies_once}
    composite = Sum(fns, {4.0: (str(tmp_path / "log"),)})
    with co.processes(2) as engine:
        gathering = Gathering(composite, engine)
        outcome = gathering({"x": 1.0})
        assert isinstance(outcome, Failure)
        assert outcome.kind == "worker_lost"
        again = gathering({"x": 1.0})
    assert isinstance(again, Value)


def test_what_is_no_composite_is_a_failure():
    class Odd:
        def __init__(self, parts: Any, judge: Any = None) -> None:
            self.given, self.judging = parts, judge

        def parts(self, inputs: Any) -> Any:
            return self.given

        def judge(self, inputs: Any, bound: Any = None) -> Any:
            return self.judging or Adding(99, None)

        def recall(self, inputs: Any, outputs: Any) -> Any:
            return {}

    class Nonsense:
        def take(self, name: str, made: Any) -> Any:
            return 3.0

    part = Part("a", times, (1.0, 2.0))
    for odd, words in (
        (Odd([]), "at least one Part"),
        (Odd([1.0]), "at least one Part"),
        (Odd([part, part]), "two of them are called 'a'"),
        (Odd([part]), "has not decided"),
        (Odd([part], Nonsense()), "must return an outcome or None, got 3.0"),
        (Odd([Part("a", threading.Lock)]), "a lock, which cannot be stored"),
        (Odd([Part("a", later)]), "must be a plain function"),
    ):
        with co.threads(1) as engine:
            outcome = Gathering(odd, engine)({"x": 1.0})
        if isinstance(outcome, Cancelled | Value):
            raise AssertionError(outcome)
        assert outcome.kind == "bad_output"
        assert words in outcome.message


async def later() -> float:
    return 1.0
