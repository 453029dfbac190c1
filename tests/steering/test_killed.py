"""A body that uses every call, killed with its driver again and again: table and value as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cohobate as co
from cohobate.campaign.result import CampaignResult
from cohobate.core.events import Computed, Finished, Proposed
from cohobate.ledger.reader import open_reader
from steering import program
from steering.doing import LONG, events, whole

SEED = int(os.environ.get("COHOBATE_FAULTS_SEED", "3"))
KILLS = 10
STEP = 18
"""Events of a session after which it is killed, at most."""
DECIDED = ("id", "x", "f", "status", "generator", "why", "mean", "revised.x", "cancel_requested", "message")


def session(folder: Path, engine: str, *more: int) -> tuple[int, str]:
    """Runs one session, which kills itself after ``more`` events; returns how it ended and what it said."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(Path(program.__file__)), str(folder), engine, *map(str, more)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode, ended.stdout


def killed(folder: Path, engine: str, rng: random.Random, step: int = STEP) -> int:
    """Kills sessions after some more events each, at most ``step``; returns how many had not ended before."""
    codes = [session(folder, engine, rng.randint(1, step))[0] for _ in range(KILLS)]
    return sum(code == -signal.SIGKILL for code in codes)


def finished(folder: Path, engine: str) -> Any:
    """Lets the last session come to its end; returns the value."""
    return json.loads(session(folder, engine)[1])


def decided(rows: list[dict[str, Any]], names: tuple[str, ...] = DECIDED) -> list[tuple[Any, ...]]:
    return [tuple(row.get(name) for name in names) for row in rows]


def table(folder: Path) -> list[dict[str, Any]]:
    with open_reader(folder / "run") as reader:
        return CampaignResult("", reader.tally, reader).table()


@pytest.mark.timeout(150)
def test_killed_ten_times_it_ends_as_if_it_had_not_been(tmp_path):
    rng = random.Random(f"{SEED} inline")
    kills = killed(tmp_path, "inline", rng)
    value = finished(tmp_path, "inline")
    other = tmp_path / "other"
    other.mkdir()
    with co.inline() as engine:
        result = program.campaign(other, engine).run()
    assert kills == KILLS
    assert value == result.value
    assert decided(table(tmp_path)) == decided(result.table())
    assert whole(tmp_path / "run")
    _sound(tmp_path, value)


@pytest.mark.timeout(150)
def test_killed_ten_times_on_processes_nothing_is_lost_or_doubled(tmp_path):
    rng = random.Random(f"{SEED} processes")
    kills = killed(tmp_path, "processes", rng)
    value = finished(tmp_path, "processes")
    assert kills == KILLS
    assert whole(tmp_path / "run")
    _sound(tmp_path, value)


@pytest.mark.timeout(150)
def test_a_search_for_minima_killed_ten_times_ends_as_if_it_had_not_been(tmp_path):
    pytest.importorskip("scipy")
    kills = killed(tmp_path, "search", random.Random(f"{SEED} search"), step=100)
    value = finished(tmp_path, "search")
    other = tmp_path / "other"
    other.mkdir()
    with co.inline() as engine:
        result = program.search(other, engine).run()
    assert kills == KILLS
    assert value == json.loads(json.dumps(result.value))
    assert len(value["minima"]) == 6
    names = ("id", "x", "y", "f", "status")
    assert decided(table(tmp_path), names) == decided(result.table(), names)
    assert whole(tmp_path / "run")


def _sound(folder: Path, value: Any) -> None:
    """Checks what must hold in whatever order things came."""
    rows = table(folder)
    wanted = 5 * program.ROUNDS
    proposed = [trial.id for event in events(folder / "run", Proposed) for trial in event.trials]
    final = [event.trial for event in events(folder / "run", Finished)]
    assert proposed == sorted(final) == value["told"] == list(range(wanted))
    assert all(row["f"] == row["x"] ** 2 - 3.0 for row in rows if row["status"] == "done")
    assert {row["status"] for row in rows} <= {"done", "cancelled"}
    assert all(row["cancel_requested"] for row in rows if row["status"] == "cancelled")
    rounds = range(program.ROUNDS)
    assert value["sums"] == sum(10 * i + 2 * i * i for i in rounds)
    assert value["known"] == sum(row["status"] == "done" for row in rows)
    calls = [event.call for event in events(folder / "run", Computed)]
    assert calls == sorted(set(calls)) == list(range(3 * program.ROUNDS))
    ran = [int(line) for line in (folder / "once").read_text().split()]
    assert set(ran) == set(rounds)
    assert len(ran) <= program.ROUNDS + KILLS  # at most one for each kill was not durable yet
