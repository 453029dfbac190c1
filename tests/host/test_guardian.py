"""Nothing outlives a driver that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cohobate.host.groups import NOBODY, Group
from cohobate.host.guardian import PROGRAM
from cohobate.host.watch import left_behind

DRIVER = """
import os, subprocess, sys, time
from cohobate.host.groups import start
from cohobate.host.guardian import dismiss, guard
nap = "import time; time.sleep(600)"
again = f"subprocess.Popen([sys.executable, '-S', '-c', {nap!r}], start_new_session=True).wait()"
kept, kept_group = start([sys.executable, "-S", "-c", "import subprocess, sys; " + again])
let, let_group = start([sys.executable, "-S", "-c", nap])
guard(kept_group)
guard(let_group)
dismiss(let_group)
forked = os.fork()
if forked == 0:
    time.sleep(600)
print(forked, let.pid, kept_group.mark, flush=True)
sys.stdin.read()
"""


def marked(mark: str) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    stop = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > stop:
            return False
        time.sleep(0.01)  # polling another process: nothing to wait on
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_driver_leaves_only_what_was_not_guarded():
    # The driver has also forked: that child must not keep the pipe to the guardian open.
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdout is not None
        forked, let, mark = driver.stdout.readline().split()
        assert until(lambda: len(marked(mark)) == 2)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait(10)
        try:
            assert until(lambda: not marked(mark))
        finally:
            os.kill(int(let), signal.SIGKILL)
            os.kill(int(forked), signal.SIGKILL)


def test_the_list():
    lines = ["+ a 1\n", "+ b 2\n", "nonsense\n", "- a\n", "- unknown\n", "+ c 3\n", f"+ e {NOBODY}\n", "+ d 4"]
    assert left_behind(lines) == [Group("b", 2), Group("c", 3), Group("e", NOBODY)]


def test_the_guardian_starts_quickly_and_needs_only_the_standard_library():
    began = time.perf_counter()
    done = subprocess.run(PROGRAM, input=b"", capture_output=True, timeout=10)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - began < 2.0
