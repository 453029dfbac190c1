"""Scenes on a small or read-only file system, run in a mount namespace of their own."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import pytest

from cohobate.core.errors import DiskFull, LedgerError
from cohobate.core.events import Finished, Proposed
from cohobate.core.outcome import Value
from cohobate.core.trial import Trial
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.snapshot import snapshot
from cohobate.ledger.verify import verify
from ledger.histories import history

MANY = history(4000)


def fills_up(place: Path) -> None:
    filler = place / "filler"
    filler.write_bytes(bytes(300_000))
    ledger = open_ledger(place / "run", patience=0.1)
    ledger.append(MANY)
    with pytest.raises(DiskFull, match=r"campaign.db cannot grow, [\d,]+ bytes are free there"):
        ledger.flush()
    assert isinstance(ledger.error, DiskFull)
    durable = ledger.durable
    with pytest.raises(DiskFull):
        ledger.append(MANY)
    with pytest.raises(DiskFull):
        ledger.close()
    assert verify(place / "run") == []
    filler.unlink()
    with open_ledger(place / "run", patience=0.1) as ledger:
        assert ledger.appended == durable
        assert [event for _, event in ledger.read()] == MANY[:durable]
        ledger.append(MANY[durable : durable + 100])
    assert verify(place / "run") == []


def waits_for_space(place: Path) -> None:
    filler = place / "filler"
    with open_ledger(place / "run", patience=50) as ledger:
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
        ledger.append(MANY[:500])
        with pytest.raises(LedgerError, match="500 events are not durable after"):
            ledger.flush(timeout=0.2)
        filler.unlink()
        ledger.flush()
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
        blob = [Proposed("m", 1, (Trial(900, {}),)), Finished(900, 1, Value({"b": b"b" * 100_000}), 1.0)]
        ledger.append(blob)
        with pytest.raises(LedgerError, match="2 events are not durable after"):
            ledger.flush(timeout=0.2)
        filler.unlink()
        ledger.flush()
        assert [event for _, event in ledger.read()] == [*MANY[:500], *blob]
    assert verify(place / "run") == []


def too_small_to_begin(place: Path) -> None:
    with suppress(OSError), (place / "filler").open("wb") as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(DiskFull, match="0 bytes are free"):
        open_ledger(place / "run")
    (place / "filler").unlink()
    with open_ledger(place / "run") as ledger:
        assert ledger.appended == 0


def read_only(place: Path) -> None:
    run = place / "run"
    with pytest.raises(LedgerError, match="Read-only file system"):
        open_ledger(run)
    with pytest.raises(LedgerError, match="Read-only file system"):
        open_ledger(place / "new")
    with open_reader(run) as reader:
        assert [event for _, event in reader.read()] == history(30)
    assert verify(run) == []
    with pytest.raises(LedgerError, match="Read-only file system"):
        snapshot(run, place / "copy")
    with pytest.raises(LedgerError, match="writable"), open_reader(place / "killed") as reader:
        list(reader.read())


SCENES = (fills_up, waits_for_space, too_small_to_begin, read_only)

if __name__ == "__main__":
    {scene.__name__: scene for scene in SCENES}[sys.argv[1]](Path(sys.argv[2]))
