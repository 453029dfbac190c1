"""The fresh directory of one evaluation: where it is made, and when it is removed."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from cohobate.core.context import attempt_dir
from cohobate.core.errors import UserError

Keep = Literal["failed", "never", "always"]
KEEPS: Final = ("failed", "never", "always")


def fresh(directory: Path | None, name: str) -> Path:
    """Makes a directory that nobody has: in that of the attempt, in ``directory``, or among temporary files."""
    word = re.sub(r"[^\w.-]+", "-", name).strip(".-")[:40] or "program"
    try:
        return _numbered(word)
    except UserError:  # no campaign with a run folder
        above = Path(tempfile.gettempdir()) if directory is None else directory
    above.mkdir(parents=True, exist_ok=True)
    made = above / f"{word}-{secrets.token_hex(6)}"
    made.mkdir(mode=0o700)
    return made


def discard(folder: Path) -> None:
    """Removes a directory; that of an attempt, too, where nothing else is in it."""
    try:
        for entry in os.scandir(folder):
            os.unlink(entry.path)
        os.rmdir(folder)
    except OSError:  # it has folders of its own
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(UserError):
        if folder.parent == attempt_dir():
            with suppress(OSError):
                folder.parent.rmdir()


def _numbered(word: str) -> Path:
    number = 1
    while True:
        made = attempt_dir() / (word if number == 1 else f"{word}-{number}")
        try:
            made.mkdir()
        except FileExistsError:
            number += 1
        except FileNotFoundError:  # another one has just removed the empty directory of the attempt
            continue
        else:
            return made
