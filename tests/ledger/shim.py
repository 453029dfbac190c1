"""Runs a program and notes what it writes and syncs: SQLite through its VFS, the rest through ``os``.

For machines without strace. ``python shim.py LOG PROGRAM ARGUMENT...`` writes a JSON list of steps.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import json
import os
import runpy
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTER, INT = ctypes.c_void_p, ctypes.c_int
WRITE = ctypes.CFUNCTYPE(INT, POINTER, POINTER, INT, ctypes.c_int64)
SYNC = ctypes.CFUNCTYPE(INT, POINTER, INT)
OPEN = ctypes.CFUNCTYPE(INT, POINTER, POINTER, POINTER, INT, POINTER)


class Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = (
        ("version", INT),
        ("close", POINTER),
        ("read", POINTER),
        ("write", WRITE),
        ("truncate", POINTER),
        ("sync", SYNC),
        ("others", POINTER * 12),
    )


class File(ctypes.Structure):
    """``sqlite3_file``."""

    _fields_ = (("methods", ctypes.POINTER(Methods)),)


class Vfs(ctypes.Structure):
    """The beginning of ``sqlite3_vfs``."""

    _fields_ = (
        ("version", INT),
        ("size", INT),
        ("longest", INT),
        ("next", POINTER),
        ("name", ctypes.c_char_p),
        ("data", POINTER),
        ("open", OPEN),
    )


def watch_sqlite(note: Callable[[str, str], None]) -> list[object]:
    """Notes the writes and syncs of every database file from now on; what is returned must stay alive."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(Vfs)
    vfs = library.sqlite3_vfs_find(None).contents
    original = OPEN(ctypes.cast(vfs.open, POINTER).value)
    alive: list[object] = [original]

    def opened(self: int, name: int | None, file: int, flags: int, out: int) -> int:
        failed = original(self, name, file, flags, out)  # which keeps the pointer to the name
        if not failed and name is not None:
            path = os.fsdecode(ctypes.string_at(name))
            alive.append(_watched(ctypes.cast(file, ctypes.POINTER(File)).contents, path, note))
        return failed

    vfs.open = OPEN(opened)
    alive.append(vfs.open)
    return alive


def _watched(file: File, name: str, note: Callable[[str, str], None]) -> object:
    was = file.methods.contents
    methods = Methods.from_buffer_copy(was)

    def write(self: int, data: int, size: int, at: int) -> int:
        note("write", name)
        return was.write(self, data, size, at)

    def sync(self: int, flags: int) -> int:
        failed = was.sync(self, flags)
        if not failed:
            note("sync", name)
        return failed

    methods.write, methods.sync = WRITE(write), SYNC(sync)
    file.methods = ctypes.pointer(methods)
    return was, methods


def watch_os(note: Callable[[str, str], None]) -> None:
    """Notes the writes, syncs, renames and new folders that Python code makes through ``os``."""

    def watched(name: str, what: str, path: Callable[..., str], *, after: bool = False) -> None:
        original = getattr(os, name)

        def call(*args: Any, **options: Any) -> object:
            if after:
                done = original(*args, **options)
                note(what, path(*args))
                return done
            note(what, path(*args))
            return original(*args, **options)

        setattr(os, name, call)

    def descriptor(number: int, *_: object) -> str:
        return os.readlink(f"/proc/self/fd/{number}")

    watched("fsync", "sync", descriptor, after=True)
    watched("pwrite", "write", descriptor)
    watched("write", "write", descriptor)
    watched("mkdir", "make", lambda path, *_: os.fspath(path), after=True)
    for name in ("rename", "replace"):
        watched(name, "rename", lambda _from, to: os.fspath(to), after=True)


def main(log: str, program: str, *arguments: str) -> None:
    assert sqlite3.sqlite_version_info >= (3, 8)  # io methods of version 3
    steps: list[tuple[str, str]] = []

    def note(what: str, path: str) -> None:
        steps.append((what, path))

    alive = watch_sqlite(note)
    watch_os(note)
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")
    assert alive
    Path(log).write_text(json.dumps(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
