"""Whose turn it is between the loop and one generator: turns never overlap, results go before questions."""

from __future__ import annotations

from typing import final

from cohobate.campaign.moves import Talk
from cohobate.core.events import Told
from cohobate.core.protocols import Answer, Exhausted, Later
from cohobate.core.trial import Result
from cohobate.ledger.resume import Hears


@final
class Conversation:
    """The state of the talk with one generator.

    ``asks`` counts answers that proposed something, ``asked`` is the number of candidates in the
    question that is out; ``untold`` holds final results in the order they will be delivered, ``overheard``
    those of others, which come first. One that does not ``propose`` is told, and never asked; what is ``first``
    is asked for all it has, whatever the room.
    """

    __slots__ = (
        "asked",
        "asks",
        "exhausted",
        "first",
        "hears",
        "name",
        "overheard",
        "proposes",
        "silent",
        "talking",
        "untold",
        "waiting",
    )

    def __init__(
        self,
        name: str = "main",
        *,
        asks: int = 0,
        hears: Hears | None = None,
        proposes: bool = True,
        first: bool = False,
    ) -> None:
        self.name = name
        self.first = first
        self.hears = hears
        self.proposes = proposes
        self.overheard: list[Result] = []
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
        ask = max(0, room) if self.open else 0
        if not (ask or self._news):
            return None
        results = (*self.overheard, *self.untold)
        self.overheard, self.untold = [], []
        self.waiting = False  # what it waited for is in these results, whether or not it is asked now
        self.talking, self.asked = True, ask
        return Talk(results, ask, self.name)

    def told(self, turn: Talk) -> Told | None:
        """Returns what is to be recorded before a turn: what it delivers, if anything."""
        if not turn.results:
            return None
        ids = [(result.trial.id, result.trial.generator == self.name) for result in turn.results]
        return Told(self.name, tuple(id for id, own in ids if own), tuple(id for id, own in ids if not own))

    def tell(self, result: Result) -> None:
        """Takes in a final result that it is to be told."""
        (self.untold if result.trial.generator == self.name else self.overheard).append(result)

    @property
    def open(self) -> bool:
        """Whether it would be asked if there were room."""
        return not self.spent and (not self.waiting or self._news)

    @property
    def spent(self) -> bool:
        """Whether it will not propose anything any more."""
        return self.exhausted is not None or self.silent or not self.proposes

    @property
    def held(self) -> bool:
        """Whether it would have to wait for one who comes first: nothing is being said, and nothing left to tell."""
        return not self.first and self.quiet

    @property
    def still(self) -> bool:
        """Whether it will not propose anything unless it is told something."""
        return not (self.talking or self._news) and (self.spent or self.waiting)

    @property
    def quiet(self) -> bool:
        """Whether nothing is being said and nothing is left to tell."""
        return self.silent or not (self.talking or self._news)

    @property
    def _news(self) -> bool:
        return bool(self.untold or self.overheard)

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
