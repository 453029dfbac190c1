"""What a ledger stores: the facts of a campaign, in the order they happened.

Each event is a frozen dataclass; ``EVENTS`` maps the recorded name of a kind to its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cohobate.core.outcome import Failure, Outcome
from cohobate.core.trial import Trial


@dataclass(frozen=True, slots=True)
class Opened:
    """A driver took the run folder; ``epoch`` counts drivers from 1."""

    epoch: int
    at: float
    host: str = ""
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Declared:
    """What the campaign is made of (problem, generator, simulator, settings), as plain data."""

    campaign: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A changed simulator was accepted by the user."""

    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """The answer of a generator to its ``ask``-th question (counted from 1), for ``asked`` candidates.

    ``at`` is wall-clock time (s since the epoch), 0 in ledgers of version 0.1.
    """

    generator: str
    ask: int
    trials: tuple[Trial, ...]
    asked: int = 0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Learned:
    """A generator has fitted its model; recorded before the rows it chose by it. See ``Lesson``."""

    generator: str
    model: int
    known: int
    error: Mapping[str, Any]
    best: Mapping[str, Any]
    at: float


@dataclass(frozen=True, slots=True)
class Started:
    """Attempt ``attempt`` of a trial was handed to the engine."""

    trial: int
    attempt: int
    at: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What an attempt has come to before its end, of use to a further one: ``value["value"]`` is what ``part`` gave.

    ``seconds`` is how long that took.
    """

    trial: int
    attempt: int
    part: str
    value: Mapping[str, Any]
    at: float
    seconds: float = 0.0
    worker: str = ""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt gave no value and the trial will be tried again."""

    trial: int
    attempt: int
    failure: Failure
    at: float
    seconds: float = 0.0
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The final outcome of a trial: exactly one for each.

    ``started`` and ``at`` are wall-clock times (s since the epoch); ``seconds`` is what the
    deciding attempt took; ``harvested`` marks a result found in the spool after a crash,
    ``cached`` one that an earlier trial with the same inputs already had.
    """

    trial: int
    attempt: int
    outcome: Outcome
    at: float
    started: float = 0.0
    seconds: float = 0.0
    worker: str = ""
    cancel_requested: bool = False
    deadline_passed: bool = False
    harvested: bool = False
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """These results were delivered to a generator, together and in this order.

    ``heard`` are trials of other generators, delivered before its own. A body may be told of none: it
    did not want to wait, or had waited for long enough; ``times`` counts how often in a row, before it
    did anything else.
    """

    generator: str
    trials: tuple[int, ...]
    heard: tuple[int, ...] = ()
    times: int = 1


@dataclass(frozen=True, slots=True)
class Revised:
    """A body changed a trial: ``inputs`` are all it now has, and none where it had started before.

    ``priority`` and ``needs`` are those it now has; ``columns`` are further columns of the table,
    those variables among them that came too late. ``asked`` is what the body said, to be compared
    when it says it again.
    """

    trial: int
    generator: str
    asked: Mapping[str, Any]
    inputs: Mapping[str, Any]
    columns: Mapping[str, Any]
    applied: bool
    priority: float
    needs: Mapping[str, Any]
    at: float


@dataclass(frozen=True, slots=True)
class Computed:
    """A call that a body asked for has come to its end: ``call`` counts them from 0."""

    generator: str
    call: int
    outcome: Outcome
    at: float


@dataclass(frozen=True, slots=True)
class Closing:
    """A body was told that nothing more will come; what it does from here on is not repeated by a resume."""

    generator: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A body has returned ``value["value"]``; for good, unless it had been told to come to its end (``closing``)."""

    generator: str
    value: Mapping[str, Any]
    at: float
    closing: bool = False


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody wants these trials stopped: the ``generator`` named, else a person."""

    trials: tuple[int, ...]
    reason: str = ""
    generator: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A late or repeated report that changes nothing."""

    trial: int
    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A generator has nothing more to propose."""

    generator: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The driver let go of the run folder in good order; ``seconds`` is how long it was alive."""

    reason: str
    at: float
    seconds: float
    ended: bool = False


Event = (
    Opened
    | Declared
    | Accepted
    | Proposed
    | Learned
    | Started
    | Progress
    | AttemptFailed
    | Finished
    | Told
    | Revised
    | Computed
    | Closing
    | Returned
    | CancelAsked
    | Ignored
    | Exhausted
    | Stopped
)
EVENTS: dict[str, type[Event]] = {
    "opened": Opened,
    "declared": Declared,
    "accepted": Accepted,
    "proposed": Proposed,
    "learned": Learned,
    "started": Started,
    "progress": Progress,
    "attempt_failed": AttemptFailed,
    "finished": Finished,
    "told": Told,
    "revised": Revised,
    "computed": Computed,
    "closing": Closing,
    "returned": Returned,
    "cancel_asked": CancelAsked,
    "ignored": Ignored,
    "exhausted": Exhausted,
    "stopped": Stopped,
}
