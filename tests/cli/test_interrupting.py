"""Ctrl-C and SIGTERM on a real process, on a pipe and on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from cli.programs import environment, program

SLOW = """
import time, pathlib
def length(smiles):
    with pathlib.Path(__file__).with_name("began").open("a") as file:
        file.write(smiles + "\\n")
    time.sleep({seconds})
    return float(len(smiles))
"""
POOL = "".join(f"{'C' * i} number{i}\n" for i in range(1, 41))
CONTINUE = re.compile(r"stopped cleanly, (\d+) of 30 done; continue with: cohobate run\n$")


def wait_for(condition, seconds=20.0):
    """Waits until ``condition`` holds; polling is all there is for another process."""
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest, "it never happened"
        select.select([], [], [], 0.02)


def begun(here: Path) -> int:
    file = here / "began"
    return file.read_text().count("\n") if file.exists() else 0


def start(here: Path) -> subprocess.Popen[str]:
    # A shell in the background starts its children with SIGINT ignored.
    back = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            program("run"), cwd=here, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, back)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains_and_the_same_command_continues(here, small, cohobate_here, number):
    small(30, engine="processes", sim=SLOW.format(seconds=0.05), pool=POOL, module="slow")
    process = start(here)
    wait_for(lambda: begun(here) >= 6)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (75, "")
    done = int(CONTINUE.search(out)[1])
    assert done == begun(here), "what was begun was finished and recorded"
    assert 6 <= done < 30
    called = cohobate_here("run")
    assert called.code == 0
    assert "30 evaluations (0 failed, 0 rejected)" in called.out
    assert begun(here) == 30, "nothing was evaluated twice"


def test_the_second_signal_does_not_wait(here, small):
    small(30, engine="processes", sim=SLOW.format(seconds=50), pool=POOL, module="slower")
    process = start(here)
    wait_for(lambda: begun(here) >= 1)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 8
    assert (process.returncode, err) == (75, "")
    assert "stopped at once, 0 of 30 done; continue with: cohobate run" in out


def test_a_killed_driver_loses_nothing_that_it_showed(here, small, cohobate_here):
    small(30, engine="processes", sim=SLOW.format(seconds=0.05), pool=POOL, module="killed")
    process = start(here)
    wait_for(lambda: begun(here) >= 10)
    shown = int(re.search(r"evaluations +(\d+) of 30", cohobate_here("status").out)[1])
    process.kill()
    process.communicate(timeout=20)
    wait_for(lambda: "killed: pid" in cohobate_here("status").out)
    after = int(re.search(r"evaluations +(\d+) of 30", cohobate_here("status").out)[1])
    assert after >= shown
    called = cohobate_here("run")
    assert (called.code, called.err) == (0, "")
    assert "30 evaluations (0 failed, 0 rejected)" in called.out


def on_a_terminal(here: Path, *words: str, press: tuple[int, bytes] | None = None, term: str = "xterm-256color"):
    """Runs a command on a terminal of 100 x 30; returns what it drew, its exit code and the terminal's settings.

    ``press``: keys, to be sent once so many evaluations have begun.
    """
    driver, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    env = {**environment(), "TERM": term}
    back = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", LEADER, *program(*words)[1:]],
            cwd=here,
            env=env,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, back)
    drawn = b""
    while process.poll() is None or select.select([driver], [], [], 0)[0]:
        if select.select([driver], [], [], 0.05)[0]:
            drawn += os.read(driver, 65536)
        if press and begun(here) >= press[0]:
            os.write(driver, press[1])
            press = None
    settings = termios.tcgetattr(terminal)
    os.close(driver)
    os.close(terminal)
    return drawn.decode(), process.returncode, settings


LEADER = """
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that ^C on the terminal is a signal for us
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def screen(drawn: str) -> list[str]:
    """Returns the lines that a terminal shows in the end: enough of one for what rich sends."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\r\n|\r)", drawn):
        if part == "\r\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[1A":
            row = max(0, row - 1)
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part and part[0] not in "\x1b\r":
            lines[row] += part
    return lines


def test_a_terminal_gets_a_panel_and_is_left_as_it_was(here, small):
    small(8)
    drawn, code, settings = on_a_terminal(here, "run")
    text = "\n".join(screen(drawn))
    assert code == 0
    assert "8 of 8" in text
    assert re.search(r"│ best size +4  CCCC \(butane\)", text)
    assert re.search(r"│ failed +1 raised", text)
    assert text.count("╭") == 1, "one panel, drawn over and over"
    assert text.index("╯") < text.index("8 evaluations (1 failed"), "the report follows the panel"
    assert drawn.rfind("\x1b[?25h") > drawn.rfind("\x1b[?25l"), "the cursor is visible"
    assert "\x1b[?1049h" not in drawn, "what was on the screen stays"
    assert settings[3] & termios.ECHO
    assert settings[3] & termios.ICANON


def test_ctrl_c_on_a_terminal_stops_cleanly(here, small):
    small(30, engine="processes", sim=SLOW.format(seconds=0.05), pool=POOL, module="typed")
    drawn, code, settings = on_a_terminal(here, "run", press=(5, b"\x03"))
    assert code == 75
    assert CONTINUE.search("\n".join(screen(drawn)))
    assert drawn.rfind("\x1b[?25h") > drawn.rfind("\x1b[?25l")
    assert settings[3] & termios.ECHO


def test_the_cursor_is_visible_while_the_panel_is_drawn(here, small):
    small(8)
    drawn, _, _ = on_a_terminal(here, "run")
    assert drawn.index("\x1b[?25h") < drawn.index("╭"), "so that kill -9 leaves it so"


def test_a_dumb_terminal_gets_lines(here, small):
    small(8)
    drawn, code, _ = on_a_terminal(here, "run", term="dumb")
    assert code == 0
    assert "\x1b" not in drawn
    assert re.search(r": 8 of 8 done, stopped.*\r\n.*: 8 evaluations", drawn)
