"""Where large contents are kept, by content hash."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from cohobate.core.blob import Blobs
from cohobate.core.errors import Damaged
from cohobate.host.filesystem import make_folder, read_regular, write_atomic
from cohobate.ledger.untag import Get

LARGEST: Final = 1 << 36
"""Bytes of a blob whose size is not known."""


@final
class MemoryBlobs:
    """Blobs of a ledger without a folder."""

    __slots__ = ("_contents",)

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keeps ``data`` and returns its sha256."""
        name = sha256(data).hexdigest()
        self._contents[name] = data
        return name

    def get(self, sha256: str, size: int | None = None) -> bytes:
        """Returns what was kept; raises ``Damaged`` where there is none."""
        try:
            return self._contents[sha256]
        except KeyError:
            raise Damaged(f"no blob {sha256:.64} was ever stored here") from None


@final
class FolderBlobs:
    """Blobs as files ``<first two digits>/<sha256>`` of a folder, which is made on first use."""

    __slots__ = ("folder",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Stores ``data`` durably, once, and returns its sha256; raises ``OSError`` where it cannot."""
        name = sha256(data).hexdigest()
        path = self.path(name)
        if not _holds(path, len(data)):
            make_folder(path.parent)
            write_atomic(path, data, sync=True)
        return name

    def get(self, sha256: str, size: int | None = None) -> bytes:
        """Returns what was stored; raises ``Damaged`` where it is missing or does not match."""
        path = self.path(sha256)
        try:
            data = read_regular(path, LARGEST if size is None else size)
        except OSError as error:
            raise Damaged(f"blob {path} cannot be read ({error.strerror}); restore it from a copy") from error
        if _digest(data) != sha256:
            raise Damaged(f"blob {path} does not match its name; restore it from a copy")
        return data

    def path(self, sha256: str) -> Path:
        """Returns where a blob lies; raises ``Damaged`` for what is not a sha256."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise Damaged(f"{sha256!r:.80} is not the name of a blob")
        return self.folder / sha256[:2] / sha256


def fetch(blobs: Blobs) -> Get:
    """Returns how the codec gets its contents from ``blobs``."""
    return blobs.get


def _holds(path: Path, size: int) -> bool:
    """Whether ``path`` is a file of ``size`` bytes; one left by a copy cut short is written again."""
    try:
        return os.stat(path).st_size == size
    except OSError:
        return False


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
