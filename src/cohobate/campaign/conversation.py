"""Whose turn it is between the loop and one generator: turns never overlap, results go before questions."""

from __future__ import annotations

from typing import final

from cohobate.campaign.moves import Talk
from cohobate.core.protocols import Answer, Exhausted, Later
from cohobate.core.trial import Result


@final
class Conversation:
    """The state of the talk with one generator.

    ``asks`` counts answers that proposed something, ``asked`` is the number of candidates in the
    question that is out; ``untold`` holds final results in the order they will be delivered.
    """

    __slots__ = ("asked", "asks", "exhausted", "name", "silent", "talking", "untold", "waiting")

    def __init__(self, name: str = "main", *, asks: int = 0) -> None:
        self.name = name
        self.asks = asks
        self.asked = 0
        self.untold: list[Result] = []
        self.talking = False
        self.waiting = False
        self.silent = False
        self.exhausted: Exhausted | None = None

    def turn(self, room: int) -> Talk | None:
        """Returns what to say now, ``room`` being how many candidates are wanted, and takes the turn."""
        if self.talking or self.silent:
            return None
        mute = self.exhausted is not None or (self.waiting and not self.untold)
        ask = 0 if mute else max(0, room)
        if not (ask or self.untold):
            return None
        results, self.untold = tuple(self.untold), []
        self.waiting = False  # what it waited for is in these results, whether or not it is asked now
        self.talking, self.asked = True, ask
        return Talk(results, ask)

    @property
    def quiet(self) -> bool:
        """Whether nothing is being said and nothing is left to tell."""
        return self.silent or not (self.talking or self.untold)

    def end(self) -> None:
        """Ends the talk for good: the generator is broken."""
        self.silent = True

    def heard(self, answer: Answer | None) -> None:
        """Ends a turn."""
        self.talking = False
        match answer:
            case None:
                return
            case Exhausted():
                self.exhausted = answer
            case Later():
                self.waiting = True
            case _:
                self.waiting = False
                self.asks += 1
