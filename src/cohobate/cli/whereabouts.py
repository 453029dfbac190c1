"""Says whether a campaign runs, has stopped or was killed, without touching its lock."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from cohobate.host.filesystem import read_regular
from cohobate.host.locks import NAME
from cohobate.view.text import shown

HOLDER = re.compile(r"pid (\d+) on (\S+) since (\S+)")


def whereabouts(run: Path, stopped: str) -> str:
    """Returns the state of a run folder in words; ``stopped`` is the recorded reason of its last stop."""
    if stopped:
        return f"stopped: {shown(stopped)}"
    found = HOLDER.match(_text(run / NAME))
    if found is None:
        return "never ran, or its lock file is gone"
    pid, host, since = found.groups()
    if host != socket.gethostname():
        return f"running or killed: pid {pid} on {shown(host)} since {shown(since)} has not said goodbye"
    if _lives(int(pid)):
        return f"running: pid {pid} since {shown(since)}"
    return f"killed: pid {pid} has ended without a word; cohobate run continues"


def _text(path: Path) -> str:
    try:
        return read_regular(path, 1000).decode(errors="replace")
    except OSError:
        return ""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
