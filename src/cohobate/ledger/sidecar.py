"""The count beside the database: how many events were durable, so that an older copy is recognised."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final
from zlib import crc32

from cohobate.core.errors import Damaged
from cohobate.host.filesystem import read_regular, sync_file, write_atomic

NAME: Final = "campaign.count"
LONGEST: Final = 4096
"""Bytes that are read of it."""
_SLOT: Final = struct.Struct(">8s16sQQI")
_TAG: Final = b"cohobate"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a sidecar says: whose count it is, and how many events were durable after how many commits."""

    store: bytes
    events: int = 0
    commits: int = 0


@final
class Sidecar:
    """Two slots written in turn, each with its check sum: one torn by a crash leaves the other."""

    __slots__ = ("_descriptor", "claim", "path")

    def __init__(self, path: Path, descriptor: int, claim: Claim) -> None:
        self.path, self._descriptor, self.claim = path, descriptor, claim

    @classmethod
    def open(cls, folder: Path) -> Sidecar:
        """Opens the count of an existing store for writing; raises ``Damaged`` where no slot is whole."""
        descriptor = os.open(folder / NAME, os.O_RDWR)
        try:
            return cls(folder / NAME, descriptor, _claim(os.pread(descriptor, 2 * _SLOT.size, 0), folder / NAME))
        except BaseException:
            os.close(descriptor)
            raise

    def advance(self, events: int) -> None:
        """Says that ``events`` are durable; not synced, so a power cut may leave an older count."""
        self.claim = Claim(self.claim.store, events, self.claim.commits + 1)
        os.pwrite(self._descriptor, _spell(self.claim), self.claim.commits % 2 * _SLOT.size)

    def close(self) -> None:
        """Makes the count durable and lets go of the file."""
        sync_file(self._descriptor)
        os.close(self._descriptor)


def create(folder: Path, store: bytes, events: int = 0) -> None:
    """Writes the durable count of a new store."""
    write_atomic(folder / NAME, _spell(Claim(store, events)) * 2, sync=True)


def read(folder: Path) -> Claim:
    """Returns what the count in ``folder`` says; raises ``Damaged`` where it is missing or unreadable."""
    path = folder / NAME
    try:
        data = read_regular(path, LONGEST)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}): copy the whole run folder again, or use a snapshot"
        raise Damaged(message) from error
    return _claim(data, path)


def _claim(data: bytes, path: Path) -> Claim:
    slots = [data[i : i + _SLOT.size] for i in (0, _SLOT.size)]
    claims = [claim for slot in slots if (claim := _read(slot)) is not None]
    if not claims:
        message = f"{path} is damaged (no readable count): copy the whole run folder again, or use a snapshot"
        raise Damaged(message)
    return max(claims, key=lambda claim: claim.commits)


def _read(slot: bytes) -> Claim | None:
    if len(slot) != _SLOT.size:
        return None
    tag, store, events, commits, crc = _SLOT.unpack(slot)
    return Claim(store, events, commits) if tag == _TAG and crc == crc32(slot[:-4]) else None


def _spell(claim: Claim) -> bytes:
    body = _SLOT.pack(_TAG, claim.store, claim.events, claim.commits, 0)[:-4]
    return body + crc32(body).to_bytes(4, "big")
