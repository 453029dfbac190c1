"""A file whose content is made once, by whoever first asks for it, however many ask at the same time."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

DIGEST: Final = 65
"""Bytes before the content: its sha256 as text, and a line break."""
SHORTEST, LONGEST = 0.001, 0.1
"""Seconds between two looks at a lock that a coroutine waits for."""


def once(path: Path, make: Callable[[], bytes]) -> bytes:
    """Returns what the file holds; where it holds nothing, ``make``s that, while others who ask wait for it.

    The lock is ``flock`` on the file itself, so the kernel frees it when its holder dies, and another makes the
    content. What ``make`` raises is raised, and nothing is kept. A file that was cut short is made again.
    What cannot be written (a full disk) is returned all the same, and a warning is logged.
    """
    if (found := made(path)) is not None:
        return found
    with _opened(path) as descriptor:
        if descriptor is None:
            return make()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        found = _kept(descriptor)
        return _put(descriptor, make(), path) if found is None else found


async def awaited_once(path: Path, make: Callable[[], Awaitable[bytes]]) -> bytes:
    """Does the same in an event loop, which goes on while this waits."""
    if (found := made(path)) is not None:
        return found
    with _opened(path) as descriptor:
        if descriptor is None:
            return await make()
        pause = SHORTEST
        while not _locks(descriptor):
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)
        found = _kept(descriptor)
        return _put(descriptor, await make(), path) if found is None else found


def made(path: Path) -> bytes | None:
    """Returns what the file holds, ``None`` where it holds nothing whole; waits for nobody."""
    try:
        return _content(path.read_bytes())
    except OSError:
        return None


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """Opens the file, made where it is not, and frees its lock in the end; ``None`` where it cannot be made."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _warn(path, error)
        yield None
        return
    try:
        yield descriptor
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that was forked meanwhile has the same lock
        os.close(descriptor)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _kept(descriptor: int) -> bytes | None:
    return _content(os.pread(descriptor, os.fstat(descriptor).st_size, 0))


def _content(data: bytes) -> bytes | None:
    """Returns what a file holds, ``None`` where it holds nothing whole."""
    content = data[DIGEST:]
    return content if data[:DIGEST] == _digest(content) else None


def _put(descriptor: int, content: bytes, path: Path) -> bytes:
    data = memoryview(_digest(content) + content)
    try:
        os.ftruncate(descriptor, 0)
        done = 0
        while done < len(data):
            done += os.pwrite(descriptor, data[done:], done)
    except OSError as error:
        _warn(path, error)
    return content


def _digest(content: bytes) -> bytes:
    return f"{sha256(content).hexdigest()}\n".encode()


def _warn(path: Path, error: OSError) -> None:
    from logging import getLogger  # most workers never need it

    getLogger("cohobate").warning("%s cannot be written (%s): what it was for is made again", path, error.strerror)
