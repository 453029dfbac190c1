"""Where a path lies, and files that are old or new but never half."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cohobate.host import filesystem
from cohobate.host.filesystem import Mount, covering, free_bytes, fsync_dir, is_network, kind, write_atomic

MOUNTINFO = r"""
22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / /home rw - nfs4 server:/export rw
31 30 0:41 / /home/my\040disk rw shared:2 master:1 - xfs /dev/sdb1 rw
32 22 0:42 / /mnt rw - ext4 /dev/sdc1 rw
33 22 0:43 / /mnt rw - fuse.sshfs me@there: rw
"""
MOUNT = """
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//me@server/share on /Volumes/my share (x) (smbfs, nodev, nosuid, mounted by me)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "ext4"),
        ("/homework/x", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/run", "nfs4"),
        ("/home/my disk/run", "xfs"),
        ("/mnt/a", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_decides(path: str, expected: str):
    assert covering(filesystem.read_mountinfo(MOUNTINFO), path) == expected


def test_the_table_of_macos():
    table = filesystem.read_mount(MOUNT)
    assert table[:2] == [Mount("/", "apfs"), Mount("/Volumes/my share (x)", "smbfs")]
    assert covering(table, "/Volumes/my share (x)/run") == "smbfs"
    assert covering(table, "/Users/me") == "apfs"


@pytest.mark.parametrize(
    ("name", "network"),
    [("ext4", False), ("fuseblk", False), ("apfs", False), ("nfs4", True), ("fuse.sshfs", True), ("lustre", True)],
)
def test_network_kinds(name: str, network: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(filesystem, "mounts", lambda: [Mount("/", name)])
    assert is_network("/anywhere/at/all") is network


def test_this_machine_answers(tmp_path: Path):
    assert kind(tmp_path)
    assert kind(tmp_path / "not" / "made" / "yet") == kind(tmp_path)
    facts = os.statvfs(tmp_path)
    assert 0 < free_bytes(tmp_path / "not" / "made") <= facts.f_blocks * facts.f_frsize


@pytest.mark.parametrize("sync", [True, False])
def test_a_file_is_replaced_whole(tmp_path: Path, sync: bool):
    path = tmp_path / "x"
    write_atomic(path, b"old", sync=sync)
    write_atomic(path, b"new" * 100_000, sync=sync)
    assert path.read_bytes() == b"new" * 100_000
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x"
    write_atomic(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filesystem, "sync_file", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_the_order_is_write_sync_rename_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    path = tmp_path / "x"
    monkeypatch.setattr(filesystem, "sync_file", lambda _: seen.append(f"file, there: {path.exists()}"))
    monkeypatch.setattr(filesystem, "fsync_dir", lambda _: seen.append(f"folder, there: {path.exists()}"))
    write_atomic(path, b"1")
    assert seen == ["file, there: False", "folder, there: True"]


def test_a_directory_syncs_and_a_missing_one_says_so(tmp_path: Path):
    fsync_dir(tmp_path)
    with pytest.raises(FileNotFoundError):
        fsync_dir(tmp_path / "no")
