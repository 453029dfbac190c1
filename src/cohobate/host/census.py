"""Which processes there are, who started them, and what mark they inherited."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "COHOBATE_MARK"
"""The environment variable that every process below one of ours inherits, whatever it does to its session."""
LINE = re.compile(r"\s*([0-9]{1,9})\s+([0-9]{1,9})\s+([0-9]{1,9})\s+(\S+)\s*(.*)")
"""Of ``ps``; a command with a line break in it makes others."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that has not ended: its parent, its session (macOS: its group) and the marks it inherited."""

    pid: int
    parent: int
    session: int
    marks: tuple[str, ...] = ()


def census() -> list[Process]:
    """Returns the processes of this machine (the dead but unburied ones left out); marks only where we may look."""
    return list(_from_proc() if sys.platform == "linux" else read_ps(_ps()))


def read_stat(text: str) -> tuple[str, int, int]:
    """Returns (state, parent, session) from ``/proc/<pid>/stat`` (proc(5)); the name in it may hold anything."""
    state, parent, _group, session = text.rpartition(")")[2].split()[:4]
    return state, int(parent), int(session)


def read_ps(text: str) -> Iterator[Process]:
    """Reads ``ps -o pid=,ppid=,pgid=,stat=,command=`` with the environment after the command."""
    for line in text.splitlines():
        found = LINE.match(line)
        if found and not found[4].startswith("Z"):
            pid, parent, group = map(int, found.groups()[:3])
            yield Process(pid, parent, group, _marks(found[5], before=r"(?:^|\s)"))


def _from_proc() -> Iterator[Process]:
    for name in os.listdir("/proc"):
        # A process may end at any moment; then it is no longer there to be read.
        with suppress(OSError):
            if name.isdigit():
                state, parent, session = read_stat(Path(f"/proc/{name}/stat").read_text(errors="replace"))
                if state not in "ZX":
                    yield Process(int(name), parent, session, _marks(_environment(name), before=r"(?:^|\0)"))


def _environment(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except PermissionError:
        return ""


def _marks(environment: str, *, before: str) -> tuple[str, ...]:
    found = re.search(rf"{before}{MARK}=([\w/]*)", environment)
    return tuple(found[1].split("/")) if found else ()


def _ps() -> str:
    from subprocess import run  # only where there is no /proc

    command = ["/bin/ps", "-A", "-E", "-ww", "-o", "pid=,ppid=,pgid=,stat=,command="]
    return run(command, capture_output=True, text=True, errors="replace").stdout
