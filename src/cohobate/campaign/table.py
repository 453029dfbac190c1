"""Everybody a campaign talks to: who is asked next, who is told what, and whether all is said."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import final

from cohobate.campaign.conversation import Conversation
from cohobate.campaign.moves import Talk
from cohobate.campaign.steering.helm import Helm
from cohobate.core.events import Told
from cohobate.core.trial import Result, Trial

Talks = Conversation | Helm
AT_ONCE = 1000
"""Rows that are asked for at a time of what comes before all others."""


@final
class Table:
    """The talks with all generators of a campaign, by name.

    Those that are asked for candidates share the room there is, each in its turn first.
    """

    __slots__ = ("_asked", "_conversations", "_first", "_listeners", "helms", "talks")

    def __init__(self, talks: Sequence[Talks]) -> None:
        self.talks = {talk.name: talk for talk in talks}
        self.helms = tuple(talk for talk in talks if isinstance(talk, Helm))
        self._conversations = tuple(talk for talk in talks if isinstance(talk, Conversation))
        self._listeners = tuple(talk for talk in talks if talk.hears is not None)
        self._first = 0

    def helm(self, name: str) -> Helm:
        """Returns the talk with a body."""
        talk = self.talks[name]
        assert isinstance(talk, Helm)
        return talk

    def conversation(self, name: str) -> Conversation:
        """Returns the talk with a generator that is asked."""
        talk = self.talks[name]
        assert isinstance(talk, Conversation)
        return talk

    def end(self, name: str) -> None:
        """Ends a talk for good: the generator is broken."""
        self.talks[name].end()

    # results

    def expect(self, trial: Trial) -> None:
        """A trial is to be evaluated: its body may wait for it."""
        talk = self.talks.get(trial.generator)
        if isinstance(talk, Helm):
            talk.outstanding.add(trial.id)

    def tell(self, result: Result) -> None:
        """Notes a final result for the one who proposed it, and those who listen."""
        name = result.trial.generator
        if (owner := self.talks.get(name)) is not None:
            owner.tell(result)
        for talk in self._listeners:
            if talk is not owner and talk.hears is not None and talk.hears(name):
                talk.tell(result)

    # turns

    def turns(self, wanted: int, *, asking: bool) -> list[tuple[Talk, Told | None]]:
        """Returns what to say now to whom, and its record.

        ``wanted`` candidates may be asked for in all; where not ``asking``, none.
        """
        ready = [talk for talk in self._turned() if not talk.talking]
        rooms = self._rooms(wanted, ready) if asking else {}
        said = (_say(talk, rooms.get(talk.name, 0)) for talk in ready)
        return [turn for turn in said if turn is not None]

    def _rooms(self, wanted: int, ready: Sequence[Conversation]) -> dict[str, int]:
        """Returns for how many candidates each may be asked."""
        if self.ahead:
            return {talk.name: AT_ONCE for talk in ready if talk.first}
        wanted -= sum(talk.asked for talk in self._conversations if talk.talking)
        sharing = [talk.name for talk in ready if talk.open]
        self._first += bool(sharing and wanted > 0)
        return dict(zip(sharing, _shares(wanted, len(sharing)), strict=True))

    @property
    def ahead(self) -> bool:
        """Whether somebody who comes before all others may propose more."""
        return any(talk.first and not talk.spent for talk in self._conversations)

    def _turned(self) -> Sequence[Conversation]:
        """Returns the conversations, another first after each question."""
        at = self._first % max(1, len(self._conversations))
        return (*self._conversations[at:], *self._conversations[:at])

    # ends

    @property
    def quiet(self) -> bool:
        """Whether nothing is being said, and nothing is left to tell."""
        return all(talk.quiet for talk in self._conversations) and all(helm.ended for helm in self.helms)

    @property
    def busy(self) -> bool:
        """Whether a body computes."""
        return any(helm.busy for helm in self.helms)

    @property
    def calling(self) -> bool:
        """Whether calls of bodies run at the engine."""
        return any(helm.calling for helm in self.helms)

    @property
    def due(self) -> float:
        """When a body must be looked at although nothing happened."""
        return min((helm.due() for helm in self.helms if not helm.ended), default=inf)

    def still(self, but: str = "") -> bool:
        """Whether nobody, but the one named, can propose anything unless something more ends."""
        ahead = self.ahead
        return all(talk.still or talk.name == but or (ahead and talk.held) for talk in self.talks.values())

    @property
    def over(self) -> str | None:
        """Why nothing more can come of anybody, nothing being left to do; ``None`` where something can."""
        if self.stuck or not self.still():
            return None
        reasons = [talk.exhausted.reason for talk in self._conversations if talk.exhausted]
        if len(self.talks) == 1 and reasons:
            return reasons[0] or "the generator has nothing more to propose"
        return "no generator has anything more to propose"

    @property
    def stuck(self) -> bool:
        """Whether everybody waits for somebody else, nothing being left to do."""
        return self.still() and any(talk.waiting for talk in self._conversations)

    @property
    def returned(self) -> str | None:
        """Why the campaign has come to its end, where a body that ends it has returned."""
        return next((helm.farewell for helm in self.helms if helm.runs and helm.on_return == "stop"), None)

    @property
    def ended(self) -> bool:
        """Whether the campaign has come to an end that no larger goal continues."""
        return self.returned is not None or self.over is not None


def _say(talk: Conversation, room: int) -> tuple[Talk, Told | None] | None:
    turn = talk.turn(room)
    return None if turn is None else (turn, talk.told(turn))


def _shares(wanted: int, parts: int) -> list[int]:
    """Returns ``wanted`` in equal parts, the first ones larger by one where it does not go even."""
    each, more = divmod(max(0, wanted), parts) if parts else (0, 0)
    return [each + (i < more) for i in range(parts)]
