"""Values of parts by their keys: what is known need not be made."""

from __future__ import annotations

from pathlib import Path
from typing import final

from cohobate.campaign.parts.making import file_of
from cohobate.core.capture import Returned, capture
from cohobate.core.outcome import Value
from cohobate.core.payload import Payload
from cohobate.host.once import made
from cohobate.ledger.codec import loads


@final
class Known:
    """Remembers values for a session; what lies in ``folder`` was made by anybody, at any time."""

    __slots__ = ("_values", "folder")

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._values: dict[str, Value] = {}

    def __len__(self) -> int:
        return len(self._values)

    def find(self, key: str) -> Value | None:
        """Returns the value of a key, ``None`` where it is not known, or the key is empty."""
        if not key:
            return None
        found = self._values.get(key)
        return self._read(key) if found is None and self.folder is not None else found

    def keep(self, key: str, value: Payload) -> None:
        """Takes in a value."""
        self._values[key] = Value({"value": value})

    def forget(self) -> None:
        """Forgets all, but for what lies in the folder."""
        self._values.clear()

    def _read(self, key: str) -> Value | None:
        assert self.folder is not None
        if (data := made(file_of(self.folder, key))) is None:
            return None
        match capture(loads, data.decode("ascii", "replace")):
            case Returned(value):
                self.keep(key, value)
                return self._values[key]
        return None
