"""What was durable is there after the driver was killed, and what is there is a prefix of what happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cohobate
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.snapshot import snapshot
from cohobate.ledger.verify import verify
from ledger.histories import history

FEEDER = Path(__file__).with_name("feeder.py")
PATHS = os.pathsep.join([str(Path(cohobate.__file__).parents[1]), str(FEEDER.parents[1])])


def fed(folder: Path, durability: str = "full") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(FEEDER), str(folder), durability],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": PATHS},
    )


def killed_after(folder: Path, lines: int, durability: str) -> int:
    """Lets a driver say this many numbers, kills it, and returns the last number that it said."""
    with fed(folder, durability) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
    return int([line for line in said if line.endswith("\n")][-1])


@pytest.mark.parametrize(("durability", "kills"), [("full", 8), ("normal", 3)])
def test_nothing_durable_is_lost_to_kill(tmp_path: Path, durability: str, kills: int):
    chance = random.Random(7)
    for _ in range(kills):
        said = killed_after(tmp_path / "run", chance.randrange(1, 60), durability)
        with open_reader(tmp_path / "run") as reader:
            found = [event for _, event in reader.read()]
        assert len(found) >= said
        assert found == history(len(found))[: len(found)]
    assert verify(tmp_path / "run") == []


def test_a_reader_and_snapshots_while_a_driver_writes(tmp_path: Path):
    with fed(tmp_path / "run") as child:
        assert child.stdout is not None
        seen = 0
        for number in range(5):
            said = int(child.stdout.readline())
            with open_reader(tmp_path / "run") as reader:
                events = list(reader.read(since=seen))
                assert [seq for seq, _ in events] == list(range(seen + 1, seen + 1 + len(events)))
                seen += len(events)
                assert seen >= said
            snapshot(tmp_path / "run", tmp_path / f"copy{number}")
            with open_ledger(tmp_path / f"copy{number}") as ledger:
                assert ledger.appended >= said
                found = [event for _, event in ledger.read()]
            assert found == history(len(found))[: len(found)]
        child.kill()
        assert child.stdout.read() is not None
    assert verify(tmp_path / "copy4") == []
    assert verify(tmp_path / "run") == []
