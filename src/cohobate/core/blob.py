"""Bytes with a file suffix, kept beside the table rather than in it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's content as an output, for example a relaxed geometry (``suffix=".extxyz"``)."""

    data: bytes
    suffix: str = ""

    @property
    def sha256(self) -> str:
        """The content hash, as 64 hexadecimal digits: the name under which it is stored."""
        return sha256(self.data).hexdigest()

    @property
    def text(self) -> str:
        """The content as UTF-8 text."""
        return self.data.decode()


class Blobs(Protocol):
    """Where blobs are kept, by content hash."""

    def put(self, data: bytes) -> str:
        """Stores ``data`` durably and returns its sha256."""
        ...

    def get(self, sha256: str, size: int | None = None) -> bytes:
        """Returns what was stored, ``size`` bytes where that is known.

        Raises ``Damaged`` where it is missing or does not match.
        """
        ...
