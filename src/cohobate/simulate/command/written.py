"""The files that a program has written, read only where they are complete."""

from __future__ import annotations

import stat
from collections.abc import Collection
from pathlib import Path
from typing import final

from cohobate.core.errors import BadOutput

STREAMS = ("stdout", "stderr")
"""The files that hold what a program writes to its output and its error output."""
LISTED = 8
"""Files that a message names."""
LINES = 4
"""Of the error output, that a message has."""
TAIL = 2_000
"""Bytes of the error output that are looked at."""


def complete(folder: Path, file: str, ending: str) -> str:
    """Returns the text of a file. Raises ``BadOutput`` where it is missing, empty or does not end as it should."""
    path = folder / file
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise BadOutput(f"{file} is no regular file")
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise BadOutput(f"{file} was not written; there {_listed(folder)}") from None
    except OSError as error:
        raise BadOutput(f"{file} cannot be read: {error.strerror}") from error
    if not text.strip():
        raise BadOutput(f"{file} is empty")
    check_end(text, file, ending)
    return text


def check_end(text: str, file: str, ending: str) -> None:
    """Raises ``BadOutput`` where a file ends as if only a part of it had been written."""
    last = text.rstrip().rpartition("\n")[2]
    if ending == "\n" and not text.endswith("\n"):
        hint = "end='' reads what ends so"
        raise BadOutput(f"{file} is half written: its last line {last[-60:]!r} has no line end ({hint})")
    if ending.strip() and ending.strip() not in last:
        raise BadOutput(f"{file} is half written: expected {ending.strip()!r} in its last line, got {last[-60:]!r}")


def last_lines(folder: Path, file: str) -> str:
    """Returns the last lines of a file in one, for a message; ``""`` where there are none."""
    try:
        with open(folder / file, "rb") as opened:
            opened.seek(0, 2)
            opened.seek(max(0, opened.tell() - TAIL))
            text = opened.read().decode(errors="replace")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in text.splitlines()[-LINES:] if line.strip())[-400:]


@final
class Written:
    """The files of one evaluation; each is read once."""

    def __init__(self, folder: Path, unfinished: Collection[str]) -> None:
        self.folder, self._unfinished = folder, unfinished
        self._texts: dict[tuple[str, str], str] = {}

    def check_all(self) -> None:
        """Raises ``BadOutput`` for a file that is not complete; what goes to streams is left out."""
        for file in self._unfinished:
            if file not in STREAMS:
                self._check(file)

    def _check(self, file: str) -> None:
        if file in self._unfinished:
            raise BadOutput(
                f"{file} was still open for writing in a child when the program ended: have it wait for that"
            )

    def text(self, file: str, ending: str) -> str:
        """Returns the text of a file that is complete."""
        self._check(file)
        if (file, ending) not in self._texts:
            self._texts[file, ending] = complete(self.folder, file, ending)
        return self._texts[file, ending]


def _listed(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"are only {', '.join(names[:LISTED])}{more}"
