"""Campaigns on a disk that is full, run in a mount namespace of their own: ``python -m faults.full SCENE FOLDER DISK``.

``DISK`` is a small file system for the run folder; ``FOLDER`` takes the plan and the notes of the evaluations.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

from faults.auditing import Audit, audit
from faults.harness import Job, Plan, wait_until

BALLAST = 4_000
"""Bytes that each result carries, so that 200 of them need what is left of the disk."""


def fill(disk: Path) -> Path:
    """Leaves no room on a disk; returns what to remove for more."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    return filler


def filled(folder: Path, disk: Path) -> tuple[Job, Path]:
    """A campaign whose disk fills up when a quarter is done."""
    work = Job(folder, Plan(run=str(disk / "run"), ballast=BALLAST))
    work.start()
    wait_until(lambda: work.look() >= work.plan.wanted // 4)
    return work, fill(disk)


def space_comes_in_time(folder: Path, disk: Path) -> dict[str, object]:
    """The driver waits for room, and goes on by itself."""
    work, filler = filled(folder, disk)
    wait_until(lambda: work.noted("end") == work.plan.wanted)
    stuck = work.look()
    filler.unlink()
    return report(work, audited(work), stuck, "")


def space_comes_too_late(folder: Path, disk: Path) -> dict[str, object]:
    """The driver gives up with one line; the same command goes on once there is room."""
    work, filler = filled(folder, disk)
    code, out, err = work.drivers[0].wait()
    orphans = work.drivers[0].bury()
    assert (code, out, err.count("\n"), orphans) == (1, "", 1, 0), (code, out, err, orphans)
    stuck = work.look()
    filler.unlink()
    work.start()
    return report(work, audited(work), stuck, err)


def audited(work: Job) -> Audit:
    """Waits for the end of the last driver."""
    assert work.drivers[-1].finish()
    return audit(work)


def report(work: Job, found: Audit, stuck: int, err: str) -> dict[str, object]:
    """What the test has to know."""
    return {
        "sound": found.sound,
        "lost": found.lost,
        "duplicates": found.duplicates,
        "missing": found.missing,
        "reruns": found.reruns,
        "orphans": sum(driver.bury() for driver in work.drivers),
        "stuck": stuck,
        "said": err,
    }


SCENES = (space_comes_in_time, space_comes_too_late)

if __name__ == "__main__":
    scene = {scene.__name__: scene for scene in SCENES}[sys.argv[1]]
    sys.stdout.write(json.dumps(scene(Path(sys.argv[2]), Path(sys.argv[3]))))
