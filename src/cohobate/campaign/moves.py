"""What the scheduler is told (facts) and what it asks for (actions)."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from cohobate.campaign.steering.requests import Request
from cohobate.core.errors import CohobateError, GeneratorError
from cohobate.core.outcome import Outcome
from cohobate.core.payload import Payload
from cohobate.core.protocols import Answer, Lesson
from cohobate.core.task import Task
from cohobate.core.trial import Evaluated, Result, Trial


@dataclass(frozen=True, slots=True)
class Heard:
    """The generator's turn is over; ``answer`` is ``None`` where nothing was asked."""

    answer: Answer | None
    loss: float = nan
    lessons: tuple[Lesson, ...] = ()
    generator: str = "main"
    error: float = nan


@dataclass(frozen=True, slots=True)
class Broken:
    """The generator raised, or answered what the problem forbids; the campaign ends."""

    error: GeneratorError
    generator: str = "main"


@dataclass(frozen=True, slots=True)
class Said:
    """A body has called ``steer``, and waits for its answer."""

    generator: str
    request: Request


@dataclass(frozen=True, slots=True)
class Performed:
    """A call that a body had made at the engine is over."""

    generator: str
    call: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt is over."""

    trial: int
    attempt: int
    report: Evaluated


@dataclass(frozen=True, slots=True)
class Progressed:
    """A part of an attempt has ended with a value, and the attempt has none yet."""

    trial: int
    attempt: int
    part: str
    value: Payload
    seconds: float
    worker: str = ""


@dataclass(frozen=True, slots=True)
class CancelWanted:
    """Somebody wants these trials stopped."""

    trials: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StopWanted:
    """No more dispatches; what runs is drained, or cancelled where ``drain`` is false."""

    reason: str
    drain: bool = True


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop in good order, for at most ``grace`` seconds; then leave what runs for the next session.

    Not for the scheduler: the driver sees to it. ``error`` is what the session then ends with.
    """

    reason: str
    grace: float
    error: CohobateError | None = None


Fact = Heard | Broken | Said | Performed | Ended | Progressed | CancelWanted | StopWanted


@dataclass(frozen=True, slots=True)
class Talk:
    """Deliver ``results`` (the delivery is already recorded), then ask for up to ``ask`` candidates."""

    results: tuple[Result, ...]
    ask: int
    generator: str = "main"


@dataclass(frozen=True, slots=True)
class Reply:
    """Let a body go on with an answer, which is recorded where it must be; ``Over`` and ``Refused`` raise there."""

    generator: str
    answer: Payload


@dataclass(frozen=True, slots=True)
class Perform:
    """Give a call of a body to the engine."""

    generator: str
    call: int
    task: Task


@dataclass(frozen=True, slots=True)
class Restart:
    """Start a body again, for the ``run``-th time counted from 0."""

    generator: str
    run: int


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand an attempt to the engine; its start is already recorded."""

    trial: Trial
    attempt: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask the engine to stop the running attempt of a trial."""

    trial: int


Action = Talk | Reply | Perform | Restart | Submit | Cancel
