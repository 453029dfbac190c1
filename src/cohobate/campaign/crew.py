"""The generators of a campaign at work: those that are asked and those that steer, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import nan
from typing import Protocol, final

from cohobate.campaign.admission import Admission
from cohobate.campaign.members import Members, honest, lossy
from cohobate.campaign.moves import Broken, Heard, Reply, Restart, Said, Talk
from cohobate.campaign.peek import Peek
from cohobate.campaign.steering.helm import Helm
from cohobate.campaign.steering.pilot import Pilot
from cohobate.campaign.talker import Talker, number
from cohobate.core.capture import Returned, capture
from cohobate.core.errors import GeneratorError
from cohobate.core.steering import Steers
from cohobate.ledger.ledger import Ledger
from cohobate.ledger.resume import Act, Hears

Post = Callable[[Heard | Broken | Said], None]


def assemble(members: Members, admission: Admission, ledger: Ledger, post: Post, *, threaded: bool) -> Crew:
    """Returns the crew of a session: ``threaded`` says that generators are asked in threads of their own."""
    talkers, pilots = {}, {}
    for name, member in members.items():
        match member.generator:
            case Steers() as body:
                log = partial(_recorded, ledger, name, member.hearing)
                pilots[name] = Pilot(name, body, admission, log, post)
            case generator:
                talkers[name] = Talker(generator, admission, post, threaded=threaded, called=name)
    known = ledger.tally.proposed > 0  # generators were brought back to where they were
    losses = {name: _now(one.loss) if known else nan for name, one in lossy(members).items()}
    errors = {name: _now(one.error) if known else nan for name, one in honest(members).items()}
    return Crew(talkers, pilots, lossy=losses, honest=errors)


def _now(ask: Callable[[], float]) -> float:
    """Returns what a generator tells before its first turn; where it raises, it will do so again after that."""
    told = capture(number, ask)
    return told.value if isinstance(told, Returned) else nan


def _recorded(ledger: Ledger, name: str, hears: Hears | None, *, run: int) -> Iterator[Act]:
    """Returns all that a body said and was answered, what is not durable yet included."""
    ledger.flush()
    return ledger.script(name, hears=hears, run=run)


class Making(Protocol):
    """Makes the crew of a session; what generators say goes to ``post``."""

    def __call__(self, post: Post, *, threaded: bool) -> Crew: ...


@final
class Crew:
    """Speaks for the loop to every generator.

    ``lossy`` and ``honest`` are who tells a loss and an error, with what they are before the first turn.
    """

    __slots__ = ("_pilots", "_talkers", "honest", "lossy")

    def __init__(
        self,
        talkers: Mapping[str, Talker],
        pilots: Mapping[str, Pilot],
        *,
        lossy: Mapping[str, float],
        honest: Mapping[str, float],
    ) -> None:
        self._talkers, self._pilots = talkers, pilots
        self.lossy, self.honest = lossy, honest

    def start(self, helms: Sequence[Helm]) -> None:
        """Starts the bodies that have not ended."""
        for helm in helms:
            self._pilots[helm.name].start(helm.runs)

    def talk(self, talk: Talk) -> Heard | Broken | None:
        """Takes a turn with a generator; see ``Talker.talk``."""
        return self._talkers[talk.generator].talk(talk)

    def peek(self, peek: Peek) -> None:
        """Lets somebody look at a generator that is asked; see ``Talker.peek``."""
        self._talkers[peek.generator].peek(peek)

    def obey(self, action: Reply | Restart) -> None:
        """Lets a body go on, or starts one that has returned."""
        pilot = self._pilots[action.generator]
        if isinstance(action, Reply):
            pilot.reply(action.answer)
        else:
            pilot.start(action.run)

    def finalize(self, timeout: float | None = None) -> GeneratorError | None:
        """Lets go of all of them; returns what first went wrong at that."""
        errors = [talker.finalize(timeout) for talker in self._talkers.values()]
        for pilot in self._pilots.values():
            pilot.finalize(timeout)
        return next((error for error in errors if error is not None), None)
