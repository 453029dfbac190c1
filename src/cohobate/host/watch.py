"""The guardian's program: kills what a dead driver left behind.

Its standard input is a pipe whose other end only the driver holds. Each line adds a group of
processes (``+ mark leader``) or takes one away (``- mark``); at end of file what is left is killed.
"""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

if __name__ == "__main__":
    # Started with -I -S, on this file, so as to import nothing but the standard library and ourselves.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cohobate.host.groups import Group, end

PID = re.compile(r"[1-9][0-9]{1,9}|[2-9]|-1")
"""A process that may be ours (not the first of all), or ``NOBODY``."""


def left_behind(lines: Iterable[str]) -> list[Group]:
    """Returns the groups that were added and not taken away; a line torn by the death of its writer is passed over."""
    groups: dict[str, Group] = {}
    for line in lines:
        match line.split():
            case ["+", mark, leader] if PID.fullmatch(leader) and line.endswith("\n"):
                groups[mark] = Group(mark, int(leader))
            case ["-", mark]:
                groups.pop(mark, None)
    return list(groups.values())


def main() -> None:
    """Reads to the end of file, then kills."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = left_behind(sys.stdin)
    if groups:
        end(groups, grace=0)


if __name__ == "__main__":
    main()
