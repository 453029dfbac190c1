"""A store that is not what it was is refused in one clear line, and left as it is."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.core.errors import Damaged, Foreign, LedgerError
from cohobate.core.events import Finished, Proposed
from cohobate.core.outcome import Value
from cohobate.core.trial import Trial
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.verify import verify
from ledger.histories import evaluation, history

TRIALS = 150
Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a campaign that was closed in good order."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with open_ledger(folder) as ledger:
        ledger.append(history(TRIALS))
    return folder


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    return shutil.copytree(stopped, tmp_path / "run")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and "lock" not in p.name
    }


def sql(folder: Path, script: str) -> None:
    with closing(sqlite3.connect(folder / "campaign.db", isolation_level=None)) as connection:
        connection.executescript(script)


def put(folder: Path, data: bytes, name: str = "campaign.db") -> None:
    (folder / name).write_bytes(data)


def cut(folder: Path, keep: int) -> None:
    put(folder, (folder / "campaign.db").read_bytes()[:keep])


def older(folder: Path) -> None:
    """The database as it was ten trials earlier."""
    count = 2 + 4 * (TRIALS - 10)
    sql(folder, f"DELETE FROM event WHERE seq > {count}; UPDATE meta SET value = {count} WHERE name = 'events'")


def of_another(folder: Path) -> None:
    with open_ledger(folder.parent / "other") as ledger:
        ledger.append(history(TRIALS))
    shutil.copy(folder.parent / "other" / "campaign.count", folder)


REFUSED: dict[str, tuple[Spoil, type[LedgerError], str]] = {
    "empty file": (lambda f: put(f, b""), Damaged, "campaign.db is empty"),
    "missing file": (
        lambda f: (f / "campaign.db").unlink(),
        Damaged,
        "is missing .602 events were recorded",
    ),
    "text": (lambda f: put(f, b"hello " * 1000), Damaged, "is not an SQLite file"),
    "a few bytes": (lambda f: cut(f, 60), Damaged, "is not an SQLite file"),
    "cut in a page": (lambda f: cut(f, 3 * 4096 + 17), Damaged, "was cut short"),
    "cut by one byte": (lambda f: put(f, (f / "campaign.db").read_bytes()[:-1]), Damaged, "was cut short"),
    "foreign": (lambda f: sql(f, "PRAGMA application_id = 77"), Foreign, "is not a cohobate ledger"),
    "newer": (
        lambda f: sql(f, "PRAGMA user_version = 2"),
        Foreign,
        "has format 2 .written by cohobate.*reads format 1",
    ),
    "no count": (lambda f: (f / "campaign.count").unlink(), Damaged, "campaign.count cannot be read"),
    "bad count": (lambda f: put(f, b"x" * 96, "campaign.count"), Damaged, "no readable count"),
    "count of another": (of_another, Damaged, "of different ledgers"),
    "older copy": (older, Damaged, "stale or torn copy: it has 562 events, and 602 were recorded"),
    "lost events": (lambda f: sql(f, "DELETE FROM event WHERE seq = 590"), Damaged, "events are missing near the end"),
    "lost end": (lambda f: sql(f, "DELETE FROM event WHERE seq = 602"), Damaged, "602 events expected, 601 found"),
    "changed event": (
        lambda f: sql(f, "UPDATE event SET body = replace(body, 'y', 'z') WHERE seq = 600 OR seq = 601"),
        Damaged,
        "damaged at event 60[01] .*check sum",
    ),
    "no table": (
        lambda f: sql(f, "DROP VIEW result; DROP TABLE event"),
        Damaged,
        "event, one_final, result is missing",
    ),
    "no constraint": (lambda f: sql(f, "DROP INDEX one_final"), Damaged, "one_final is missing"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_is_refused_and_left_alone(how: str, run: Path):
    spoil, kind, words = REFUSED[how]
    spoil(run)
    before = contents(run)
    with pytest.raises(kind, match=words) as caught:
        open_ledger(run)
    assert "\n" not in str(caught.value)
    assert str(run) in str(caught.value)
    assert contents(run) == before
    assert verify(run) != []


def test_the_reader_refuses_what_it_can_tell(run: Path):
    older(run)
    with pytest.raises(Damaged, match="stale or torn"):
        open_reader(run)


def test_the_reader_refuses_an_end_that_is_not_there(run: Path):
    sql(run, "DELETE FROM event WHERE seq > 400")
    with pytest.raises(Damaged, match="602 events expected, 400 found"):
        open_reader(run)


@pytest.mark.parametrize(("gone", "missing"), [("seq = 100", 100), ("seq BETWEEN 1 AND 7", 1)])
def test_the_reader_is_never_silently_short(run: Path, gone: str, missing: int):
    sql(run, f"DELETE FROM event WHERE {gone}")
    with open_reader(run) as reader, pytest.raises(Damaged, match=f"event {missing} of 602 is missing"):
        list(reader.read())


def test_an_untouched_store_is_whole(run: Path):
    assert verify(run) == []
    with open_ledger(run) as ledger:
        assert [event for _, event in ledger.read()] == history(TRIALS)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_noticed_or_changes_nothing(
    stopped: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    run = shutil.copytree(stopped, tmp_path_factory.mktemp("flipped") / "run")
    name = data.draw(st.sampled_from(["campaign.db", "campaign.db", "campaign.count"]))
    content = bytearray((run / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    put(run, bytes(content), name)
    whole = verify(run) == []
    try:
        with open_ledger(run) as ledger:
            found = [event for _, event in ledger.read()]
        assert found == history(TRIALS)
        assert not whole or ledger.tally.values == TRIALS
    except LedgerError:
        assert not whole or name == "campaign.count"
    shutil.rmtree(run.parent)


def test_a_schema_that_is_no_text_is_damage(run: Path):
    """SQLite quotes it in a message that is not UTF-8, and Python raises that as something else."""
    content = (run / "campaign.db").read_bytes()
    at = content.index(b"CREATE TABLE event")
    put(run, content[: at + 13] + b"\xff" + content[at + 14 :])
    with pytest.raises(Damaged):
        open_ledger(run)
    assert verify(run)


@pytest.mark.parametrize("keep", ["campaign.db", "all"])
def test_a_copy_of_a_live_store_without_its_log_is_refused(tmp_path: Path, keep: str):
    run, copy = tmp_path / "run", tmp_path / "copy"
    with open_ledger(run) as ledger:
        ledger.append(history(TRIALS))
        ledger.flush()
        shutil.copytree(run, copy, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    if keep == "campaign.db":
        (copy / "campaign.count").unlink()
    with pytest.raises(Damaged):
        open_ledger(copy)


def test_a_whole_copy_of_a_quiet_live_store_opens(tmp_path: Path):
    with open_ledger(tmp_path / "run") as ledger:
        ledger.append(history(20))
        ledger.flush()
        shutil.copytree(tmp_path / "run", tmp_path / "copy")
    with open_ledger(tmp_path / "copy") as ledger:
        assert [event for _, event in ledger.read()] == history(20)


@pytest.mark.parametrize("name", ["notes.txt", "manifest.json", "blobs", "work"])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, name: str):
    (tmp_path / name).mkdir() if "." not in name else (tmp_path / name).write_text("mine")
    with pytest.raises(Foreign, match=f"it holds {name}, and no campaign.db"):
        open_ledger(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_is_refused(tmp_path: Path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(Foreign, match="is a file"):
        open_ledger(tmp_path / "run")


def test_a_folder_left_before_the_first_event_is_new(tmp_path: Path):
    open_ledger(tmp_path).close()
    (tmp_path / "campaign.db").rename(tmp_path / ".campaign.db.tmp")
    put(tmp_path, b"torn", ".campaign.db.tmp-journal")
    with open_ledger(tmp_path) as ledger:
        assert ledger.appended == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["campaign.count", "campaign.db", "campaign.lock"]


@pytest.mark.parametrize("left", ["campaign.db-wal", "campaign.db-journal", "blobs", "manifest.json"])
def test_a_folder_that_lost_its_database_is_not_new(tmp_path: Path, left: str):
    open_ledger(tmp_path).close()
    (tmp_path / "campaign.db").unlink()
    (tmp_path / left).write_text("something was here")
    with pytest.raises(LedgerError):
        open_ledger(tmp_path)


def test_one_torn_slot_of_the_count_does_no_harm(run: Path):
    count = bytearray((run / "campaign.count").read_bytes())
    half = len(count) // 2
    for torn in (slice(0, half), slice(half, None)):
        spoiled = bytearray(count)
        spoiled[torn] = bytes(half)
        put(run, bytes(spoiled), "campaign.count")
        with open_ledger(run) as ledger:
            assert ledger.appended == 2 + 4 * TRIALS


def test_a_spoiled_blob_is_noticed(tmp_path: Path):
    with open_ledger(tmp_path) as ledger:
        ledger.append([Proposed("m", 1, (Trial(0, {}),)), Finished(0, 1, Value({"b": b"x" * 70_000}), 1.0)])
    assert verify(tmp_path) == []
    (blob,) = (path for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    for spoil in (lambda: blob.write_bytes(b"y" * 70_000), blob.unlink):
        spoil()
        assert any("blob" in line for line in verify(tmp_path))
        with open_ledger(tmp_path) as ledger, pytest.raises(Damaged, match="blob"):
            list(ledger.read())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trial SET state = 'raised' WHERE id = 3",
        "DELETE FROM trial WHERE id = 3",
        "UPDATE meta SET value = replace(value, '150', '151') WHERE name = 'tally'",
        "DELETE FROM event WHERE seq = 100",
        "UPDATE event SET crc = crc + 1 WHERE seq = 100",
    ],
)
def test_a_full_look_finds_what_a_quick_one_does_not(run: Path, change: str):
    sql(run, change)
    open_reader(run)
    assert verify(run) != []


def test_one_final_outcome_for_each_trial(run: Path):
    again = Finished(3, 2, Value({}), 1.0)
    ledger = open_ledger(run)
    ledger.append([again])
    with pytest.raises(LedgerError, match="trial 3"):
        ledger.flush()
    with pytest.raises(LedgerError, match="trial 3"):
        ledger.append(evaluation(999))
    with pytest.raises(LedgerError, match="trial 3"):
        ledger.close()
    insert = (
        "INSERT INTO event SELECT 9999, kind, trial, attempt, at, body, crc FROM event WHERE kind = 'finished' LIMIT 1"
    )
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        sql(run, insert)
    assert verify(run) == []
