"""A ledger gives back what was appended, in memory and from a folder."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cohobate.core.blob import Blob
from cohobate.core.errors import AlreadyOpen, LedgerError
from cohobate.core.events import (
    AttemptFailed,
    CancelAsked,
    Declared,
    Event,
    Exhausted,
    Finished,
    Opened,
    Proposed,
    Started,
    Stopped,
    Told,
)
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.trial import Result, Trial
from cohobate.ledger import ledger as ledgers
from cohobate.ledger import writer as writers
from cohobate.ledger.ledger import Ledger, memory_ledger, open_ledger
from cohobate.ledger.resume import Delivered, Unfinished

T = [Trial(i, {"x": i / 7, "name": f"c{i}"}) for i in range(5)]
FAILED = Failure("raised", "ValueError: no", "Traceback ...", 2)
HISTORY: list[Event] = [
    Opened(1, 100.0, "here", 7),
    Declared({"problem": {"outputs": [{"name": "y", "goal": "minimize"}]}, "seed": 3}),
    Proposed("main", 1, (T[0], T[1])),
    Started(0, 1, 101.0),
    Started(1, 1, 101.5),
    Finished(0, 1, Value({"y": 0.1, "geometry": Blob(b"x" * 70_000, ".xyz")}), 102.0, 101.0, 1.0, "w"),
    AttemptFailed(1, 1, Failure("worker_lost", "gone"), 102.5, 1.0, "w"),
    Proposed("main", 2, (T[2], T[3], T[4])),
    Started(1, 2, 103.0),
    Finished(1, 2, FAILED, 104.0, 103.0, 1.0, "w", cancel_requested=True),
    Told("main", (1, 0)),
    Started(2, 1, 104.0),
    CancelAsked((2, 3), "stale"),
    Finished(3, 0, Cancelled("stale"), 105.0),
    Exhausted("main", "enough"),
    Stopped("paused", 106.0, 6.0),
]


def in_memory(_: Path) -> Ledger:
    return memory_ledger()


def in_a_folder(tmp_path: Path) -> Ledger:
    return open_ledger(tmp_path / "run")


def quickly(tmp_path: Path) -> Ledger:
    return open_ledger(tmp_path / "run", durability="normal")


def on_a_network(tmp_path: Path) -> Ledger:
    return open_ledger(tmp_path / "run")


@pytest.fixture(params=[in_memory, in_a_folder, quickly, on_a_network])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make: Callable[[Path], Ledger] = request.param
    monkeypatch.setattr(ledgers, "is_network", lambda _: make is on_a_network)
    with make(tmp_path) as ledger:
        ledger.append(HISTORY[:5])
        ledger.append(HISTORY[5:])
        ledger.flush()
        yield ledger


def test_gives_back_every_event_in_order(ledger: Ledger):
    assert list(ledger.read()) == list(enumerate(HISTORY, 1))
    assert list(ledger.read(since=14)) == [(15, HISTORY[14]), (16, HISTORY[15])]
    assert ledger.appended == ledger.durable == len(HISTORY)


def test_says_what_is_unfinished(ledger: Ledger):
    assert ledger.unfinished() == [Unfinished(T[2], 1, {}, True, "stale"), Unfinished(T[4], 0, {}, False)]


def test_says_what_was_never_told(ledger: Ledger):
    assert ledger.untold("main") == [Result(T[3], Cancelled("stale"))]
    assert ledger.untold("other") == []


def test_tells_the_story_of_a_generator(ledger: Ledger):
    value = HISTORY[5]
    assert isinstance(value, Finished)
    told = Delivered("main", (Result(T[1], FAILED), Result(T[0], value.outcome)))
    assert list(ledger.story("main")) == [HISTORY[2], HISTORY[7], told]
    assert list(ledger.story("other")) == []


def test_knows_the_last_declaration(ledger: Ledger):
    assert ledger.declared() == {"problem": {"outputs": [{"name": "y", "goal": "minimize"}]}, "seed": 3}


def test_an_empty_ledger_has_nothing():
    ledger = memory_ledger()
    assert (ledger.declared(), ledger.unfinished(), list(ledger.read()), ledger.epoch) == (None, [], [], 1)


def test_opens_again_where_it_was(tmp_path: Path):
    with open_ledger(tmp_path) as ledger:
        ledger.append(HISTORY[:11])
    with open_ledger(tmp_path) as ledger:
        assert (ledger.appended, ledger.durable, ledger.epoch) == (11, 11, 2)
        assert (ledger.tally.values, ledger.tally.failed, ledger.tally.retried) == (1, 1, 1)
        ledger.append(HISTORY[11:])
    with open_ledger(tmp_path) as ledger:
        assert list(ledger.read()) == list(enumerate(HISTORY, 1))
    assert (tmp_path / "campaign.db").exists()
    assert not (tmp_path / "campaign.db-wal").exists()


def test_large_contents_are_files(tmp_path: Path):
    array = np.arange(20_000.0).reshape(-1, 4)
    with open_ledger(tmp_path) as ledger:
        ledger.append([Proposed("main", 1, (T[0],)), Finished(0, 1, Value({"a": array, "again": array}), 1.0)])
        ledger.flush()
        ((_, _), (_, event)) = ledger.read()
    assert isinstance(event, Finished)
    assert isinstance(event.outcome, Value)
    assert np.array_equal(event.outcome.outputs["a"], array)
    (blob,) = (path for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    assert blob.read_bytes() == array.tobytes()


def test_the_second_opening_is_refused(tmp_path: Path):
    with open_ledger(tmp_path), pytest.raises(AlreadyOpen, match="pid"):
        open_ledger(tmp_path)


@pytest.mark.parametrize(("network", "mode"), [(False, b"\x02\x02"), (True, b"\x01\x01")])
def test_only_a_local_file_system_gets_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: bool, mode: bytes
):
    open_ledger(tmp_path).close()
    monkeypatch.setattr(ledgers, "is_network", lambda _: network)
    with open_ledger(tmp_path) as ledger:
        ledger.append(HISTORY)
        ledger.flush()
        assert (tmp_path / "campaign.db-wal").exists() != network
    # File format version numbers 1 (rollback journal) or 2 (log): https://sqlite.org/fileformat.html, 1.3.3
    assert (tmp_path / "campaign.db").read_bytes()[18:20] == mode


def test_events_of_many_threads_are_kept_apart(tmp_path: Path):
    with open_ledger(tmp_path) as ledger:
        groups = [[Exhausted(f"g{i}", str(j)) for j in range(50)] for i in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ledger.append, groups))
        ledger.flush()
        found = [event for _, event in ledger.read()]
    assert sorted(map(repr, found)) == sorted(repr(event) for group in groups for event in group)
    for group in groups:
        at = found.index(group[0])
        assert found[at : at + 50] == group


def test_a_closed_ledger_takes_nothing(tmp_path: Path):
    ledger = open_ledger(tmp_path)
    ledger.append(HISTORY)
    ledger.close()
    ledger.close()
    assert ledger.durable == len(HISTORY)
    with pytest.raises(LedgerError, match="is closed"):
        ledger.append(HISTORY)


def test_what_cannot_be_stored_ends_the_writer(tmp_path: Path):
    ledger = open_ledger(tmp_path)
    ledger.append(HISTORY[:4])
    ledger.flush()
    ledger.append([Finished(0, 1, Value({"lock": object()}), 1.0)])
    with pytest.raises(LedgerError, match=r"outputs\.lock is a object"):
        ledger.flush()
    with pytest.raises(LedgerError, match=r"outputs\.lock"):
        ledger.close()
    with open_ledger(tmp_path) as ledger:
        assert ledger.appended == 4


def test_the_view_for_other_programs_shows_results(tmp_path: Path):
    with open_ledger(tmp_path) as ledger:
        ledger.append(HISTORY)
    with closing(sqlite3.connect(tmp_path / "campaign.db")) as connection:
        rows = connection.execute("SELECT id, state, inputs, message, at FROM result").fetchall()
    assert [(row[0], row[1]) for row in rows] == [
        (0, "done"),
        (1, "raised"),
        (2, "running"),
        (3, "cancelled"),
        (4, "proposed"),
    ]
    assert json.loads(rows[1][2]) == T[1].inputs
    assert rows[1][3:] == ("ValueError: no", 104.0)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns a list that grows by one with each transaction."""
    made, commit = list[int](), writers.Store.commit

    def counting(self: writers.Store, *given: Any) -> None:
        made.append(len(given[0]))
        commit(self, *given)

    monkeypatch.setattr(writers.Store, "commit", counting)
    return made


def test_what_comes_one_by_one_is_written_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made, began = counted(monkeypatch), time.monotonic()
    with closing(open_ledger(tmp_path)) as ledger:
        for i in range(3000):
            ledger.append([Exhausted("g", str(i))])
        ledger.flush()
        taken = time.monotonic() - began
        assert sum(made) == 3000
        assert len(made) <= taken / writers.PAUSE + 2


def test_who_waits_for_what_is_written_waits_for_that_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writers, "PAUSE", 600.0)
    with closing(open_ledger(tmp_path)) as ledger:
        for i in range(5):
            ledger.append([Exhausted("g", str(i))])
            ledger.flush(20)
        ledger.append([Exhausted("g", "last")])
    with closing(open_ledger(tmp_path)) as ledger:
        assert len(list(ledger.read())) == 6
