"""A driver is killed: whoever owns the workers, soon nobody works for it and nothing is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from faults.harness import MARK, marked, wait_until

PROGRAM = Path(__file__).with_name("doomed.py")
MPIEXEC = str(Path(sys.executable).with_name("mpiexec"))
NEEDS = {"loky": "loky", "parsl": "parsl", "dask": "distributed", "dask cluster": "distributed", "mpi": "mpi4py"}
LATE = 2.0
"""Seconds after the death of the driver from which nothing may be evaluated any more."""
GONE = 10.0
"""Seconds after which what is left counts as left for ever."""


@dataclass
class Doomed:
    """A driver, and what its evaluations noted."""

    process: subprocess.Popen[bytes]
    folder: Path
    mark: str

    def notes(self) -> list[tuple[str, int, float]]:
        """What was done, by which process, and when."""
        lines = (line.split() for line in (self.folder / "truth").read_text().splitlines())
        return [(what, int(pid), float(at)) for what, pid, at in lines]

    def busy(self) -> bool:
        """Whether one evaluation goes on and on while many others come and go."""
        assert self.process.poll() is None, (self.folder / "said").read_text()
        kinds = [what for what, _, _ in self.notes()]
        return kinds.count("long") > 3 and kinds.count("short") > 3

    def left(self) -> list[str]:
        """The command lines of the processes that are there."""
        return [line for pid in marked(self.mark) if (line := _command(pid))]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture
def doomed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Doomed]:
    kind = request.param
    if kind in NEEDS:
        pytest.importorskip(NEEDS[kind])
    command = [sys.executable, str(PROGRAM), kind, str(tmp_path)]
    if kind == "mpi":
        command = [MPIEXEC, "-n", "3", sys.executable, "-m", "mpi4py.futures", *command[1:]]
    (tmp_path / "truth").touch()
    mark = f"{os.getpid()}-{kind.replace(' ', '-')}"
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            command,
            env={**os.environ, MARK: mark, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    yield Doomed(process, tmp_path, mark)
    while left := marked(mark):
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    process.wait(10)


@pytest.mark.parametrize(
    "doomed", ["fork", "spawn", "forkserver", "loky", "parsl", "dask", "dask cluster", "mpi"], indirect=True
)
def test_nothing_outlives_a_killed_driver(doomed: Doomed):
    wait_until(doomed.busy)
    driver = next(pid for what, pid, _ in doomed.notes() if what == "driver")
    os.kill(driver, signal.SIGKILL)
    died = time.monotonic()
    doomed.process.wait(10)
    wait_until(lambda: not doomed.left(), GONE)
    last = max(at for _, _, at in doomed.notes()) - died
    assert last < LATE
