"""A snapshot is a run folder like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from cohobate.core.errors import Damaged, LedgerError
from cohobate.core.events import Finished, Proposed
from cohobate.core.outcome import Value
from cohobate.core.trial import Trial
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.snapshot import snapshot
from cohobate.ledger.verify import verify
from ledger.histories import evaluation, history

BLOB = b"b" * 100_000


@pytest.fixture
def run(tmp_path: Path):
    folder = tmp_path / "run"
    with open_ledger(folder) as ledger:
        (folder / "manifest.json").write_text("{}")
        ledger.append([*history(10), Proposed("m", 1, (Trial(99, {}),)), Finished(99, 1, Value({"b": BLOB}), 1.0)])
        ledger.flush()
        yield folder


def test_a_snapshot_of_a_live_run_opens(run: Path, tmp_path: Path):
    target = snapshot(run, tmp_path / "deep" / "copy")
    assert sorted(path.name for path in target.iterdir()) == ["blobs", "campaign.count", "campaign.db", "manifest.json"]
    assert verify(target) == []
    with open_ledger(target) as copy:
        assert copy.appended == 44
        assert list(copy.read())[43][1] == Finished(99, 1, Value({"b": BLOB}), 1.0)
        copy.append(evaluation(100))
    assert verify(target) == []
    assert verify(run) == []


def test_a_snapshot_needs_a_new_place(run: Path, tmp_path: Path):
    (tmp_path / "taken").mkdir()
    snapshot(run, tmp_path / "taken")
    with pytest.raises(LedgerError, match="is not empty: a snapshot needs a new folder"):
        snapshot(run, tmp_path / "taken")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LedgerError, match="is not empty"):
        snapshot(run, tmp_path / "file")


def test_a_snapshot_of_nothing_is_refused(tmp_path: Path):
    with pytest.raises(LedgerError, match=r"holds no campaign\.db: name the folder of a run"):
        snapshot(tmp_path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_snapshot_that_fails_leaves_nothing(run: Path, tmp_path: Path):
    (blob,) = (path for path in (run / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    blob.mkdir()
    with pytest.raises((LedgerError, Damaged)):
        snapshot(run, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
