"""Everything below a program is found and ended, however it tried to leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cohobate.host.census import MARK, Process, read_ps, read_stat
from cohobate.host.groups import Group, end, members, start
from faults.harness import wait_until

FAMILY = """
import os, signal, subprocess, sys, time
nap = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
plain = subprocess.Popen(nap)
session = subprocess.Popen(nap, start_new_session=True)
bare = subprocess.Popen(nap, env={})
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    daemon = subprocess.Popen(nap)
    os.write(write, str(daemon.pid).encode())
    os._exit(0)
daemon = int(os.read(read, 100))
os.wait()
print(plain.pid, session.pid, bare.pid, daemon, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"


def alive(pid: int) -> bool:
    try:
        return read_stat(Path(f"/proc/{pid}/stat").read_text())[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def family() -> Iterator[tuple[subprocess.Popen[bytes], Group, list[int]]]:
    process, group = start([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield process, group, [int(pid) for pid in process.stdout.readline().split()]
    end([group], grace=0)
    process.stdout.close()
    process.wait(10)


def test_all_descendants_are_members(family: tuple[subprocess.Popen[bytes], Group, list[int]]):
    process, group, below = family
    assert members([group]) == {process.pid, *below}


def test_all_are_ended(family: tuple[subprocess.Popen[bytes], Group, list[int]]):
    process, group, below = family
    assert end([group], grace=1.0) == set()
    assert process.wait(10) == -signal.SIGTERM
    wait_until(lambda: not any(map(alive, below)), 5)  # of one that is ending nothing runs, yet it is there


def test_what_the_leader_left_is_ended_after_its_death(family: tuple[subprocess.Popen[bytes], Group, list[int]]):
    process, group, below = family
    process.kill()
    process.wait(10)
    assert members([group]) == set(below)
    assert end([group], grace=0) == set()
    wait_until(lambda: not any(map(alive, below)), 5)  # of one that is ending nothing runs, yet it is there


def test_what_ignores_sigterm_is_killed():
    process, group = start([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    assert end([group], grace=0.05) == set()
    assert process.wait(10) == -signal.SIGKILL


def test_marks_add_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(MARK, "outer")
    process, group = start([sys.executable, "-c", f"import os; print(os.environ['{MARK}'])"], stdout=subprocess.PIPE)
    assert process.communicate(timeout=10)[0].decode().strip() == f"outer/{group.mark}"


def test_a_reused_number_is_not_a_member():
    group = Group("mark", 10)
    innocent = [Process(10, 1, 10), Process(11, 10, 10), Process(12, 1, 12, ("mark",))]
    assert members([group], innocent) == {12}


def test_we_never_end_ourselves():
    assert members([Group("m", os.getpid())], [Process(os.getpid(), 1, 5, ("m",)), Process(7, 1, 1, ("m",))]) == {7}


def test_ps_of_macos():
    text = (
        "  501     1   501 Ss   /sbin/launchd HOME=/ COHOBATE_MARKS=no\n"
        "  610   501   610 S    python -m x PATH=/bin COHOBATE_MARK=a1/b2 LANG=C\n"
        "  611   610   610 Z    (python)\n"
    )
    assert list(read_ps(text)) == [Process(501, 1, 501), Process(610, 501, 610, ("a1", "b2"))]


def test_a_name_that_looks_like_a_stat_line():
    assert read_stat("42 (a) R 1 1 (b c) S 7 8 9 0 -1") == ("S", 7, 9)
