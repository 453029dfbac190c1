"""One holder at a time, named to the others, and nothing left behind by the dead."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cohobate.core.errors import AlreadyOpen
from cohobate.host.locks import FolderLock

HOLD = """
import sys
from cohobate.host.locks import FolderLock
lock = FolderLock.acquire(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_is_refused_and_told_by_whom(tmp_path: Path):
    with FolderLock.acquire(tmp_path), pytest.raises(AlreadyOpen) as caught:
        FolderLock.acquire(tmp_path)
    text = str(caught.value)
    assert f"pid {os.getpid()} on {socket.gethostname()} since 20" in text
    assert str(tmp_path) in text


def test_released_is_free_again(tmp_path: Path):
    lock = FolderLock.acquire(tmp_path)
    lock.release()
    lock.release()
    with FolderLock.acquire(tmp_path) as again:
        assert again.folder == tmp_path


def test_a_missing_folder_is_an_os_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        FolderLock.acquire(tmp_path / "no")


def test_the_dead_hold_nothing(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(AlreadyOpen, match=f"pid {other.pid} "):
            FolderLock.acquire(tmp_path)
        other.send_signal(signal.SIGKILL)
        other.wait(10)
    FolderLock.acquire(tmp_path).release()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_neither_keeps_nor_frees_the_lock(tmp_path: Path):
    lock = FolderLock.acquire(tmp_path)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        lock.release()
        os.read(read, 1)
        os._exit(0)
    try:
        with pytest.raises(AlreadyOpen):
            FolderLock.acquire(tmp_path)
        lock.release()
        FolderLock.acquire(tmp_path).release()
    finally:
        os.write(write, b"x")
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)
