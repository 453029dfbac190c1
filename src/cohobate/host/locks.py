"""A folder that one process at a time may hold."""

from __future__ import annotations

import fcntl
import os
import socket
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

from cohobate.core.errors import AlreadyOpen

NAME: Final = "campaign.lock"


@final
class FolderLock:
    """Holds a folder by ``flock`` on a file in it, until ``release`` or the death of this process.

    The file says who holds it (pid, host, time); nobody needs to break a lock that was left behind,
    because the kernel lets go of it.
    """

    __slots__ = ("__weakref__", "_descriptor", "_owner", "folder")

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self._descriptor = descriptor
        self._owner = os.getpid()
        # A forked child shares the lock, and would keep it after our death.
        weak = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forget(weak()))

    @classmethod
    def acquire(cls, folder: str | os.PathLike[str]) -> FolderLock:
        """Takes the (existing) ``folder``, or raises ``AlreadyOpen`` naming who holds it; ``OSError`` if unwritable."""
        folder = Path(folder)
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _whoami().encode(), 0)
        except BlockingIOError:
            message = f"{folder} is already open, by {_holder(descriptor)}; stop that one, or use another run folder"
            os.close(descriptor)
            raise AlreadyOpen(message) from None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(folder, descriptor)

    def release(self) -> None:
        """Lets go; harmless when called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            # A child forked just now still shares the lock; unlocking there would take it from us.
            if os.getpid() == self._owner:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _forget(lock: FolderLock | None) -> None:
    if lock is not None:
        lock.release()


def _whoami() -> str:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"pid {os.getpid()} on {socket.gethostname()} since {now}\n"


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
    return text if text.isprintable() and text else "another process"
