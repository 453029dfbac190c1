"""What a worker keeps from one call to the next: the instances that warm simulators made in it.

State is needed here, and only here: a call comes as a function that is loaded anew by every process,
and what it makes (a program that was started, a model that was loaded) must outlive the call. It is
kept for the process by thread and scope, so that two threads never use one instance, and no campaign
finds what another has left; a fork starts with nothing, since what it inherits belongs to its parent.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Final, final

from cohobate.core.capture import Raised, capture
from cohobate.core.payload import Payload

KEPT: Final = 8
"""Instances kept by a thread; beyond them, the one that was not used for longest is closed."""
MAKING: Final = 60.0
"""Seconds that an instance may take to be made before the deadline of the call counts."""

Tool = Callable[..., Payload]
Made = tuple[Tool, Callable[[], object]]
"""What is called, and what closes it."""
Place = tuple[threading.Thread, str]


def _not_at_all(seconds: float) -> None:
    """Where nobody can put off a deadline."""


put_off: ContextVar[Callable[[float], None]] = ContextVar("put_off", default=_not_at_all)
"""Says that the running call counts as started so many seconds from now; a worker process sets it."""


def shelf() -> Shelf:
    """Returns where this process keeps its instances."""
    return _shelf(os.getpid())


@cache
def _shelf(pid: int) -> Shelf:
    """One for each process: what a fork inherited belongs to its parent."""
    return Shelf(pid)


@final
@dataclass(slots=True, eq=False)
class Kept:
    """One instance, while it is made, used and kept; ``users`` counts the calls under way."""

    tool: Tool | None = None
    close: Callable[[], object] | None = None
    users: int = 0


@final
class Shelf:
    """The instances of one process."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._kept: dict[Place, Kept] = {}
        self._lock = threading.Lock()
        atexit.register(self._at_exit)

    def call(
        self,
        scope: str,
        make: Callable[[], Made],
        args: tuple[Payload, ...],
        kwargs: Mapping[str, Payload],
        *,
        rebuild: bool,
    ) -> Payload:
        """Calls the instance that this thread has for ``scope``, made first where there is none.

        With ``rebuild`` one whose call raised is closed, and the next call has another.
        """
        place = (threading.current_thread(), scope)
        kept = self._borrow(place)
        good = not rebuild
        try:
            tool = _made(kept, make) if kept.tool is None else kept.tool
            returned = tool(*args, **kwargs)
            good = True
            return returned
        finally:
            self._give_back(place, kept, keep=good)

    def dismiss(self, scope: str) -> None:
        """Closes the instances of ``scope``, of all threads; one in use is closed after its call."""
        with self._lock:
            found = [self._kept.pop(place) for place in list(self._kept) if place[1] == scope]
        for kept in found:
            self._close_unused(kept)

    def leave(self) -> None:
        """Closes the instances of this thread, which ends."""
        here = threading.current_thread()
        with self._lock:
            found = [self._kept.pop(place) for place in list(self._kept) if place[0] is here]
        for kept in reversed(found):
            self._close_unused(kept)

    def count(self) -> int:
        """Returns how many instances are kept."""
        return len(self._kept)

    def _borrow(self, place: Place) -> Kept:
        """Returns what stands at a place; the last place is the one used last."""
        with self._lock:
            kept = self._kept[place] = self._kept.pop(place) if place in self._kept else Kept()
            kept.users += 1
            return kept

    def _give_back(self, place: Place, kept: Kept, *, keep: bool) -> None:
        with self._lock:
            kept.users -= 1
            wanted = self._kept.get(place) is kept
            if wanted and (not keep or kept.tool is None):
                del self._kept[place]
                wanted = False
            surplus = self._surplus(place[0]) if len(self._kept) > KEPT else []
        for each in surplus if wanted else [kept, *surplus]:
            self._close_unused(each)

    def _surplus(self, thread: threading.Thread) -> list[Kept]:
        """Takes out what a thread keeps beyond the limit."""
        own = [place for place, kept in self._kept.items() if place[0] is thread and not kept.users]
        return [self._kept.pop(place) for place in own[: max(0, len(own) - KEPT)]]

    def _close_unused(self, kept: Kept) -> None:
        """Closes what nobody uses; a failure to close is told, and harms nobody."""
        if kept.users or kept.close is None:
            return
        close, kept.close = kept.close, None
        match capture(close):
            case Raised(_, message):
                from logging import getLogger  # most workers never need it

                getLogger("cohobate").warning("a warm simulator raised when it was closed: %s", message)

    def _at_exit(self) -> None:
        if os.getpid() != self._process:
            return
        with self._lock:
            found = list(self._kept.values())
            self._kept.clear()
        for kept in reversed(found):
            self._close_unused(kept)


def _made(kept: Kept, make: Callable[[], Made]) -> Tool:
    """Makes an instance, which takes no time off the deadline of the call."""
    pause = put_off.get()
    pause(MAKING)
    try:
        kept.tool, kept.close = make()
    finally:
        pause(0)
    return kept.tool
