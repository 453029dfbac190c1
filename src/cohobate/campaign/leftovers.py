"""Spooled results that may be removed once what they hold is durable in the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import final

from cohobate.core.events import AttemptFailed, Event, Finished
from cohobate.ledger.spool import LONG, Spooled, forget


@final
class Leftovers:
    """Notes which file belongs to which event, by the number of the event."""

    __slots__ = ("_epoch", "_files", "_folder")

    def __init__(self, folder: Path, epoch: int) -> None:
        self._folder, self._epoch = folder, epoch
        self._files: deque[tuple[int, int, int, int]] = deque()

    def note(self, events: Iterable[Event], last: int) -> None:
        """Takes in events of this session, the last of which has number ``last``."""
        for event in events:
            if isinstance(event, Finished | AttemptFailed) and event.seconds > LONG:
                self._files.append((last, self._epoch, event.trial, event.attempt))

    def found(self, spooled: Iterable[Spooled], last: int) -> None:
        """Takes in what an earlier session left, which event ``last`` has settled."""
        self._files.extend((last, s.epoch, s.trial, s.attempt) for s in spooled)

    def clear(self, durable: int) -> None:
        """Removes the files of events up to number ``durable``."""
        while self._files and self._files[0][0] <= durable:
            _, epoch, trial, attempt = self._files.popleft()
            with suppress(OSError):  # it is of no use, and no harm either
                forget(self._folder, epoch, trial, attempt)
