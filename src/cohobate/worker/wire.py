"""How a driver and its workers talk: messages with a fixed header, over pipes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from itertools import islice
from struct import Struct
from typing import Final, NamedTuple, final

# From driver to worker.
SETTINGS: Final = 0  # the driver's module path and environment
PARCEL: Final = 1  # keep this function, or constant, under ``number``
FORGET: Final = 2  # drop parcel ``number``
TASK: Final = 3  # call function ``extra`` with these arguments
LADEN: Final = 8  # the same; some of the arguments are constants
# From worker to driver.
READY: Final = 4
VALUE: Final = 5  # task ``number`` returned this, after ``extra`` ns
RAISED: Final = 6  # task ``number`` raised this, after ``extra`` ns
SKIPPED: Final = 7  # task ``number`` was taken back before it started

CHUNK: Final = 1 << 18
HEADER: Final = Struct("<BQQQ")
SMALL: Final = 1 << 16
AT_ONCE: Final = 64


class Message(NamedTuple):
    """``kind`` is one of the names above."""

    kind: int
    number: int
    extra: int
    payload: bytearray


@final
class Outgoing:
    """Messages on their way into a pipe, which may take only a part of them at a time."""

    __slots__ = ("_chunks",)

    def __init__(self) -> None:
        self._chunks: deque[bytes | memoryview] = deque()

    def put(self, kind: int, number: int = 0, payload: bytes = b"", *, extra: int = 0) -> None:
        """Queues a message."""
        header = HEADER.pack(kind, number, extra, len(payload))
        if len(payload) < SMALL:
            self._chunks.append(header + payload)
        else:
            self._chunks.append(header)
            self._chunks.append(memoryview(payload))

    def flush(self, descriptor: int) -> bool:
        """Writes what the pipe takes, True where that is all; ``BrokenPipeError`` where nobody reads."""
        while self._chunks:
            try:
                self._drop(os.writev(descriptor, list(islice(self._chunks, AT_ONCE))))
            except BlockingIOError:
                return False
        return True

    def _drop(self, written: int) -> None:
        while self._chunks and written >= len(self._chunks[0]):
            written -= len(self._chunks.popleft())
        if written:
            self._chunks[0] = memoryview(self._chunks[0])[written:]


@final
class Incoming:
    """Bytes as they come out of a pipe, put together to messages."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Takes a chunk and yields the messages that are complete; those not asked for come with the next chunk."""
        self._data += chunk
        data, start = self._data, 0
        try:
            while len(data) - start >= HEADER.size:
                kind, number, extra, size = HEADER.unpack_from(data, start)
                at, end = start + HEADER.size, start + HEADER.size + size
                if end > len(data):
                    break
                start = end
                yield Message(kind, number, extra, data[at:end])
        finally:
            del data[:start]


def receive(descriptor: int) -> Iterator[Message]:
    """Yields messages from a blocking pipe until its end."""
    incoming = Incoming()
    while chunk := os.read(descriptor, CHUNK):
        yield from incoming.feed(chunk)
