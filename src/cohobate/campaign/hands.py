"""Where a driver gives its attempts: to an engine that runs them elsewhere, or here, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from cohobate.campaign.elsewhere import Elsewhere
from cohobate.campaign.here import Here
from cohobate.campaign.loads import Back, Post, Terms
from cohobate.campaign.moves import Ended, Halt, Perform, Progressed
from cohobate.campaign.parted import Parted
from cohobate.campaign.parted_here import PartedHere
from cohobate.campaign.parts.attempts import Parting
from cohobate.core.protocols import Cooperative, Engine
from cohobate.core.trial import Trial


class Hands(Protocol):
    """Takes attempts; their ends come back through ``post``, or are returned by ``work``."""

    def submit(self, trial: Trial, attempt: int) -> None:
        """Takes an attempt, which is on its way at the next ``send`` at the latest."""
        ...

    def send(self) -> None:
        """Sends what was taken; called once in each turn of the loop."""
        ...

    def unpack(self, back: Back) -> Iterable[Ended | Progressed | Halt]:
        """Returns what became of attempts that came back together; takes those again of which nothing is known."""
        ...

    def perform(self, action: Perform) -> None:
        """Takes a call of a body; its end comes back through ``post``."""
        ...

    def cancel(self, trial: int) -> None:
        """Asks for a running attempt to be stopped."""
        ...

    def room(self) -> int:
        """How many more attempts are wanted now."""
        ...

    def work(self) -> Sequence[Ended | Progressed | Back]:
        """Does one attempt here, or some of it, or as many as are done in one call; none where there is nothing."""
        ...

    def leave(self) -> None:
        """Asks for everything that runs to be stopped; nobody waits for it."""
        ...


@runtime_checkable
class Keeps(Protocol):
    """Hands that keep what an attempt has left for the next one."""

    def over(self, trial: int) -> None:
        """Nothing more is wanted of a trial."""
        ...


def hands(engine: Engine, terms: Terms, post: Post, parting: Parting | None = None) -> Hands:
    """Returns what is fit for an engine, and for a simulator that is a set of parts."""
    if parting is not None:
        if isinstance(engine, Cooperative):
            return PartedHere(engine, terms, parting, post)
        return Parted(engine, terms, parting, post)
    return Here(engine, terms, post) if isinstance(engine, Cooperative) else Elsewhere(engine, terms, post)
