"""Which writes and syncs a program makes, in order, as strace or our own shim sees them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ledger.test_crash import PATHS

SHIM = Path(__file__).with_name("shim.py")
CALLS = {
    "fdatasync": "sync",
    "fsync": "sync",
    "write": "write",
    "pwrite64": "write",
    "rename": "rename",
    "renameat": "rename",
    "renameat2": "rename",
    "mkdir": "make",
    "mkdirat": "make",
}
LINE = re.compile(r"(\d+) +(\w+)\((.*)")
RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>")


class Step(NamedTuple):
    """``what`` is write (as it begins), sync, rename or make (once done); ``path`` what, or the new name."""

    what: str
    path: str


def seen_by_strace(folder: Path, *command: str) -> list[Step]:
    """Runs a Python program under strace."""
    log = folder / "strace.log"
    options = ("-f", "-y", "-qq", "-o", str(log), "-e", f"trace={','.join(f'?{call}' for call in CALLS)}")
    _run("strace", *options, sys.executable, *command)
    return list(read_strace(log.read_text(errors="replace")))


def seen_by_shim(folder: Path, *command: str) -> list[Step]:
    """Runs a Python program inside the shim."""
    _run(sys.executable, str(SHIM), str(folder / "steps.json"), *command)
    return [Step(*step) for step in json.loads((folder / "steps.json").read_text())]


def read_strace(text: str) -> Iterator[Step]:
    """Reads what ``strace -f -y`` wrote: a call of another thread may come between begin and end of one."""
    begun: dict[str, Step] = {}
    for line in text.splitlines():
        if (found := LINE.match(line)) and found[2] in CALLS:
            step = Step(CALLS[found[2]], _path(found[2], found[3]))
            if step.what == "write" or line.endswith(" = 0"):
                yield step
            elif line.endswith("<unfinished ...>"):
                begun[found[1]] = step
        elif (found := RESUMED.match(line)) and found[1] in begun and line.endswith(" = 0"):
            yield begun.pop(found[1])


def witnesses() -> list[Callable[..., list[Step]]]:
    """Returns what can be used here: the shim always, strace where it may trace."""
    return [seen_by_shim, *([seen_by_strace] if _may_trace() else [])]


def _path(call: str, arguments: str) -> str:
    """Returns what a descriptor stands for, or the last name among the arguments."""
    if CALLS[call] in ("write", "sync"):
        return arguments.partition("<")[2].partition(">")[0]
    return re.findall(r'"([^"]*)"', arguments)[-1]


def _may_trace() -> bool:
    strace = shutil.which("strace")
    return strace is not None and subprocess.run([strace, "-f", "-qq", "true"], capture_output=True).returncode == 0


def _run(*command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": PATHS}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=50)
    assert ended.returncode == 0, ended.stderr
