"""A program that runs in a directory of its own: started, waited for, and ended with everything below it."""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from errno import ETXTBSY
from functools import cache
from math import inf
from pathlib import Path
from typing import Final, final

from cohobate.core.context import cancelled
from cohobate.core.errors import DeadlineExceeded, UserError
from cohobate.host.census import MARK
from cohobate.host.groups import NOBODY, Group, end, members
from cohobate.host.guardian import guard
from cohobate.simulate.command.leftover import still_writing, survivors

TICK: Final = 0.05
"""How often (s) a wait looks whether the evaluation is still wanted; the end of the program wakes it at once."""
CLOSING: Final = 0.25
"""Seconds that a child has to close what it writes after the program has ended: pipes of a shell, proxies of MPI."""
TRIES: Final = 50
"""To start a script that has just been written: another thread's child may hold it open for a moment."""


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """How long (s) a program may run, and how long it has to end after it was asked to."""

    deadline: float | None
    grace: float


@final
@dataclass(frozen=True, slots=True)
class Exited:
    """How a program ended: its exit code (negative: the signal), and files that a child of it still wrote to."""

    code: int
    seconds: float
    unfinished: tuple[str, ...]


def execute(
    argv: Sequence[str], folder: Path, env: Mapping[str, str], limits: Limits, unread: Collection[str] = ()
) -> Exited:
    """Runs a program to its end; whatever it has left running is killed then.

    Who is just closing a file has a moment for that, unless it is among the ``unread``.
    Raises ``DeadlineExceeded`` where it ran longer than allowed, or is no longer wanted: everything below
    it has ended by then.
    """
    began = time.monotonic()
    group, process = Group(secrets.token_hex(8), NOBODY), None
    env = {**env, MARK: f"{_marks(os.getpid())}/{group.mark}"}
    try:
        process = _started(argv, folder, env)
        group = Group(group.mark, process.pid)
        if (reason := _waited(process, began, limits)) is not None:
            raise DeadlineExceeded(reason)
    except BaseException:  # an interrupt, too, also while it is started
        left = end([group], grace=limits.grace)
        if process is not None and process.pid not in left:  # else it is stuck in the kernel
            process.wait()
        raise
    seconds = time.monotonic() - began
    return Exited(process.wait(), seconds, _tidied(group, folder, seconds, unread))


def _tidied(group: Group, folder: Path, seconds: float, unread: Collection[str]) -> tuple[str, ...]:
    """Kills what the program has left behind; returns the files it was writing to."""
    left = survivors(group, seconds)
    if not left:
        return ()
    stop = time.monotonic() + CLOSING
    while (written := still_writing(left, folder) - set(unread)) and time.monotonic() < stop:
        time.sleep(0.005)
        left = members([group])
    end([group], grace=0)
    return tuple(sorted(written))


def _waited(process: subprocess.Popen[bytes], began: float, limits: Limits) -> str | None:
    """Waits for the end of a program; returns why that was given up, where it was."""
    stop = inf if limits.deadline is None else began + limits.deadline
    ending = _Ending(process)
    try:
        while not ending.within(min(TICK, max(0.0, stop - time.monotonic()))):
            if time.monotonic() >= stop:
                return f"it ran longer than its deadline of {limits.deadline:g} s"
            if cancelled():
                return "it was asked to stop: cancelled, or the deadline of the evaluation has passed"
        return None
    finally:
        ending.close()


@final
class _Ending:
    """Wakes up whoever waits for the end of a process: by the kernel where it tells, else by a thread."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._event, self._descriptor = threading.Event(), -1
        try:
            self._descriptor = os.pidfd_open(process.pid)
        except (AttributeError, OSError):  # macOS, or a sandbox that forbids it
            threading.Thread(target=self._wait_for, args=(process,), daemon=True).start()
        self._poll = select.poll()
        if self._descriptor >= 0:
            self._poll.register(self._descriptor, select.POLLIN)

    def _wait_for(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._event.set()

    def within(self, seconds: float) -> bool:
        """Whether the process has ended, or does so within a time."""
        return bool(self._poll.poll(seconds * 1000)) if self._descriptor >= 0 else self._event.wait(seconds)

    def close(self) -> None:
        """Lets go of the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _started(argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with open(folder / "stdout", "wb", 0) as out, open(folder / "stderr", "wb", 0) as err:
        for _ in range(TRIES):
            try:
                return subprocess.Popen(
                    argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
                )
            except OSError as error:
                if error.errno != ETXTBSY:
                    raise UserError(f"{argv[0]!r} cannot be started: {_reason(error)}") from error
                time.sleep(0.001)
    raise UserError(f"{argv[0]!r} cannot be started: somebody has it open for writing")


def _reason(error: OSError) -> str:
    absent = isinstance(error, FileNotFoundError)
    return "the interpreter named in its first line is not there" if absent else str(error.strerror)


@cache
def _marks(pid: int) -> str:
    """Returns what marks all programs of this process, which are killed when it dies."""
    inherited = os.environ.get(MARK)
    if inherited and os.getsid(0) == pid:
        return inherited  # we are a worker: whoever started us kills all that carries our mark
    mark = secrets.token_hex(8)
    guard(Group(mark, NOBODY))
    return f"{inherited}/{mark}" if inherited else mark
