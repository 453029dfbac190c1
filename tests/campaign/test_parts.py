"""Campaigns over composites: their parts are calls of their own, and nothing of them is lost or made twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from threading import Thread
from typing import Any

import pytest

import cohobate as co
from campaign.composites import Sum, dies_once, noted, raises, same, times, waits, where
from cohobate.core.canonical import content_hash
from cohobate.core.errors import EngineClosed, SimulatorError, UserError
from cohobate.core.events import AttemptFailed, Finished, Opened, Progress, Proposed, Started
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.protocols import Chosen, Exhausted
from cohobate.core.trial import Evaluated, Trial
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.spool import write_spool
from cohobate.ledger.views import table
from cohobate.simulate.function import Simulator

ENGINES: dict[str, Callable[[], Any]] = {
    "inline": co.inline,
    "threads": lambda: co.threads(2),
    "processes": lambda: co.processes(2),
    "executor": lambda: co.executor(ThreadPoolExecutor(2)),
}
everywhere = pytest.mark.parametrize("engine", ENGINES)
PROBLEM = co.Problem({"x": co.Real(0, 10)}, [co.Output("loss", "minimize")])


def campaign(composite: Any, engine: Any, *, rows: Any = ({"x": 1.0},), **settings: Any) -> co.Campaign:
    return co.Campaign(co.points(PROBLEM, list(rows)), composite, engine, **settings)


def events(folder: Path, *kinds: type) -> list[Any]:
    with open_reader(folder) as reader:
        return [event for _, event in reader.read() if isinstance(event, kinds)]


def lines(log: Path) -> Counter[str]:
    return Counter(log.read_text().splitlines())


def outcome(result: co.CampaignResult, trial: int = 0) -> Any:
    reader = result.source if not isinstance(result.source, Path) else open_reader(result.source)
    return next(e.outcome for _, e in reader.read() if isinstance(e, Finished) and e.trial == trial)


@everywhere
def test_all_parts_of_all_candidates(engine: str, tmp_path: Path):
    rows = [{"x": i / 10} for i in range(1, 41)]
    with ENGINES[engine]() as place:
        result = campaign(same(20), place, rows=rows, run=tmp_path / "run").run()
    assert [row["loss"] for row in result.table()] == pytest.approx([210 * row["x"] for row in rows])
    assert (result.tally.values, result.tally.open) == (40, 0)
    assert result.tally.busy > 0
    assert all(row["parts"]["part 3.0"] == pytest.approx(3 * row["x"]) for row in result.table())


@everywhere
def test_a_failing_part_fails_its_candidate(engine: str, tmp_path: Path):
    log = tmp_path / "log"
    with ENGINES[engine]() as place:
        fns = {1.0: raises, **dict.fromkeys(map(float, range(2, 40)), noted)}
        composite = Sum(fns, {k: (str(log), 0.01) for k in fns if k > 1})
        result = campaign(composite, place).run()
    (row,) = result.table()
    assert (row["status"], row["message"]) == ("raised", "ValueError: no value at 1.0")
    assert "in raises" in row["traceback"]
    assert not log.exists() or len(lines(log)) < 38  # what had not begun never ran


def test_what_lost_a_worker_is_made_again_alone(tmp_path: Path):
    fns: dict[float, Any] = {**dict.fromkeys([1.0, 2.0, 3.0], noted), 4.0: dies_once}
    logs = {k: tmp_path / f"log {k}" for k in fns}
    composite = Sum(fns, {k: (str(log),) for k, log in logs.items()})
    with co.processes(2) as engine:
        result = campaign(composite, engine, run=tmp_path / "run", retries=co.Retries(first=0.0, longest=0.0)).run()
    assert outcome(result).outputs["loss"] == 10.0
    assert {k: log.read_text() for k, log in logs.items() if k < 4} == {k: f"1.0 {k}\n" for k in (1.0, 2.0, 3.0)}
    (failed,) = events(tmp_path / "run", AttemptFailed)
    assert failed.failure.kind == "worker_lost"


def test_what_runs_beside_a_lost_worker_goes_on(tmp_path: Path):
    log = tmp_path / "log"
    composite = Sum({1.0: noted, 2.0: dies_once}, {1.0: (str(log), 0.4), 2.0: (str(tmp_path / "died"),)})
    with co.processes(2) as engine:
        result = campaign(composite, engine, retries=co.Retries(first=0.0, longest=0.0)).run()
    assert outcome(result).outputs["loss"] == 3.0
    assert lines(log) == {"1.0 1.0": 1}


def test_what_runs_beside_what_failed_for_good_is_stopped(tmp_path: Path):
    log = tmp_path / "log"

    def fails(x: float, k: float) -> float:
        while not log.exists():
            time.sleep(0.001)
        raise ValueError

    with co.threads(2) as engine:
        result = campaign(Sum({1.0: waits, 2.0: fails}, {1.0: (str(log),)}), engine).run()
        assert result.tally.failures["raised"] == 1
        while engine.room() < 2:
            time.sleep(0.001)


@everywhere
def test_further_attempts_make_only_what_is_missing(engine: str, tmp_path: Path):
    log, other = tmp_path / "log", tmp_path / "other"

    def moody(x: float, k: float) -> float:
        first = not other.exists()
        noted(x, k, str(other))
        if first:
            raise ValueError("not yet")
        return x * k

    composite = Sum({1.0: noted, 2.0: moody}, {1.0: (str(log),)})
    with ENGINES[engine]() as place:
        retries = co.Retries(raised=1, first=0.0, longest=0.0)
        result = campaign(composite, place, retries=retries).run()
    assert outcome(result).outputs["loss"] == 3.0
    assert lines(log) == {"1.0 1.0": 1}
    assert lines(other) == {"1.0 2.0": 2}


@everywhere
def test_beyond_its_bound_a_candidate_is_cancelled(engine: str, tmp_path: Path):
    told: list[Any] = []

    @co.persistent
    def body(steer: Any, problem: Any, rng: Any) -> None:
        told.extend(steer.evaluate([Chosen({"x": 1.0}, bound=4.0), Chosen({"x": 1.0}, bound=11.0), {"x": 2.0}]))

    with ENGINES[engine]() as place:
        retries = co.Retries(raised=3, first=0.0)
        made = co.Campaign(body, same(4), place, problem=PROBLEM, run=tmp_path / "run", retries=retries)
        result = made.run()
    assert [type(one.outcome) for one in told] == [Cancelled, Value, Value]
    assert told[0].outcome.reason == "beyond 4.0"
    assert (result.tally.cancelled, result.tally.values, result.tally.failed) == (1, 2, 0)
    bounds = [
        trial.bound
        for _, e in open_reader(tmp_path / "run").read()
        for trial in getattr(e, "trials", ())
        if not isinstance(trial, int)
    ]
    assert bounds == [4.0, 11.0, None]
    assert len(events(tmp_path / "run", Started)) == 3


def test_a_bound_that_is_no_number_is_refused():
    @co.persistent
    def body(steer: Any, problem: Any, rng: Any) -> None:
        steer.evaluate([Chosen({"x": 1.0}, bound=float("nan"))])

    with pytest.raises(co.CohobateError, match="expected a number as bound, got nan"):
        co.Campaign(body, same(1), co.inline(), problem=PROBLEM).run()


@everywhere
def test_equal_keys_are_made_once_in_a_session(engine: str, tmp_path: Path):
    log = tmp_path / "log"
    composite = same(4, noted, str(log), 0.01, keyed=lambda x, k: f"{int(x)} {k % 2}")
    rows = [{"x": 1.0}, {"x": 1.5}, {"x": 1.25}, {"x": 2.0}]
    with ENGINES[engine]() as place:
        result = campaign(composite, place, rows=rows).run()
    assert len(lines(log)) == 4
    assert sum(lines(log).values()) == 4
    assert sum(row["reused"] for row in result.table()) == 12


@everywhere
def test_recorded_values_are_not_made_again(engine: str, tmp_path: Path):
    log = tmp_path / "log"
    composite = same(3, noted, str(log), keyed=lambda x, k: f"{x} {k}")
    for times_asked in (1, 2):
        with ENGINES[engine]() as place:
            rows = [{"x": 1.0}] * times_asked
            made = co.Campaign(Repeats(rows), composite, place, run=tmp_path / "run")
            assert made.run().tally.values == times_asked
    assert sum(lines(log).values()) == 3
    assert [row["reused"] for row in made_table(tmp_path / "run")] == [0, 3]


class Repeats:
    """Proposes rows; more of them in a later session."""

    def __init__(self, rows: Any) -> None:
        self.rows, self.problem, self.finite = list(rows), PROBLEM, True

    def suggest(self, n: int) -> Any:
        rows, self.rows = self.rows[:n], self.rows[n:]
        return rows or Exhausted()

    def recall(self, rows: Any) -> None:
        del self.rows[: len(rows)]

    def ingest(self, results: Any) -> None: ...

    def finalize(self) -> None: ...

    def describe(self) -> dict[str, Any]:
        return {}


def made_table(folder: Path) -> list[dict[str, Any]]:
    return table(open_reader(folder))


@everywhere
def test_a_folder_keeps_values_for_other_run_folders(engine: str, tmp_path: Path):
    log = tmp_path / "log"
    composite = same(3, noted, str(log), keyed=lambda x, k: f"{x} {k}")
    for run, reused in (("a", 0), ("b", 3)):
        with ENGINES[engine]() as place:
            result = campaign(composite, place, run=tmp_path / run, reuse=tmp_path / "reuse").run()
        assert outcome(result).outputs["reused"] == reused
    assert sum(lines(log).values()) == 3


def test_two_drivers_share_a_folder(tmp_path: Path):
    log = tmp_path / "log"
    composite = same(3, noted, str(log), 0.05, keyed=lambda x, k: f"{x} {k}")
    rows = [{"x": float(x)} for x in range(1, 5)]
    with co.processes(2) as one, co.threads(2) as two:
        made = [campaign(composite, place, rows=rows, reuse=tmp_path / "reuse") for place in (one, two)]
        threads = [Thread(target=each.run) for each in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(lines(log).values()) == {1}


@everywhere
def test_long_parts_are_recorded_before_their_candidate_ends(engine: str, tmp_path: Path):
    log = str(tmp_path / "log")
    composite = Sum({1.0: noted, 3.0: after_one}, {1.0: (log, 0.06), 3.0: (log,)})
    with ENGINES[engine]() as place:
        campaign(composite, place, run=tmp_path / "run").run()
    done = events(tmp_path / "run", Progress)
    assert [(one.trial, one.attempt, one.part, one.value) for one in done] == [(0, 1, "part 1.0", {"value": 1.0})]
    assert done[0].seconds >= 0.05


def after_one(x: float, k: float, log: str) -> float:
    while not Path(log).exists():
        time.sleep(0.001)
    time.sleep(0.2)
    return x * k


def test_what_a_killed_session_recorded_is_not_made_again(tmp_path: Path):
    log, script = tmp_path / "log", tmp_path / "killed.py"
    script.write_text(
        dedent(f"""
        import os, signal, time
        import cohobate as co
        from campaign.composites import Sum, noted
        from campaign.test_parts import campaign
        from cohobate.simulate.function import Simulator

        def last(x, k, log):
            while not os.path.exists({str(tmp_path / "kill")!r}):
                time.sleep(0.001)
            return noted(x, k, log)

        def made(engine, **more):
            fns = {{1.0: noted, 2.0: noted, 3.0: last}}
            composite = Sum(fns, {{1.0: ({str(log)!r}, 0.06), 2.0: ({str(log)!r}, 0.06), 3.0: ({str(log)!r},)}})
            return campaign(Simulator(composite, "1"), engine, run={str(tmp_path / "run")!r})

        if __name__ == "__main__":
            made(co.processes(2)).run()
        """)
    )
    driver = subprocess.Popen([sys.executable, script], env=environment())
    while len(progressed(tmp_path / "run")) < 2:
        assert driver.poll() is None
        time.sleep(0.01)
    driver.kill()
    driver.wait()
    (tmp_path / "kill").touch()
    subprocess.run([sys.executable, script], env=environment(), check=True, timeout=60)
    assert (lines(log)["1.0 1.0"], lines(log)["1.0 2.0"]) == (1, 1)
    (row,) = made_table(tmp_path / "run")
    assert (row["loss"], row["attempts"]) == (6.0, 2)


def test_a_value_that_nobody_recorded_is_taken_from_the_spool(tmp_path: Path):
    log, run = tmp_path / "log", tmp_path / "run"

    def made(rows: int) -> co.Campaign:
        composite = same(3, noted, str(log))
        return co.Campaign(Repeats([{"x": 1.0}] * rows), Simulator(composite, "1"), co.inline(), run=run)

    made(1).run()
    inputs = {"x": 2.0}
    with open_ledger(run) as ledger:
        ledger.append([Opened(2, 1.0), Proposed("main", 2, (Trial(1, inputs),), 1), Started(1, 1, 1.0)])
    for trial, part, told in ((1, "part 1.0", inputs), (1, "part 2.0", {"x": 3.0}), (9, "part 1.0", inputs)):
        report = Evaluated(Value({"value": 2.0}), 1.0, 3600.0, "w")
        write_spool(run, 2, trial, 1, content_hash(told), report, part)
    log.unlink()
    result = made(2).run()
    assert lines(log) == {"2.0 2.0": 1, "2.0 3.0": 1}
    assert outcome(result, 1).outputs["loss"] == 12.0
    (taken,) = events(run, Progress)
    assert (taken.trial, taken.part, taken.value, taken.seconds) == (1, "part 1.0", {"value": 2.0}, 3600.0)
    assert list((run / "spool").iterdir()) == []


def test_what_is_spooled_is_removed_once_it_is_recorded(tmp_path: Path):
    log, run = tmp_path / "log", tmp_path / "run"
    composite = Sum({1.0: noted, 2.0: seeing_spooled}, {1.0: (str(log), 0.51), 2.0: (str(run / "spool"),)})
    with co.processes(2) as engine:
        result = campaign(composite, engine, run=run).run()
    assert outcome(result).outputs["loss"] == 1.0 + 2.0
    assert list((run / "spool").iterdir()) == []


def seeing_spooled(x: float, k: float, folder: str) -> float:
    while not list(Path(folder).glob("0-1-1-*.result")):
        time.sleep(0.001)
    return x * k


def environment() -> dict[str, str]:
    here = Path(__file__).parents[1]
    return {**os.environ, "PYTHONPATH": f"{here.parent / 'src'}:{here}"}


def progressed(folder: Path) -> list[Any]:
    try:
        return events(folder, Progress)
    except (co.CohobateError, OSError):  # it is being made
        return []


def test_each_part_has_a_directory(tmp_path: Path):
    composite = Sum({1.0: where, 2.0: where})
    with co.processes(2) as engine:
        result = campaign(composite, engine, run=tmp_path / "run").run()
    found = sorted(outcome(result).outputs["parts"].values())
    work = tmp_path / "run" / "work" / "000000-1"
    assert [Path(one).parent for one in found] == [work, work]
    assert [(Path(one) / "out.txt").read_text() for one in found] == ["1.0", "2.0"]


@everywhere
def test_parts_share_what_is_cached(engine: str, tmp_path: Path):
    log = tmp_path / "log"

    @co.cached(version=str(log))
    def slow(x: float) -> float:
        return noted(x, 1.0, str(log))

    with ENGINES[engine]() as place:
        result = campaign(same(6, lambda x, k: slow(x) * k), place).run()
    assert outcome(result).outputs["loss"] == 21.0
    assert sum(lines(log).values()) == 1


def test_a_cancel_stops_the_parts(tmp_path: Path):
    log = tmp_path / "log"

    @co.persistent
    def body(steer: Any, problem: Any, rng: Any) -> None:
        trials = steer.suggest([{"x": 1.0}, {"x": 2.0}])
        while not log.exists():
            time.sleep(0.001)
        steer.cancel(trials, "enough")
        steer.receive(2)

    with co.threads(2) as engine:
        result = co.Campaign(body, same(6, waits, str(log)), engine, problem=PROBLEM).run()
    assert sum(lines(log).values()) <= 3
    assert [row["message"] for row in result.table()] == ["enough", "enough"]
    assert result.tally.cancelled == 2


def test_a_deadline_is_for_each_part(tmp_path: Path):
    composite = Sum({1.0: times, 2.0: waits}, {2.0: (str(tmp_path / "log"),)})
    with co.threads(2) as engine:
        result = campaign(composite, engine, deadline=0.05).run()
    (row,) = result.table()
    assert (row["status"], row["deadline_passed"]) == ("timeout", True)


def test_a_part_may_have_a_deadline_of_its_own(tmp_path: Path):
    composite = Sum({1.0: waits}, {1.0: (str(tmp_path / "log"),)}, settings={"deadline": 0.02})
    with co.threads(2) as engine:
        assert campaign(composite, engine, deadline=60).run().tally.failures["timeout"] == 1


def test_needs_that_cannot_be_met_fail_the_candidate():
    with co.processes(1) as engine:
        result = campaign(Sum({1.0: times}, settings={"needs": {"gpu": 1}}), engine).run()
    assert "gpu" in outcome(result).message


def test_closing_the_engine_ends_it_with_an_error(tmp_path: Path):
    log = tmp_path / "log"
    engine = co.processes(2)
    handle = campaign(same(3, noted, str(log), 30.0), engine).start()
    while not log.exists():
        time.sleep(0.001)
    engine.close()
    with pytest.raises(EngineClosed):
        handle.result(20)


def test_stragglers_leave_nobody_idle():
    """A quarter of the terms takes ten times as long; several candidates are in flight."""
    slow = {float(k): 0.08 if k % 4 == 0 else 0.008 for k in range(1, 17)}
    composite = Sum(dict.fromkeys(slow, resting), {k: (seconds,) for k, seconds in slow.items()})
    rows = [{"x": x / 10} for x in range(10)]
    with co.threads(4) as engine:
        handle = campaign(composite, engine, rows=rows).start()
        handle.result(30)
    assert handle.status().utilisation > 0.85


def resting(x: float, k: float, seconds: float) -> float:
    time.sleep(seconds)
    return x * k


def test_what_cannot_work_is_refused(tmp_path: Path):
    with pytest.raises(SimulatorError, match="cannot be vectorised"):
        campaign(Simulator(same(2), batch=10), co.inline())
    with pytest.raises(UserError, match="has no parts"):
        campaign(lambda x: x, co.inline(), reuse=tmp_path)

    class Awaited(Sum.__mro__[0]):  # type: ignore[misc] # a class like any other
        async def __call__(self, x: float) -> Any: ...

    with pytest.raises(SimulatorError, match="make its parts plain functions"):
        campaign(Awaited({}), co.inline())


def test_what_the_judge_gives_is_checked(tmp_path: Path):
    def nothing(x: float, k: float) -> str:
        return "text"

    with co.inline() as engine:
        result = campaign(Sum({1.0: lambda x, k: float("nan")}), engine).run()
    failure = outcome(result)
    assert isinstance(failure, Failure)
    assert failure.kind == "bad_output"
