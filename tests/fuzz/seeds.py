"""Inputs that have broken programs of this kind before."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path

NAMES = (
    "",
    "../../etc/passwd",
    "a/b",
    "-rf",
    "$(id)",
    "; rm x",
    "\n shell id",
    "CON",
    "nul\x00byte",
    "\u202egnp.exe",
    "é🦊",
    "x" * 5000,
    "<img src=x onerror=alert(1)>",
    "=1+1",
    "\ufeff",
    "\u2028",
    "\x1b[31m",
)
NUMBERS = (
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1,5",
    "-0.0",
    "true",
    "9223372036854775808",
    "9" * 5000,
    "0x10",
    "1_000",
    "²",
)
CONTENTS: dict[str, bytes] = {
    "nothing": b"",
    "BOM": b"\xef\xbb\xbfCCO\nCC\n",
    "UTF-16": "CCO\nCC\n".encode("utf-16"),
    "CRLF": b"CCO\r\nCC\r\n",
    "CR": b"CCO\rCC\r",
    "Latin-1": b"CCO caf\xe9\nCC\n",
    "NUL": b"CCO\x00\nCC\n",
    "right to left": "CCO \u202egnp\nCC\n".encode(),
    "a line of 1 MB": b"C" * 1_000_000 + b"\nCC\n",
    "a quote that never ends": b'smiles,name\nCC,"' + b"a\n" * 200_000,
    "a header of 1 MB": b"a" * 1_000_000 + b",smiles\n1,CC\n",
    "gz": gzip.compress(b"CCO\nCC\n"),
    "a bomb": gzip.compress(bytes(10_000_000)),
    "only commas": b"," * 100_000,
    "deep": b"[" * 200_000,
    "deep tables": b"a." * 50_000 + b"a = 1",
    "a long number": b"a = " + b"9" * 6000,
    "SQLite": b"SQLite format 3\x00" + bytes(84),
}


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def unreadable(path: Path) -> None:
    path.write_bytes(b"CCO\n")
    path.chmod(0)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def plug(path: Path) -> None:
    """A socket; its name must be short."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def huge(path: Path) -> None:
    """2 TB without a byte on the disk; 8 GB where the file system cannot do more."""
    with path.open("wb") as file:
        try:
            file.truncate(1 << 41)
        except OSError:
            file.truncate(1 << 33)


STRANGE: tuple[Callable[[Path], None], ...] = (pipe, folder, unreadable, loop, dangling, endless, plug, huge)
"""What may lie where a file is expected."""
