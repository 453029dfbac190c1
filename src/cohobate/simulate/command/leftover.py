"""What a program has left running when it ended: found at a price that a short program can pay."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from cohobate.host.groups import Group, members

SHORT: Final = 1.0
"""Seconds; after longer runs all processes of the machine are looked at, which takes milliseconds."""
FEW: Final = 500
"""Processes that may have been started meanwhile and are looked at one by one."""


def survivors(group: Group, seconds: float) -> set[int]:
    """Returns the processes that a program, which ended after ``seconds``, has left behind.

    The kernel numbers processes in turn. So what was started below a short program is among the few that
    were started since, and only they are looked at.
    """
    if sys.platform != "linux":
        return members([group]) if seconds > SHORT or _has_members(group.leader) else set()
    latest = _latest()
    younger = range(group.leader + 1, latest + 1)
    few = seconds < SHORT and group.leader <= latest and len(younger) < FEW
    return set() if few and not _any_marked(younger, group.mark) else members([group])


def still_writing(pids: Collection[int], folder: Path) -> set[str]:
    """Returns the files in a directory that processes have open for writing (only where ``/proc`` tells)."""
    inside = f"{folder.resolve()}/"
    return {target.removeprefix(inside) for pid in pids for target in _written(pid) if target.startswith(inside)}


def _written(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError, ValueError, StopIteration):
                lines = Path(f"/proc/{pid}/fdinfo/{number}").read_text().splitlines()
                flags = int(next(line for line in lines if line.startswith("flags:")).split()[1], 8)
                if flags & os.O_ACCMODE != os.O_RDONLY:
                    yield os.readlink(f"/proc/{pid}/fd/{number}")


def _latest() -> int:
    """Returns the number of the process that was started last (proc(5), loadavg)."""
    with open("/proc/loadavg", "rb") as file:
        return int(file.read().split()[-1])


def _any_marked(pids: range, mark: str) -> bool:
    """Whether one carries the mark, or is just becoming another program, when nothing can be read of it."""
    wanted = mark.encode()
    return any(found == b"" or wanted in found for found in map(_environment, pids) if found is not None)


def _environment(pid: int) -> bytes | None:
    try:
        with open(f"/proc/{pid}/environ", "rb", 0) as file:
            return file.read()
    except OSError:  # it is gone, or somebody else's
        return None


def _has_members(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
