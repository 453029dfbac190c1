"""The small process that outlives a driver by a moment, to kill what it had started.

One for each driver process, started with the first group it is to guard. Nobody but the driver
holds the pipe to it, so the end of the pipe is the end of the driver, ``kill -9`` included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Final, final

from cohobate.host import watch
from cohobate.host.groups import Group

PROGRAM: Final = (sys.executable, "-I", "-S", str(Path(watch.__file__)))


def guard(group: Group) -> None:
    """From now on ``group`` is killed when this process dies."""
    _guardian(os.getpid()).add(group)


def dismiss(group: Group) -> None:
    """``group`` has ended, or may outlive this process."""
    _guardian(os.getpid()).remove(group)


@cache
def _guardian(pid: int) -> Guardian:
    """One for each process: what a fork inherited belongs to its parent."""
    return Guardian()


@final
class Guardian:
    """The driver's end of the pipe; starts the process when needed, and again should it be gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[str, Group] = {}
        self._pipe = -1
        os.register_at_fork(after_in_child=self._drop)

    def add(self, group: Group) -> None:
        """Lists a group."""
        with self._lock:
            self._groups[group.mark] = group
            self._tell(_line(group))

    def remove(self, group: Group) -> None:
        """Takes a group off the list."""
        with self._lock:
            if self._groups.pop(group.mark, None):
                self._tell(f"- {group.mark}\n")

    def _tell(self, line: str) -> None:
        try:
            os.write(self._pipe, line.encode())
        except OSError:
            # Not started yet, or killed by somebody.
            self._start()
            os.write(self._pipe, "".join(map(_line, self._groups.values())).encode())

    def _start(self) -> None:
        self._drop()
        process = subprocess.Popen(
            PROGRAM,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        assert process.stdin is not None
        self._pipe = os.dup(process.stdin.fileno())
        process.stdin.close()
        # It ends after us, so there is nobody to wait for it; only Popen's warning about that is unwanted.
        process.returncode = 0

    def _drop(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
        self._pipe = -1


def _line(group: Group) -> str:
    return f"+ {group.mark} {group.leader}\n"
