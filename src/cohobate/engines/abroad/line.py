"""How a hub and its outposts talk: a proof, then messages one way and notes of one size the other.

Nothing that a hub hears is unpickled or kept; what an outpost is sent to run must have the digest
that its ticket names, and where modules are is told under a seal. So whoever gets into the line can
at most stop a task.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import time
from struct import Struct
from typing import Final, final

from cohobate.worker.wire import Outgoing

# From outpost to hub.
NOTE: Final = Struct("<BQ")
STARTED: Final = 1  # task ``number`` runs
WANTED: Final = 2  # parcel ``number`` is needed here
# From hub to outpost, beside SETTINGS and PARCEL of ``worker.wire``.
STOP: Final = 32  # task ``number`` is to stop, or not to start
UNKNOWN: Final = 33  # there is no parcel ``number``
PROOF: Final = 32
"""Bytes of a challenge, the first thing a hub sends, and of the answer, the first thing it hears."""


def proof(key: bytes, challenge: bytes) -> bytes:
    """Returns the answer of one who knows the key."""
    return hmac.digest(key, challenge, "sha256")


def sealed(key: bytes, path: list[str]) -> bytes:
    """Returns a list of folders as one who knows the key says it."""
    data = json.dumps(path).encode()
    return proof(key, data) + data


def unsealed(key: bytes, seal: bytes) -> list[str]:
    """Returns what was sealed; raises ``ConnectionRefusedError`` where that was somebody else."""
    data = seal[PROOF:]
    if not hmac.compare_digest(seal[:PROOF], proof(key, data)):
        raise ConnectionRefusedError("whoever answers there is not the driver")
    return [str(entry) for entry in json.loads(data)]


@final
class Line:
    """A hub's end of the line to one outpost."""

    __slots__ = ("_challenge", "_heard", "outgoing", "proved", "since", "socket")

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connected
        self.outgoing = Outgoing()
        self.proved = False
        self.since = time.monotonic()
        self._heard = bytearray()
        self._challenge = secrets.token_bytes(PROOF)
        connected.send(self._challenge)

    def listen(self) -> bool:
        """Takes in what was said; False at the end of the line."""
        try:
            chunk = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._heard += chunk
        return bool(chunk)

    def prove(self, key: bytes) -> bool:
        """Whether the other side may stay: it has not answered in full yet, or rightly."""
        if len(self._heard) < PROOF:
            return True
        self.proved = hmac.compare_digest(bytes(self._heard[:PROOF]), proof(key, self._challenge))
        del self._heard[:PROOF]
        return self.proved

    def notes(self) -> list[tuple[int, int]]:
        """Takes out the complete notes: kind and number."""
        whole = len(self._heard) // NOTE.size * NOTE.size
        notes: list[tuple[int, int]] = list(NOTE.iter_unpack(bytes(self._heard[:whole])))
        del self._heard[:whole]
        return notes
