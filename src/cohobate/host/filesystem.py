"""Facts about where a path lies, and writing there so that a crash leaves the old file or the new one."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "webdav", "afpfs", "acfs", "afs", "coda", "ncpfs"),
        *("lustre", "gpfs", "mmfs", "beegfs", "fhgfs", "ceph", "glusterfs", "orangefs", "pvfs2", "panfs", "wekafs"),
        *("9p", "vboxsf", "vmhgfs", "prl_fs", "ocfs2"),
    }
)
"""Kinds of file system that live on another machine: no shared memory between hosts, uncertain locks."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system: where, and of what kind."""

    point: str
    kind: str


def kind(path: str | os.PathLike[str]) -> str:
    """Returns the kind of file system ``path`` is on (or would be), such as ``"ext4"``; ``""`` if unknown."""
    return covering(mounts(), os.path.realpath(path))


def is_network(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` is on a file system of another machine; every FUSE but ``fuseblk`` counts as one."""
    found = kind(path)
    return found in NETWORK or found == "fuse" or found.startswith(("fuse.", "macfuse", "osxfuse"))


def free_bytes(path: str | os.PathLike[str]) -> int:
    """Returns the bytes that we may still write where ``path`` is (or would be)."""
    place = Path(os.path.realpath(path))
    while not place.exists():
        place = place.parent
    facts = os.statvfs(place)
    return facts.f_bavail * facts.f_frsize


def fsync_dir(path: str | os.PathLike[str]) -> None:
    """Makes the names in the directory ``path`` durable, so that a file renamed there is found after a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems refuse to sync a directory: they make names durable themselves.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: str | os.PathLike[str]) -> None:
    """Makes a folder, and those above it that are missing, their names durable; harmless where it exists."""
    path = Path(path)
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    with suppress(PermissionError):  # a folder that may be written to and not be read
        fsync_dir(path.parent)


def write_atomic(
    path: str | os.PathLike[str], data: bytes | Iterable[bytes | memoryview], *, sync: bool = True
) -> None:
    """Makes ``path`` hold ``data``: a reader, or a crash at any moment, sees the old file or the new one.

    ``data`` may come in pieces. With ``sync`` the new one is durable on return. ``OSError`` leaves the
    old file as it was.
    """
    folder = Path(path).parent
    temporary = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            if sync:
                sync_file(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        fsync_dir(folder)


def read_regular(path: str | os.PathLike[str], most: int) -> bytes:
    """Returns the content of a file of at most ``most`` bytes.

    ``OSError`` for a longer one, and for what is no file: reading a pipe or a device may never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # so that opening a pipe does not wait
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is no file", os.fspath(path))
        if facts.st_size > most:
            raise OSError(errno.EFBIG, f"it has {facts.st_size:,} bytes, expected at most {most:,}", os.fspath(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(facts.st_size)
    finally:
        os.close(descriptor)


def sync_file(descriptor: int) -> None:
    """Makes what was written to an open file durable; on macOS plain ``fsync`` stops at the drive's cache."""
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def mounts() -> list[Mount]:
    """Returns what is mounted here, in the order of mounting; nothing where the system does not say."""
    try:
        if sys.platform == "linux":
            return read_mountinfo(Path("/proc/self/mountinfo").read_text(errors="replace"))
        return read_mount(subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5).stdout)
    except (OSError, subprocess.TimeoutExpired):
        return []


def covering(mounted: Iterable[Mount], path: str) -> str:
    """Returns the kind of the innermost mount that holds the absolute ``path``; of equals the last one made."""
    longest, found = -1, ""
    for mount in mounted:
        inside = path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if inside and len(mount.point) >= longest:
            longest, found = len(mount.point), mount.kind
    return found


def read_mountinfo(text: str) -> list[Mount]:
    """Reads Linux' ``/proc/self/mountinfo`` (proc(5)): the point is field 5, the kind follows `` - ``."""
    lines = [(left.split(" "), right) for left, _, right in (line.partition(" - ") for line in text.splitlines())]
    return [Mount(_unescape(left[4]), right.split(" ")[0]) for left, right in lines if right and len(left) > 4]


def read_mount(text: str) -> list[Mount]:
    """Reads what ``mount`` prints on macOS: ``/dev/disk1s1 on / (apfs, local, journaled)``."""
    return [Mount(*found) for found in re.findall(r"^.*? on (/.*) \((\w+)", text, flags=re.MULTILINE)]


def _unescape(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
