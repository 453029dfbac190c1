"""A full disk and a read-only folder, for real."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cohobate.ledger.ledger import open_ledger
from ledger import mounted
from ledger.histories import history
from ledger.test_crash import PATHS

NAMESPACE = ("unshare", "--mount", "--map-root-user", "sh", "-c")


def in_namespace(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NAMESPACE, command], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PATHS}, timeout=50
    )


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return in_namespace("mount -t tmpfs -o size=64k tmpfs /mnt").returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="needs Linux with user namespaces to mount a file system")


def scene(name: Callable[[Path], None], place: Path, mount: str) -> None:
    program = shlex.join([sys.executable, mounted.__file__, name.__name__, str(place)])
    ended = in_namespace(f"{mount} && {program}")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("name", [mounted.fills_up, mounted.waits_for_space, mounted.too_small_to_begin])
def test_full_disk(name: Callable[[Path], None], tmp_path: Path):
    scene(name, tmp_path, f"mount -t tmpfs -o size=1m tmpfs {shlex.quote(str(tmp_path))}")


def test_read_only_folder(tmp_path: Path):
    with open_ledger(tmp_path / "run") as ledger:
        ledger.append(history(30))
        ledger.flush()
        shutil.copytree(tmp_path / "run", tmp_path / "killed", ignore=shutil.ignore_patterns("*-shm"))
    here = shlex.quote(str(tmp_path))
    scene(mounted.read_only, tmp_path, f"mount --bind {here} {here} && mount -o remount,ro,bind {here}")
