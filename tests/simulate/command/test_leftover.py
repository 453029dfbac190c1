"""Nothing that a program has started outlives it, however it left; the program alone decides what it gave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import cohobate as co
from cohobate.core.context import cancellable
from cohobate.core.errors import BadOutput, DeadlineExceeded
from cohobate.core.task import Task
from cohobate.host.census import read_stat
from cohobate.simulate.command import leftover
from faults.harness import wait_until

NAP = "import time; time.sleep(600)"
SPAWN = f"""
import subprocess, sys
quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
child = subprocess.Popen([sys.executable, "-S", "-c", {NAP!r}], start_new_session=True, **quiet)
print(child.pid)
"""
DAEMON = f"""
import os, sys
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, str(os.getpid()).encode())
        os.closerange(0, 100)
        os.chdir("/")
        os.execv(sys.executable, [sys.executable, "-S", "-c", {NAP!r}])
    os._exit(0)
os.wait()
print(int(os.read(read, 100)))
"""
PYTHON = f"{sys.executable} -S"
FORKS = {
    "in the background": "sleep 600 > /dev/null 2>&1 & echo $! > pid",
    "with its streams": "sleep 600 & echo $! > pid",
    "in a session of its own": "setsid sleep 600 > /dev/null 2>&1 & echo $! > pid",
    "without descriptors": f"{PYTHON} spawn.py > pid",
    "as a daemon": f"{PYTHON} daemon.py > pid",
}
STUBBORN = "trap '' TERM; echo $$ > pid; sleep 600 & sleep 600 & wait; while true; do sleep 600; done"


def alive(pid: int) -> bool:
    try:
        return read_stat(Path(f"/proc/{pid}/stat").read_text())[0] not in "ZX"
    except OSError:
        return False


def pid_in(folder: Path) -> int:
    """Returns what is in the file of pids of the one run below a directory; waits for it."""
    found: list[str] = []

    def there() -> bool:
        found[:] = [path.read_text() for path in folder.rglob("pid")]
        return bool(found and found[0].endswith("\n"))

    wait_until(there)
    return int(found[0])


@pytest.mark.parametrize("how", FORKS)
def test_a_program_that_forks_and_exits_gives_its_value_and_leaves_nothing(how, tmp_path: Path):
    command = co.Command(
        ["sh", "run.sh"],
        files={
            "run.sh": f"{FORKS[how]}\necho y = 1 > out".encode(),
            "spawn.py": SPAWN.encode(),
            "daemon.py": DAEMON.encode(),
        },
        read={"y": co.read.regex("out", r"y = (\S+)"), "pid": co.read.number("pid")},
    )
    found = command()
    assert found["y"] == 1.0
    assert not alive(int(found["pid"]))


def test_all_processes_are_looked_at_after_a_longer_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leftover, "SHORT", 0.0)
    command = co.Command(["sh", "-c", FORKS["in a session of its own"]], read={"pid": co.read.number("pid")})
    assert not alive(int(command()["pid"]))


def test_what_has_ended_before_is_not_in_the_way():
    command = co.Command(
        ["sh", "-c", "true & true | true; (true) & wait; echo 1"], read={"y": co.read.number("stdout")}
    )
    assert command() == {"y": 1.0}


@pytest.mark.parametrize("script", ["(echo y = 1; exec sleep 600) > out &", "exec > out; echo y = 1; sleep 600 &"])
def test_a_file_that_a_child_has_open_is_no_value(script):
    command = co.Command(
        ["sh", "-c", f"{script}\nwhile ! test -s out; do :; done"],
        read={"y": co.read.regex("out", r"y = (\S+)")},
        keep="never",
    )
    with pytest.raises(BadOutput, match="sh: out was still open for writing in a child when the program ended"):
        command()


def test_a_child_that_is_just_closing_a_file_has_a_moment_for_it():
    script = "(echo y = 1; sleep 0.05; echo y = 2) > out & while ! test -s out; do :; done"
    assert co.Command(["sh", "-c", script], read={"y": co.read.regex("out", r"y = (\S+)")})() == {"y": 2.0}


def test_streams_that_nobody_reads_may_stay_open():
    command = co.Command(["sh", "-c", "sleep 600 & echo y = 1 > out"], read={"y": co.read.regex("out", r"y = (\S+)")})
    assert command() == {"y": 1.0}


def test_what_a_function_reads_must_be_complete_too():
    script = "(echo y = 1; exec sleep 600) > out & while ! test -s out; do :; done"
    command = co.Command(["sh", "-c", script], read={"y": lambda folder: 1.0}, keep="never")
    with pytest.raises(BadOutput, match="out was still open for writing"):
        command()


@pytest.mark.parametrize("script", ["echo $$ > pid; exec sleep 600", "sleep 600 & echo $! > pid; wait", STUBBORN])
def test_a_program_that_hangs_is_ended_with_all_below_it(script, tmp_path: Path):
    command = co.Command(
        ["sh", "-c", script], read={"y": co.read.number("o")}, deadline=0.3, grace=0.2, directory=tmp_path
    )
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"sh: it ran longer than its deadline of 0.3 s; kept in ") as raised:
        command()
    assert 0.3 <= time.monotonic() - began < 3
    assert str(raised.value).endswith(str(next(tmp_path.iterdir())))
    assert not alive(pid_in(tmp_path))


def test_one_that_cleans_up_when_asked_has_the_time_for_it(tmp_path: Path):
    script = "trap 'echo done > cleaned; exit 0' TERM; echo $$ > pid; while true; do sleep 0.01; done"
    command = co.Command(["sh", "-c", script], read={"y": co.read.number("o")}, deadline=0.2, directory=tmp_path)
    with pytest.raises(DeadlineExceeded):
        command()
    assert [path.read_text() for path in tmp_path.rglob("cleaned")] == ["done\n"]


def test_it_ends_when_the_evaluation_is_no_longer_wanted(tmp_path: Path):
    command = co.Command(
        ["sh", "-c", "echo $$ > pid; exec sleep 600"], read={"y": co.read.number("o")}, directory=tmp_path
    )
    with cancellable(lambda: any(tmp_path.rglob("pid"))), pytest.raises(DeadlineExceeded, match="it was asked to stop"):
        command()
    assert not alive(pid_in(tmp_path))


@pytest.mark.parametrize("engine", [co.threads, co.processes])
def test_a_cancelled_task_frees_its_thread_at_once(engine, tmp_path: Path):
    command = co.Command(
        ["sh", "-c", "echo $$ > pid; exec sleep 600"], read={"y": co.read.number("o")}, directory=tmp_path
    )
    with engine(1) as place:
        future = place.submit(Task(command))
        pid = pid_in(tmp_path)
        place.cancel(future)
        began = time.monotonic()
        assert place.call(pow, 2, 3).result(10) == 8
        assert time.monotonic() - began < 1.5
        wait_until(lambda: not alive(pid))


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path):
    command = co.Command(
        ["sh", "-c", "echo $$ > pid; exec sleep 600"], read={"y": co.read.number("o")}, directory=tmp_path
    )
    threading.Thread(target=lambda: (pid_in(tmp_path), os.kill(os.getpid(), signal.SIGINT))).start()
    with pytest.raises(KeyboardInterrupt):
        command()
    assert not alive(pid_in(tmp_path))


DRIVER = """
import sys
import cohobate as co
script = "setsid sleep 600 & (trap '' TERM; sleep 600) & sleep 600 & echo $! > pid; wait"
command = co.Command(["sh", "-c", script], read={"y": co.read.number("o")}, directory=sys.argv[1])
with eval(sys.argv[2]) as engine:
    engine.call(command).result()
"""


@pytest.mark.parametrize("engine", ["co.inline()", "co.threads(1)", "co.processes(1)"])
def test_a_killed_driver_leaves_no_orphan(engine, tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path), engine]) as driver:
        pid_in(tmp_path)
        [folder] = tmp_path.iterdir()
        below = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if in_folder(pid, folder)]
        assert len(below) >= 4
        driver.kill()
    wait_until(lambda: not any(map(alive, below)))


def in_folder(pid: int, folder: Path) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(folder)
    except OSError:
        return False


def test_where_the_kernel_does_not_tell_a_thread_waits(monkeypatch: pytest.MonkeyPatch):
    def refused(_: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "pidfd_open", refused)
    read = {"y": co.read.number("stdout")}
    assert co.Command(["sh", "-c", "sleep 0.05; echo 1"], read=read)() == {"y": 1.0}
    with pytest.raises(DeadlineExceeded):
        co.Command(["sleep", "600"], read=read, deadline=0.1, keep="never")()


def test_no_descriptor_and_no_directory_is_left(tmp_path: Path):
    command = co.Command(["sh", "-c", "echo 1"], read={"y": co.read.number("stdout")}, directory=tmp_path)
    command()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        command()
    assert len(os.listdir("/proc/self/fd")) == before
    assert list(tmp_path.iterdir()) == []
