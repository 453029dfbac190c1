"""The fresh directory of one evaluation: where it is made, and when it is removed."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, final

from cohobate.core.context import attempt_dir
from cohobate.core.errors import UserError

Keep = Literal["failed", "never", "always"]
KEEPS: Final = ("failed", "never", "always")
ATTEMPT: Final = "work/<trial>-<attempt>/"
OF_RUN: Final = " of the run folder"


@final
@dataclass(frozen=True, slots=True)
class Folder:
    """A directory of ours; ``attempt`` says that it stands in that of an attempt, in a run folder."""

    path: Path
    attempt: bool

    @property
    def where(self) -> str:
        """Where it is, for a message; in a campaign without the trial, so that equal failures have equal messages."""
        return f"{ATTEMPT}{self.path.name}{OF_RUN}" if self.attempt else str(self.path)

    def discard(self) -> None:
        """Removes it; the directory of the attempt, too, where nothing else is in it."""
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    os.unlink(entry.path)
            os.rmdir(self.path)
        except OSError:  # it has folders of its own
            shutil.rmtree(self.path, ignore_errors=True)
        if self.attempt:
            with suppress(OSError):
                self.path.parent.rmdir()


def located(message: str, attempt: Path) -> str:
    """Returns a message with the directory of an attempt in the place of what stands for it."""
    before, found, after = message.partition(ATTEMPT)
    return f"{before}{attempt}/{after.replace(OF_RUN, '', 1)}" if found else message


def fresh(directory: Path | None, name: str) -> Folder:
    """Makes a directory that nobody has: in that of the attempt, in ``directory``, or among temporary files."""
    word = re.sub(r"[^\w.-]+", "-", name).strip(".-")[:40] or "program"
    try:
        return Folder(_numbered(word), attempt=True)
    except UserError:  # no campaign with a run folder
        above = Path(tempfile.gettempdir()) if directory is None else directory
    made = above / f"{word}-{secrets.token_hex(6)}"
    try:
        above.mkdir(parents=True, exist_ok=True)
        made.mkdir(mode=0o700)
    except OSError as error:
        raise UserError(f"no directory can be made in {str(above)!r}: {error.strerror}; say directory=") from error
    return Folder(made, attempt=False)


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
