"""Files that are continued, whose last entry a killed process may have left in the middle."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from cohobate.core.errors import UserError

BLOCK: Final = 1 << 16


def cut_line(path: Path) -> None:
    """Removes a last line without an end."""
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        while end:
            first = max(0, end - BLOCK)
            file.seek(first)
            at = file.read(end - first).rfind(b"\n")
            if at >= 0:
                file.truncate(first + at + 1)
                return
            end = first
        file.truncate(0)


def cut_frame(path: Path) -> None:
    """Removes a last frame of an extended xyz file that is cut off; raises ``UserError`` where there is something else.

    Reads all of the file.
    """
    with path.open("r+b") as file:
        end = 0
        while (first := file.readline()).strip():
            if not first.strip().isdigit():
                raise UserError(f"{path} is no extended xyz file, there is {first[:40]!r}; name another file")
            if not _is_whole(file, int(first)):
                file.truncate(end)
                return
            end = file.tell()


def _is_whole(file: BinaryIO, atoms: int) -> bool:
    last = b""
    for _ in range(atoms + 1):
        last = file.readline()
    return last.endswith(b"\n")
