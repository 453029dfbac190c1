"""What is shown of a running campaign at one moment, as one value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cohobate.campaign.status import Status
from cohobate.core.events import Learned
from cohobate.ledger.tally import Tally
from cohobate.view.pace import Pace
from cohobate.view.text import shown

Name = Callable[[int], str]
"""Returns the candidate of a trial as text."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best value of an objective so far, and the candidate that has it."""

    output: str
    value: float
    candidate: str


@dataclass(frozen=True, slots=True)
class Sight:
    """A status, how fast it changes, and the names that a status does not know.

    ``note`` is what the engine says about itself, for example that its threads cannot be killed;
    ``lesson`` is the last fit of the model, where there is one.
    """

    title: str
    status: Status
    pace: Pace = field(default_factory=Pace)
    bests: tuple[Best, ...] = ()
    note: str = ""
    lesson: Learned | None = None

    @property
    def done(self) -> int:
        """Evaluations so far."""
        return self.status.tally.counted

    @property
    def total(self) -> int | None:
        """Evaluations at the goal, where the goal is a number of them."""
        remaining = self.status.remaining
        return None if remaining is None else self.done + remaining

    @property
    def left(self) -> float | None:
        """Seconds to the goal at the present pace; ``None`` where that is unknown or over."""
        return self.pace.left(self.status.remaining) if self.status.state == "running" else None

    @property
    def model(self) -> str:
        """The last fit of the model in words, nothing where there is none."""
        if self.lesson is None:
            return ""
        errors = [f"error of {shown(name, 30)} {error:.3g}" for name, error in self.lesson.error.items()]
        return ", ".join([f"fit {self.lesson.model} to {self.lesson.known} results", *errors])

    @property
    def failed(self) -> str:
        """The failures by kind."""
        return by_kind(self.status.tally)


def by_kind(tally: Tally) -> str:
    """Returns the failures by kind, without rejected candidates: ``"3 raised, 1 timeout"``."""
    counts = tally.failures.items()
    return ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in counts if n and kind != "rejected")


def bests(status: Status, name: Name) -> Iterator[Best]:
    """Returns the best of each objective that has a value."""
    for output, extreme in status.tally.bests():
        yield Best(output, extreme.value, name(extreme.trial))
