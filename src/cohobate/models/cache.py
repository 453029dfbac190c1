"""Arrays that take long to make are kept on disk from one run to the next, and read from there as they are needed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from cohobate.core.canonical import content_hash
from cohobate.core.payload import Plain
from cohobate.host.filesystem import make_folder, write_atomic

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
MOST = 5_000_000_000
"""Bytes that all files together may take: what was not used for longest is dropped."""
STALE = 86_400.0
"""Seconds after which a file that is still being written is one whose writer died."""
MAGIC = b"cohobate arrays 1\n"
ALIGNED = 64
LONGEST = 1 << 20
"""Bytes of a head."""


def folder() -> Path:
    """Returns ``$COHOBATE_CACHE``, else ``$XDG_CACHE_HOME/cohobate``, else ``~/.cache/cohobate``.

    Raises ``RuntimeError`` where there is no home.
    """
    if own := os.environ.get("COHOBATE_CACHE"):
        return Path(own)
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches) / "cohobate"
    return Path.home() / ".cache" / "cohobate"


def kept(key: Plain, make: Callable[[], Arrays]) -> Arrays:
    """Returns what ``make`` returned when it was first called with an equal ``key`` (plain data), or calls it.

    The arrays are read-only and mapped from a file, which may be deleted or replaced meanwhile, but not
    be cut short in place: that ends the process (SIGBUS). Where there is none that is whole, one is
    written; where that cannot be, the arrays are in memory. Processes may do this at the same time.
    """
    try:
        path = folder() / f"{content_hash(key)}.arrays"
    except RuntimeError:
        return make()
    found = _opened(path)
    if found is not None:
        return found
    arrays = make()
    try:
        make_folder(path.parent)
        write_atomic(path, _pieces(path.stem, arrays))
        _prune(path)
    except OSError:
        return arrays
    return _opened(path) or arrays


def _opened(path: Path) -> Arrays | None:
    """Returns the arrays in a file, ``None`` where there is none or where it is damaged."""
    try:
        whole = np.memmap(path, np.uint8, "r").view(np.ndarray)
        head = whole[: len(MAGIC) + LONGEST].tobytes()
        if not head.startswith(MAGIC):
            return None
        line = head[len(MAGIC) :].partition(b"\n")[0]
        if int(line[:8], 16) != crc32(line[8:]):
            return None
        told = json.loads(line[8:])
        data = whole[_aligned(len(MAGIC) + len(line) + 1) :]
        if (told["key"], told["bytes"]) != (path.stem, len(data)) or told["check"] != crc32(data.data):
            return None
        arrays = {name: _array(data, *place) for name, place in told["arrays"].items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    with suppress(OSError):  # it may belong to somebody else
        os.utime(path)
    return arrays


def _array(data: NDArray[np.uint8], start: int, kind: str, shape: list[int]) -> NDArray[Any]:
    dtype = np.dtype(kind)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    array: NDArray[Any] = data[start : start + size].view(dtype).reshape(shape)
    return array


def _pieces(key: str, arrays: Arrays) -> Iterator[bytes | memoryview]:
    """Returns what a file of these arrays consists of: a line that says where they are, then they, with checksums."""
    places: dict[str, Plain] = {}
    at = check = 0
    data: list[bytes | memoryview] = []
    for name, array in arrays.items():
        places[name] = at, array.dtype.str, array.shape
        raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        for piece in (raw, bytes(_aligned(len(raw)) - len(raw))):
            check = crc32(piece, check)
            data.append(piece)
            at += len(piece)
    told = json.dumps({"key": key, "bytes": at, "check": check, "arrays": places}).encode()
    head = MAGIC + b"%08x" % crc32(told) + told + b"\n"
    yield head + bytes(_aligned(len(head)) - len(head))
    yield from data


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


def _prune(newest: Path) -> None:
    """Drops what was not used for longest until the rest is small enough, and what nobody finished."""
    oldest_first = sorted((facts.st_mtime, facts.st_size, path) for path, facts in _files(newest.parent, ".arrays"))
    excess = sum(size for _, size, _ in oldest_first) - MOST
    for _, size, path in oldest_first:
        if excess > 0 and path != newest:
            excess -= size
            _drop(path)
    for path, facts in _files(newest.parent, ".tmp"):
        if facts.st_mtime < time.time() - STALE:
            _drop(path)


def _files(place: Path, suffix: str) -> Iterator[tuple[Path, os.stat_result]]:
    for path in place.iterdir():
        if path.suffix == suffix:
            with suppress(FileNotFoundError):  # another process drops files too
                yield path, path.stat()


def _drop(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
