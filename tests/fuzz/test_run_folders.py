"""Whatever lies in a run folder, it is opened, or refused by one line, and nothing waits for ever."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unicodedata import category
from zlib import crc32

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import cohobate as co
from cohobate.campaign.manifest import write_manifest
from cohobate.cli.whereabouts import whereabouts
from cohobate.core.canonical import content_hash
from cohobate.core.errors import CohobateError, Damaged, LedgerError
from cohobate.core.events import EVENTS, Finished, Proposed
from cohobate.core.outcome import Value
from cohobate.core.trial import Evaluated, Trial
from cohobate.ledger import sidecar
from cohobate.ledger.blobs import FolderBlobs
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.record import _seal
from cohobate.ledger.sidecar import Claim
from cohobate.ledger.snapshot import snapshot
from cohobate.ledger.spool import harvest, write_spool
from cohobate.ledger.verify import verify
from cohobate.ledger.views import follow
from cohobate.view.text import UNSHOWN
from fuzz.oracle import bounded, ended, one_line
from fuzz.seeds import CONTENTS, STRANGE
from golden.recorded import history
from ledger.test_record import bodies, cells, plain

BLOB = b"blob " * 20_000
FILES = (
    "campaign.db",
    "campaign.count",
    "campaign.lock",
    "campaign.db-wal",
    "campaign.db-shm",
    "campaign.db-journal",
    "manifest.json",
    "blobs",
    "spool",
    "spool/1-1-1.result",
    f"blobs/00/{'0' * 64}",
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with open_ledger(folder) as ledger:
        ledger.append(history())
        ledger.append([Proposed("m", 3, (Trial(99, {}),)), Finished(99, 1, Value({"b": BLOB}), 1.0)])
    (folder / "manifest.json").write_text("{}")
    return folder


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    return shutil.copytree(stopped, tmp_path / "run")


def everything(folder: Path) -> list[str]:
    """What is said when all of a run folder is used; anything but a ``LedgerError`` is let through."""
    said = [
        ended(_driven, folder, errors=LedgerError),
        ended(_read, folder, errors=LedgerError),
        ended(lambda: str(snapshot(folder, folder.with_name("copy"))), errors=LedgerError),
        ended(lambda: str(len(harvest(folder).unreadable)), errors=()),
        ended(whereabouts, folder, "", errors=()),
        *ended(verify, folder, errors=()),
    ]
    shutil.rmtree(folder.with_name("copy"), ignore_errors=True)
    assert all(map(one_line, said)), said
    return said


def _driven(folder: Path) -> str:
    with open_ledger(folder, patience=0.05) as ledger:
        ledger.append([Proposed("m", 4, (Trial(100, {"x": 1.0}),))])
        ledger.flush()
        for _ in ledger.story("main"):
            pass
        ledger.declared()
        return f"{len(list(ledger.read()))} {len(ledger.unfinished())} {len(ledger.untold('main'))}"


def _read(folder: Path) -> str:
    with open_reader(folder) as reader:
        views = follow(reader)
        views.failures()
        return f"{len(views.table())} {views.rates()} {reader.tally} {len(reader.unfinished())}"[:99]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("make", STRANGE, ids=lambda make: make.__name__)
def test_something_strange_instead_of_a_file(run: Path, name: str, make: Callable[[Path], None]):
    path = run / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    make(path)
    assert everything(run)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", ["nothing", "BOM", "NUL", "gz", "deep", "SQLite"])
def test_something_else_in_a_file(run: Path, name: str, content: str):
    path = run / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(CONTENTS[content])
    assert everything(run)


def test_an_untouched_folder_is_whole(run: Path):
    driven, read, copied, spooled, where, *wrong = everything(run)
    assert driven.startswith(f"{len(history()) + 3} ")
    proposed = 2 + sum(len(event.trials) for event in history() if isinstance(event, Proposed))
    assert read.startswith(f"{proposed} ")
    assert copied == str(run.with_name("copy"))
    assert spooled == "0"
    assert where.startswith("killed") or where.startswith("running")
    assert wrong == []


# what a damaged database may hold, though SQLite finds nothing wrong with it

COLUMNS = {
    "event": ("kind", "trial", "attempt", "at", "body", "crc"),
    "trial": ("generator", "ask", "proposed", "state", "attempts", "failed", "cancel", "finished", "told"),
    "meta": ("name", "value"),
}
changes = st.sampled_from([(table, column) for table, columns in COLUMNS.items() for column in columns])
contents = (
    cells
    | st.binary(max_size=8)
    | st.sampled_from(["[]", "{}", "null", "1e400", "[" * 2000, "9" * 5000, str(2**63 - 1), -1, 2**62])
    | plain.map(json.dumps)
)


@settings(max_examples=50)
@given(changes, st.integers(0, 60), contents.filter(lambda c: not isinstance(c, str) or c.isascii()), st.booleans())
@example(("meta", "value"), 0, "[]", False)
@example(("meta", "value"), 1, "x", False)
@example(("meta", "value"), 4, '{"lowest": [], "highest": {}}', False)
@example(("trial", "failed"), 13, "[", False)
@example(("trial", "proposed"), 13, 1, False)
def test_any_cell_of_the_database(  # noqa: PLR0917 hypothesis fills them in
    stopped: Path,
    tmp_path_factory: pytest.TempPathFactory,
    change: tuple[str, str],
    row: int,
    content: object,
    delete: bool,
):
    folder = shutil.copytree(stopped, tmp_path_factory.mktemp("cell") / "run")
    table, column = change
    with closing(sqlite3.connect(folder / "campaign.db", isolation_level=None)) as connection:
        key = {"event": "seq", "trial": "id", "meta": "name"}[table]
        keys = [k for (k,) in connection.execute(f"SELECT {key} FROM {table} ORDER BY 1")]
        statement = f"DELETE FROM {table}" if delete else f"UPDATE OR IGNORE {table} SET {column} = :content"
        try:
            connection.execute(f"{statement} WHERE {key} = :key", {"content": content, "key": keys[row % len(keys)]})
        except sqlite3.IntegrityError:
            return
    assert everything(folder)
    shutil.rmtree(folder.parent)


@settings(max_examples=40)
@given(st.sampled_from([*EVENTS]), cells, cells, cells, bodies.map(json.dumps))
@example("finished", 12, 1, 1.0, '{"outcome":{"value":{"b":{"$bytes":{"sha256":"' + "0" * 64 + '","bytes":3}}}}}')
@example("finished", 12, 1, 1.0, '{"outcome":{"value":{"b":{"$bytes":{"sha256":"x","bytes":' + "9" * 12 + "}}}}}")
@example("finished", 12, 1, 1.0, '{"outcome":{"value":{"b":{"$array":"<f8","shape":[100000000000,0],"data":""}}}}')
@example("finished", 12, 1, 1.0, '{"outcome":{"value":{"b":{"$array":"(2","shape":[],"data":""}}}}')
@example("finished", 12, 1, 1.0, '{"outcome":{"value":{"y":{"$int":"0x' + "f" * 5000 + '"}}}}')
@example("declared", None, None, None, '{"campaign":{"problem":3}}')
@example("declared", None, None, None, '{"campaign":{"problem":{"outputs":[{"name":"y"}]}}}')
@example("proposed", None, None, None, '{"generator":"main","ask":3,"trials":[]}')
@example("told", None, None, None, '{"generator":"main","trials":[77]}')
def test_any_last_event_with_a_right_check_sum(  # noqa: PLR0917 hypothesis fills them in
    stopped: Path,
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    trial: object,
    attempt: object,
    at: object,
    body: str,
):
    """As a newer version, or somebody with a grudge, might have written it."""
    folder = shutil.copytree(stopped, tmp_path_factory.mktemp("event") / "run")
    with closing(sqlite3.connect(folder / "campaign.db", isolation_level=None)) as connection:
        ((last,),) = connection.execute("SELECT max(seq) FROM event").fetchall()
        row = (last + 1, kind, trial, attempt, at, body)
        try:
            row = (*row, _seal(*row))  # type: ignore[arg-type] # what may be there
            connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        except (UnicodeEncodeError, struct.error, OverflowError, sqlite3.Error):
            return
        connection.execute("UPDATE meta SET value = ? WHERE name = 'events'", (last + 1,))
    assert everything(folder)
    shutil.rmtree(folder.parent)


# the small files

claims = st.builds(
    lambda store, events, commits: sidecar._spell(Claim(store, events, commits)),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)


@given(st.binary(max_size=120) | st.lists(claims | st.binary(max_size=44), max_size=3).map(b"".join))
def test_any_count(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    folder = tmp_path_factory.getbasetemp()
    (folder / sidecar.NAME).write_bytes(content)
    claim = ended(sidecar.read, folder, errors=Damaged)
    assert isinstance(claim, Claim) or one_line(claim)


@settings(max_examples=40)
@given(st.binary(max_size=40) | plain.map(lambda data: json.dumps(data).encode()))
@example(CONTENTS["deep"])
@example(b'{"sessions": [' + b"[" * 900 + b"]" * 900 + b"]}")
@example(b'{"sessions": {"a": 1}}')
@example(b'{"sessions": [1e400, NaN]}')
def test_any_manifest(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    folder = tmp_path_factory.getbasetemp()
    (folder / "manifest.json").write_bytes(content)
    with bounded():
        write_manifest(folder, seed=3, session={"epoch": 1})
    assert json.loads((folder / "manifest.json").read_text())["sessions"][-1]["epoch"] == 1


@pytest.mark.parametrize("make", STRANGE, ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", ["manifest.json", "spool", "spool/1-1-1.result", "campaign.count", "work"])
def test_a_campaign_in_a_strange_folder(tmp_path: Path, make: Callable[[Path], None], name: str):
    def campaign() -> co.Campaign:
        return co.Campaign(co.RandomSampler({"x": co.Real(0, 1)}, minimize="f"), abs, co.inline(), run=tmp_path / "r")

    campaign().run(co.evaluations(1))
    path = tmp_path / "r" / name
    path.parent.mkdir(exist_ok=True)
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    make(path)
    said = ended(lambda: str(campaign().run(co.evaluations(2))), errors=CohobateError)
    assert one_line(said)


reports = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("epoch", "trial", "attempt", "inputs", "outcome", "started", "seconds", "flagged"), plain),
)


@settings(deadline=None)
@given(reports | plain)
def test_any_report_with_a_right_check_sum(tmp_path_factory: pytest.TempPathFactory, changed: object):
    folder = tmp_path_factory.getbasetemp() / "reports"
    path = write_spool(folder, 1, 5, 1, content_hash({}), Evaluated(Value({"y": 1.0}), 1.0, 2.0, "w"))
    right = json.loads(path.read_bytes()[9:])
    text = json.dumps({**right, **changed} if isinstance(changed, dict) else changed).encode()
    path.write_bytes(b"%08x %s\n" % (crc32(text), text))
    with bounded():
        found = harvest(folder)
    assert len(found.spooled) + len(found.unreadable) == 1
    for spooled in found:
        assert (spooled.trial, spooled.epoch, spooled.attempt) == (5, 1, 1)
        assert isinstance(spooled.evaluated.seconds, float | int)
        assert isinstance(spooled.evaluated.started, float | int)


@pytest.mark.parametrize("make", STRANGE, ids=lambda make: make.__name__)
def test_a_strange_blob(tmp_path: Path, make: Callable[[Path], None]):
    blobs = FolderBlobs(tmp_path)
    name = blobs.put(BLOB)
    blobs.path(name).unlink()
    make(blobs.path(name))
    said = ended(blobs.get, name, len(BLOB), errors=Damaged)
    assert isinstance(said, str)
    assert one_line(said)
    if make.__name__ in ("pipe", "unreadable", "loop", "dangling", "plug"):
        assert blobs.put(BLOB) == name  # repaired
        assert blobs.get(name) == BLOB


holders = st.text(max_size=40) | st.builds(
    "pid {} on {} since {}".format,
    st.sampled_from(["1", "0", "²", "9" * 30, "9" * 900]),
    st.text(max_size=9),
    st.text(),
)


@given(holders)
@example(f"pid {os.getpid()} on x\x1b[31m since y")
def test_any_lock_file(tmp_path_factory: pytest.TempPathFactory, text: str):
    folder = tmp_path_factory.getbasetemp() / "locked"
    folder.mkdir(exist_ok=True)
    (folder / "campaign.lock").write_bytes(text.encode("utf-8", "surrogatepass"))
    said = ended(whereabouts, folder, "", errors=())
    assert one_line(said)
    assert not any(category(c) in UNSHOWN for c in said)
