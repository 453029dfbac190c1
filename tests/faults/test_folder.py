"""What may happen to a run folder while a campaign writes into it: the disk fills up, somebody copies it."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cohobate.core.errors import LedgerError
from cohobate.core.events import Event
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.snapshot import snapshot
from cohobate.ledger.verify import verify
from faults import full
from faults.harness import SEED, Job, Plan, audit, wait_until

NAMESPACE = ("unshare", "--mount", "--map-root-user", "sh", "-c")
EVALUATIONS = 2400
COPIES = 24
BUSY = Plan(wanted=EVALUATIONS, seconds=0.002, ballast=200)
"""Short evaluations, so that the log is folded into the database again and again while it is copied."""


def in_namespace(command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([*NAMESPACE, command], capture_output=True, text=True, env=environment, timeout=50)


def can_mount() -> bool:
    return shutil.which("unshare") is not None and in_namespace("mount -t tmpfs tmpfs /mnt").returncode == 0


@pytest.mark.skipif(not can_mount(), reason="needs Linux with user namespaces to mount a file system")
@pytest.mark.parametrize("scene", full.SCENES)
def test_a_full_disk_loses_nothing(tmp_path: Path, scene: Callable[..., object], row):
    disk = tmp_path / "disk"
    disk.mkdir()
    program = shlex.join([sys.executable, "-m", "faults.full", scene.__name__, str(tmp_path / "work"), str(disk)])
    ended = in_namespace(f"mount -t tmpfs -o size=6m tmpfs {shlex.quote(str(disk))} && {program}")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    row(
        f"full disk, {scene.__name__.replace('_', ' ')}",
        f"{found['stuck']} acknowledged when full" + (f"; said: {found['said'].strip()}" if found["said"] else ""),
        runs=1,
        completed=1,
        **{key: found[key] for key in ("lost", "duplicates", "orphans", "missing", "reruns")},
    )
    assert found["sound"]
    assert found["orphans"] == 0
    assert 50 <= found["stuck"] < 200
    if scene is full.space_comes_too_late:
        assert found["said"].startswith(f"DiskFull: {disk}/run/campaign.db cannot grow, ")


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
        enough = len(work.shown) + EVALUATIONS // COPIES
        wait_until(lambda enough=enough: work.look() >= enough or not driver.alive)
    assert driver.finish()
    return copies


@pytest.mark.parametrize("copy", [with_cp, file_by_file])
def test_a_live_copy_is_refused_or_complete(tmp_path: Path, copy: Callable[..., None], job, row):
    rng = random.Random(f"{SEED} {copy.__name__}")
    work = job(BUSY)
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
        lost=found.lost,
        duplicates=found.duplicates,
        orphans=work.drivers[0].bury(),
        missing=found.missing,
        completed=1,
    )
    assert found.sound, found
    assert len(copies) >= COPIES // 2


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
