"""Spooled results that may be removed once what they hold is durable in the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from cohobate.core.events import AttemptFailed, Event, Finished, Progress
from cohobate.ledger.spool import LONG, Spooled, forget, forget_parts

ALL: Final = -1
"""For the number of an attempt: the parts of all of them."""


@final
class Leftovers:
    """Notes which file belongs to which event, by its number; attempts that are not ``spooling`` leave none."""

    __slots__ = ("_epoch", "_files", "_folder", "_parted", "_spooling")

    def __init__(self, folder: Path, epoch: int, *, parted: bool = False, spooling: bool = True) -> None:
        self._folder, self._epoch, self._parted, self._spooling = folder, epoch, parted, spooling
        self._files: deque[tuple[int, int, int, int, str]] = deque()

    def note(self, events: Iterable[Event], last: int) -> None:
        """Takes in events of this session, the last of which has number ``last``."""
        for event in events if self._spooling else ():
            if isinstance(event, Finished | AttemptFailed | Progress) and event.seconds > LONG:
                part = event.part if isinstance(event, Progress) else ""
                self._files.append((last, self._epoch, event.trial, event.attempt, part))
                if self._parted and isinstance(event, Finished):
                    self._files.append((last, self._epoch, event.trial, ALL, ""))

    def found(self, spooled: Iterable[Spooled], last: int) -> None:
        """Takes in what an earlier session left, which event ``last`` has settled."""
        self._files.extend((last, s.epoch, s.trial, s.attempt, s.part) for s in spooled)

    def clear(self, durable: int) -> None:
        """Removes the files of events up to number ``durable``."""
        while self._files and self._files[0][0] <= durable:
            _, epoch, trial, attempt, part = self._files.popleft()
            with suppress(OSError):  # it is of no use, and no harm either
                if attempt == ALL:
                    forget_parts(self._folder, epoch, trial)
                else:
                    forget(self._folder, epoch, trial, attempt, part)
