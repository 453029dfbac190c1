"""Runs a command in a terminal of its own, presses Ctrl-C, and draws the last panel that stood there before."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path

WIDTH, HEIGHT = 80, 40
MOVES = re.compile(r"\x1b\[[0-9;?]*[A-HJKSTfhlnsu]|\r")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PANEL = re.compile(r"(?:\x1b\[[0-9;]*m)*╭[^╭]*╯")
SHARE = re.compile(rb"(\d+) of (\d+)(?! busy)")
FONTS = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)


def interrupted(command: str, limit: float) -> tuple[str, str, int]:
    """Returns the last panel before Ctrl-C as text with colours, the lines after it, and the exit code.

    Ctrl-C is pressed when a third is done of what the panel says there is, else after ``limit`` seconds.
    """
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        start_new_session=True,
    )
    os.close(theirs)
    before = heard(ours, until=time.monotonic() + limit, enough=is_third)
    process.send_signal(signal.SIGINT)
    after = heard(ours, until=time.monotonic() + limit)
    os.close(ours)
    return last_panel(before), after_panels(after), process.wait(limit)


def is_third(written: bytes) -> bool:
    """Whether the last words "n of m" say that a third is done."""
    found = SHARE.findall(written)
    return bool(found) and 3 * int(found[-1][0]) >= int(found[-1][1])


def is_never(written: bytes) -> bool:
    """Nothing is enough."""
    return False


def heard(terminal: int, until: float, enough: Callable[[bytes], bool] = is_never) -> str:
    """Returns what is written until a moment, until it is enough, or until nobody writes any more."""
    parts: list[bytes] = []
    while (left := until - time.monotonic()) > 0 and not (parts and enough(parts[-1])):
        if terminal in select.select([terminal], [], [], left)[0]:
            try:
                parts.append(os.read(terminal, 1 << 16))
            except OSError:  # the other end is closed
                break
            if not parts[-1]:
                break
    return MOVES.sub("", b"".join(parts).decode(errors="replace"))


def last_panel(text: str) -> str:
    """Returns the last complete panel, with its colours."""
    panels = PANEL.findall(text)
    return panels[-1] if panels else ""


def after_panels(text: str) -> str:
    """Returns the plain lines that follow the last panel."""
    return COLOURS.sub("", text[text.rfind("╯") + 1 :]).strip()


def picture(panel: str, title: str, path: Path) -> None:
    """Draws text with colours as a window of a terminal; nothing is loaded from elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(panel))
    path.write_text(FONTS.sub("", console.export_svg(title=title)), encoding="utf-8")
