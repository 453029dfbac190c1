"""Real programs that are interrupted, terminated or killed, and then run again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cohobate.ledger.reader import open_reader

SCRIPT = """
import time, cohobate as co

def simulate(x):
    time.sleep({seconds} if x > 0.05 else {slow})
    return x

sampler = co.RandomSampler({{"x": co.Real(0, 1)}}, minimize="f", seed=3)
result = co.Campaign(sampler, simulate, co.processes(2), run="r").run(co.evaluations({goal}))
print("finished", result.tally.counted, len(result.table()))
"""


class Program:
    """The script in a folder, without a main guard, as a person would write it."""

    def __init__(self, folder: Path, *, goal: int = 40, seconds: float = 0.05, slow: float = 0.05) -> None:
        self.folder, self.goal = folder, goal
        (folder / "script.py").write_text(SCRIPT.format(goal=goal, seconds=seconds, slow=slow))

    def start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "script.py"]
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def finished(self) -> set[int]:
        """The trials with a final outcome that are durable now."""
        try:
            with open_reader(self.folder / "r") as reader:
                return {event.trial for _, event in reader.read() if type(event).__name__ == "Finished"}
        except Exception:  # noqa: BLE001 there may be nothing to read yet
            return set()

    def finish(self) -> None:
        """Runs to the end and checks that nothing is missing and nothing is doubled."""
        out, err = self.start().communicate(timeout=50)
        assert out.split() == ["finished", str(self.goal), str(self.goal)]
        assert err == ""


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Polls a condition that another process brings about."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        threading.Event().wait(0.01)


def orphans(folder: Path) -> list[str]:
    """The processes that still have their working directory below the folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if (process / "cwd").resolve().is_relative_to(folder) and (process / "cmdline").read_bytes():
                    found.append((process / "cmdline").read_text())
            except OSError:
                continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals):
    program = Program(tmp_path)
    running = program.start()
    wait_until(lambda: len(program.finished()) >= 5)
    running.send_signal(number)
    began = time.monotonic()
    out, err = running.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert running.returncode != 0
    assert out == ""
    assert err.count("\n") == 1
    assert f"stopped by {number.name}" in err
    assert "run the same again to continue" in err
    assert orphans(tmp_path) == []
    program.finish()


def test_the_second_signal_kills_at_once_and_what_ran_is_run_again(tmp_path: Path):
    program = Program(tmp_path, goal=30, slow=60)
    running = program.start()
    wait_until(lambda: len(program.finished()) >= 3)
    running.send_signal(signal.SIGINT)
    wait_until(lambda: running.poll() is not None or bool(running.send_signal(signal.SIGINT)), seconds=8)
    running.communicate(timeout=20)
    wait_until(lambda: orphans(tmp_path) == [])
    known = program.finished()
    assert len(known) < 30


@pytest.mark.skipif(sys.platform != "linux", reason="looks for orphans in /proc")
def test_kill_nine_loses_nothing_that_was_durable_and_leaves_no_process(tmp_path: Path):
    program = Program(tmp_path)
    known: set[int] = set()
    for goal in (4, 11, 25):
        running = program.start()
        wait_until(lambda goal=goal: len(program.finished()) >= goal)
        known |= program.finished()
        running.kill()
        running.communicate(timeout=20)
        wait_until(lambda: orphans(tmp_path) == [])
        assert known <= program.finished()
    program.finish()
    assert known <= program.finished()


def test_a_second_driver_is_refused_by_name(tmp_path: Path):
    program = Program(tmp_path, seconds=0.2)
    first = program.start()
    wait_until(lambda: len(program.finished()) >= 1)
    _, err = program.start().communicate(timeout=20)
    assert f"pid {first.pid}" in err.splitlines()[-1]
    first.kill()
    first.communicate(timeout=20)


def test_the_third_signal_ends_a_program_whose_loop_hangs(tmp_path: Path):
    (tmp_path / "script.py").write_text(
        "import pathlib, time, cohobate as co\n"
        "def simulate(x):\n    pathlib.Path('began').touch()\n    time.sleep(60)\n    return x\n"
        "sampler = co.RandomSampler({'x': co.Real(0, 1)}, minimize='f')\n"
        "co.Campaign(sampler, simulate, co.inline(), run=pathlib.Path('r').absolute()).run(co.evaluations(3))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, env=environment)
    wait_until((tmp_path / "began").exists)
    wait_until(lambda: running.poll() is not None or bool(running.send_signal(signal.SIGINT)), seconds=8)
    assert running.wait(5) == -signal.SIGINT
