"""Values of parts by their keys: what is known need not be made."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Final, final

from cohobate.campaign.parts.making import file_of
from cohobate.core.capture import Returned, capture
from cohobate.core.outcome import Value
from cohobate.core.payload import Payload
from cohobate.host.once import made
from cohobate.ledger.codec import loads

UNKNOWN: Final = object()
MOST: Final = 100_000
"""Values that are remembered: the latest."""


@final
class Known:
    """Remembers values for a session; what lies in ``folder`` was made by anybody, at any time.

    May be used by several threads.
    """

    __slots__ = ("_lock", "_values", "folder")

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._values: dict[str, Payload] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def find(self, key: str) -> Value | None:
        """Returns the value of a key, ``None`` where it is not known, or the key is empty."""
        if not key:
            return None
        found = self._values.get(key, UNKNOWN)
        if found is not UNKNOWN:
            return Value({"value": found})
        return None if self.folder is None else self._read(self.folder, key)

    def keep(self, key: str, value: Payload) -> None:
        """Takes in a value."""
        with self._lock:
            self._values[key] = value
            if len(self._values) > MOST:
                del self._values[next(iter(self._values))]

    def forget(self) -> None:
        """Forgets all, but for what lies in the folder."""
        self._values.clear()

    def _read(self, folder: Path, key: str) -> Value | None:
        if (data := made(file_of(folder, key))) is None:
            return None
        match capture(loads, data.decode("ascii", "replace")):
            case Returned(value):
                self.keep(key, value)
                return Value({"value": value})
        return None
