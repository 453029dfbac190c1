"""Campaigns of tiny evaluations on real workers: together they travel, but nothing else is shared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cohobate as co
from cohobate.core.events import AttemptFailed, Finished
from cohobate.core.outcome import Failure, Value
from cohobate.ledger import views
from cohobate.ledger.reader import open_reader

PROGRAM = """
import sys
import cohobate as co

def square(x):
    return x * x

sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f", seed=1)
with co.processes(2) as engine:
    print(co.Campaign(sampler, square, engine, run=sys.argv[1]).run(co.evaluations(int(sys.argv[2]))).tally.values)
"""


def run(simulator: Callable[..., Any], n: int, folder: Path, goal: Any = None, **settings: Any) -> dict[int, Finished]:
    """Runs through the numbers below ``n`` on two workers; returns the ends of the trials, each recorded once."""
    grid = co.Grid(co.Pool(list(range(n)), name="x"), minimize="f")
    with co.processes(2) as engine:
        co.Campaign(grid, simulator, engine, run=folder, **settings).run(goal)
    return ends(folder)


def ends(folder: Path) -> dict[int, Finished]:
    with open_reader(folder) as reader:
        finished = [event for _, event in reader.read() if isinstance(event, Finished)]
    by_trial = {event.trial: event for event in finished}
    assert len(by_trial) == len(finished)
    return by_trial


def test_only_the_one_that_kills_workers_is_quarantined(tmp_path: Path):
    def poison(x: int) -> float:
        if x == 300:
            os.kill(os.getpid(), signal.SIGKILL)
        return 2.0 * x

    finished = run(poison, 600, tmp_path / "run", retries=co.Retries(worker_lost=1))
    bad = finished.pop(300).outcome
    assert isinstance(bad, Failure)
    assert bad.kind == "worker_lost"
    assert bad.message.startswith("quarantined after 2 lost workers")
    assert {id: event.outcome for id, event in finished.items()} == {
        id: Value({"f": 2.0 * id}) for id in range(600) if id != 300
    }
    assert {event.attempt for event in finished.values()} == {1}
    with open_reader(tmp_path / "run") as reader:
        assert [event.trial for _, event in reader.read() if isinstance(event, AttemptFailed)] == [300]


def test_only_the_one_that_hangs_runs_into_its_deadline(tmp_path: Path):
    def hang(x: int) -> float:
        while x == 300:
            time.sleep(0.01)
        return 2.0 * x

    finished = run(hang, 600, tmp_path / "run", deadline=0.3, grace=0.1)
    bad = finished.pop(300)
    assert isinstance(bad.outcome, Failure)
    assert bad.outcome.kind == "timeout"
    assert len(finished) == 599
    assert all(event.outcome == Value({"f": 2.0 * id}) for id, event in finished.items())
    assert not any(event.deadline_passed for event in finished.values())


def test_each_that_raises_has_its_own_traceback(tmp_path: Path):
    def moody(x: int) -> float:
        if x % 10 == 0:
            raise ValueError(f"no {x}")
        return 2.0 * x

    finished = run(moody, 500, tmp_path / "run", failure_budget=None)
    for id, event in finished.items():
        match event.outcome:
            case Failure(kind, message, traceback):
                assert (id % 10, kind, message) == (0, "raised", f"ValueError: no {id}")
                assert "in moody" in traceback
            case outcome:
                assert (id % 10 > 0, outcome) == (True, Value({"f": 2.0 * id}))
        assert event.seconds < 0.5
        assert event.worker.isdigit()


@pytest.mark.parametrize("n", [1, 61, 1003])
def test_the_goal_is_never_exceeded(n: int):
    sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f")
    with co.processes(2) as engine:
        result = co.Campaign(sampler, lambda x: x * x, engine).run(co.evaluations(n))
    assert (result.tally.counted, result.tally.open, result.tally.proposed) == (n, 0, n)


def test_where_they_become_long_no_worker_has_all_of_them(tmp_path: Path):
    def growing(x: int) -> float:
        if x >= 600:
            time.sleep(0.1)
        return 2.0 * x

    finished = run(growing, 624, tmp_path / "run")
    assert len(finished) == 624
    workers = Counter(event.worker for id, event in finished.items() if id >= 600)
    assert len(workers) == 2
    assert min(workers.values()) >= 8  # of 24


def test_they_do_travel_together(tmp_path: Path):
    """Those of a load come back in the same turn: they have ended at the same time, to the last digit."""
    finished = run(lambda x: 2.0 * x, 1000, tmp_path / "run")
    together = Counter(event.at for event in finished.values())
    assert max(together.values()) >= 16


def test_a_killed_driver_is_continued_exactly(tmp_path: Path):
    folder, program = tmp_path / "run", tmp_path / "program.py"
    program.write_text(PROGRAM)
    driver = subprocess.Popen([sys.executable, str(program), str(folder), "1000000"])
    end = time.monotonic() + 50
    while recorded(folder) < 1000:
        assert driver.poll() is None
        assert time.monotonic() < end
    driver.kill()
    driver.wait()
    before = ends(folder)
    assert len(before) < 1_000_000
    goal = len(before) + 500
    again = subprocess.run(
        [sys.executable, str(program), str(folder), str(goal)], stdout=subprocess.PIPE, text=True, check=True
    )
    assert int(again.stdout) == goal
    after = ends(folder)
    assert len(after) == goal
    assert {id: after[id] for id in before} == before
    with open_reader(folder) as reader:
        inputs = {row["id"]: row["x"] for row in views.table(reader)}
    assert all(event.outcome == Value({"f": inputs[id] * inputs[id]}) for id, event in after.items())


def recorded(folder: Path) -> int:
    """How many trials have a value that is durable."""
    if not (folder / "manifest.json").exists():
        return 0
    with open_reader(folder) as reader:
        return reader.tally.values
