"""Copies of a run folder that are taken while a campaign writes into it."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cohobate.core.errors import LedgerError
from cohobate.core.events import Event
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.snapshot import snapshot
from cohobate.ledger.verify import verify
from faults.auditing import audit
from faults.harness import SEED, Job, Plan, wait_until

COPIES = 24
BUSY = Plan(wanted=2400, seconds=0.002, ballast=200)
BUSIEST = Plan(wanted=8000, seconds=0.0, ballast=200)
"""Short evaluations, so that the log is folded into the database again and again while it is copied."""


def with_cp(work: Job, target: Path, _: random.Random) -> None:
    subprocess.run(["cp", "-r", str(work.run), str(target)], check=False, capture_output=True, timeout=20)


def file_by_file(work: Job, target: Path, rng: random.Random) -> None:
    """As a slow copy over a network may do: in any order, and each file later than the one before."""
    target.mkdir()
    files = sorted(path for path in work.run.iterdir() if path.is_file())
    for path in rng.sample(files, len(files)):
        seen = work.seen
        wait_until(lambda seen=seen: work.look() and (work.seen > seen or not work.drivers[-1].alive))
        if path.exists():
            shutil.copy(path, target)


def across_a_checkpoint(work: Job, target: Path, _: random.Random) -> None:
    """The database as it was before the log was folded into it and begun anew, and the log as it is long after."""
    target.mkdir()
    log = work.run / "campaign.db-wal"

    def salt() -> bytes:
        with suppress(OSError):
            return log.read_bytes()[16:24]
        return b""

    for name in ("campaign.count", "campaign.db"):
        shutil.copy(work.run / name, target)
    was, driver = salt(), work.drivers[-1]
    wait_until(lambda: salt() != was or not driver.alive)
    seen = work.seen
    wait_until(lambda: (work.look() and work.seen > seen + 1000) or not driver.alive)
    with suppress(FileNotFoundError):
        shutil.copy(log, target)


def opened(folder: Path) -> list[Event] | str:
    """What a copy holds to a reader and to a driver, or the one line with which it is refused."""
    try:
        with open_reader(folder) as reader:
            events = [event for _, event in reader.read()]
        with open_ledger(folder) as ledger:
            assert [event for _, event in ledger.read()] == events
    except LedgerError as error:
        return f"{type(error).__name__}: {error}"
    return events


def taken(work: Job, place: Path, take: Callable[[Path], object]) -> dict[Path, int]:
    """Copies that were taken while a driver wrote, each with the number of events that were acknowledged before."""
    driver = work.start()
    wait_until(lambda: work.look() >= 10)
    copies: dict[Path, int] = {}
    while driver.alive:
        work.look()
        acknowledged, target = work.seen, place / f"copy{len(copies)}"
        take(target)
        copies[target] = acknowledged
        enough = len(work.shown) + work.plan.wanted // COPIES
        wait_until(lambda enough=enough: work.look() >= enough or not driver.alive)
    assert driver.finish()
    return copies


WAYS = {with_cp: BUSY, file_by_file: BUSY, across_a_checkpoint: BUSIEST}


@pytest.mark.parametrize("copy", WAYS)
def test_a_live_copy_is_refused_or_complete(tmp_path: Path, copy: Callable[..., None], job, row):
    rng = random.Random(f"{SEED} {copy.__name__}")
    work = job(WAYS[copy])
    copies = taken(work, tmp_path, lambda target: copy(work, target, rng))
    refused: list[str] = []
    for target, acknowledged in copies.items():
        match opened(target):
            case str(line):
                assert "\n" not in line
                refused.append(line)
            case events:
                assert len(events) >= acknowledged
                assert verify(target) == []
    found = audit(work)
    row(
        f"copied live {copy.__name__.replace('_', ' ')}",
        f"seed {SEED}; {len(copies) - len(refused)} complete, {len(refused)} refused, 0 silently short",
        runs=len(copies),
        audits=[found],
        orphans=work.drivers[0].bury(),
        completed=1,
    )
    assert found.sound, found
    assert len(copies) >= 2


def test_a_live_snapshot_is_complete(tmp_path: Path, job, row):
    work = job(BUSY)
    copies = taken(work, tmp_path, lambda target: snapshot(work.run, target))
    for target, acknowledged in copies.items():
        assert verify(target) == []
        events = opened(target)
        assert isinstance(events, list), events
        assert len(events) >= acknowledged
    row("snapshots taken live", f"{len(copies)} complete", runs=len(copies), completed=1)
    assert len(copies) >= COPIES // 2
