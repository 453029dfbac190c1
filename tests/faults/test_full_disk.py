"""What a campaign does when the disk of its run folder is full: for a while, or for longer than it waits."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faults import full

NAMESPACE = ("unshare", "--mount", "--map-root-user", "sh", "-c")


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
