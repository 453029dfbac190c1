"""Programs started so that they, and all they start in turn, can be found again and ended."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from cohobate.host.census import MARK, Process, census

NOBODY = -1
"""The leader of a group that has none."""
PATIENCE = 5.0
"""Seconds for which a process that survives SIGKILL (it is stuck in the kernel) is waited for."""


@dataclass(frozen=True, slots=True)
class Group:
    """Everything below one program we started: its session, its descendants, and all that carry its mark.

    The mark finds also what was started by a double fork with a session of its own.
    """

    mark: str
    leader: int


def start(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any
) -> tuple[subprocess.Popen[bytes], Group]:
    """Starts a program in its own session, marked; ``options`` are those of ``subprocess.Popen``.

    A mark is added to those inherited, so that a driver inside a worker is found from outside, too.
    """
    mark = secrets.token_hex(8)
    inherited = dict(os.environ if env is None else env)
    inherited[MARK] = _added(inherited.get(MARK), mark)
    process: subprocess.Popen[bytes] = subprocess.Popen(argv, env=inherited, start_new_session=True, **options)
    return process, Group(mark, process.pid)


@contextmanager
def marking() -> Iterator[Group]:
    """Marks all that is started inside, by libraries too, from any thread: a group without a leader."""
    before, mark = os.environ.get(MARK), secrets.token_hex(8)
    os.environ[MARK] = _added(before, mark)
    try:
        yield Group(mark, NOBODY)
    finally:
        if before is None:
            del os.environ[MARK]
        else:
            os.environ[MARK] = before


def _added(marks: str | None, mark: str) -> str:
    return f"{marks}/{mark}" if marks else mark


def members(groups: Collection[Group], among: Sequence[Process] | None = None) -> set[int]:
    """Returns the pids of all living processes of the groups; never our own."""
    processes = census() if among is None else among
    marks = {group.mark for group in groups}
    found = {process.pid for process in processes if not marks.isdisjoint(process.marks)}
    leaders = _ours(groups, processes)
    found |= {process.pid for process in processes if process.session in leaders}
    return (found | _descendants(found | leaders, processes)) - {os.getpid()}


def end(groups: Collection[Group], *, grace: float) -> set[int]:
    """Ends everything in the groups: SIGTERM, after ``grace`` (s) SIGKILL; returns once all are gone.

    Returns the pids of what even SIGKILL did not end within ``PATIENCE``: normally none. What is our
    own child stays a zombie until the caller waits for it.
    """
    left = members(groups)
    if grace > 0:
        send(left, signal.SIGTERM)
        left = _await_end(groups, grace)
    stop = time.monotonic() + PATIENCE
    while left and time.monotonic() < stop:
        send(left, signal.SIGKILL)
        left = _await_end(groups, 0.05)
    return left


def send(pids: Collection[int], number: int) -> None:
    """Sends a signal to processes; those already gone, or not ours to signal, are passed over."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _ours(groups: Collection[Group], processes: Sequence[Process]) -> set[int]:
    """The leaders whose number still means them: gone, or alive with their mark (else the number was reused)."""
    alive = {process.pid: process for process in processes}
    return {group.leader for group in groups if group.leader not in alive or group.mark in alive[group.leader].marks}


def _descendants(ancestors: set[int], processes: Sequence[Process]) -> set[int]:
    found: set[int] = set()
    grown = ancestors
    while grown:
        grown = {p.pid for p in processes if p.parent in grown} - found - ancestors
        found |= grown
    return found


def _await_end(groups: Collection[Group], seconds: float) -> set[int]:
    stop = time.monotonic() + seconds
    pause = 0.001
    while (left := members(groups)) and time.monotonic() < stop:
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return left
