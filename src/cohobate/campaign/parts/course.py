"""One evaluation of a composite: its parts, what they gave, and what its judge makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from cohobate.campaign.evaluation import concluded
from cohobate.campaign.parts.making import Report
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import BadOutput
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.parts import Composite, Judge, Made, Part
from cohobate.core.payload import Payload
from cohobate.core.trial import Inputs

Opened = tuple[Sequence[Part], Judge]


@dataclass(slots=True, eq=False)
class Want:
    """A candidate waits for a part, which a bench has as a ``job``; for nothing more where that is ``None``."""

    course: Course
    name: str
    job: Any


def opened(composite: Composite, inputs: Inputs, bound: float | None) -> Returned | Raised:
    """Returns the parts and the judge of a candidate, or what user code raised instead."""
    return capture(_opened, composite, inputs, bound)


def _opened(composite: Composite, inputs: Inputs, bound: float | None) -> Opened:
    parts = checked(composite.parts(inputs))
    return parts, composite.judge(inputs, bound)


def checked(parts: Payload) -> Sequence[Part]:
    """Returns parts that can be made and told apart; raises ``BadOutput`` for anything else."""
    if not (isinstance(parts, Sequence) and parts and all(isinstance(part, Part) for part in parts)):
        raise BadOutput(f"parts: expected at least one Part in a list, got {parts!r:.80}")
    names = {part.name for part in parts}
    if len(names) < len(parts):
        twice = next(name for name in names if sum(part.name == name for part in parts) > 1)
        raise BadOutput(f"parts: two of them are called {twice!r}; give each a name of its own")
    return parts


@final
class Course:
    """Takes in parts until the judge decides.

    ``wants`` are the parts it waits for, ``made`` the values that were made for it, in this attempt or
    in earlier ones.
    """

    __slots__ = (
        "_inputs",
        "_judge",
        "_workers",
        "attempt",
        "cancelling",
        "flagged",
        "left",
        "made",
        "outcome",
        "parts",
        "seconds",
        "started",
        "trial",
        "wants",
    )

    def __init__(
        self,
        trial: int,
        attempt: int,
        parts: Sequence[Part],
        judge: Judge,
        inputs: Callable[[], str] | None = None,
    ) -> None:
        self._inputs = inputs
        self.trial, self.attempt, self.parts = trial, attempt, parts
        self.left = {part.name for part in parts}
        self.wants: dict[str, Want] = {}
        self.made: dict[str, Made] = {}
        self.outcome: Outcome | None = None
        self.cancelling = self.flagged = False
        self.seconds, self.started = 0.0, 0.0
        self._judge = judge
        self._workers: dict[str, None] = {}

    @property
    def digest(self) -> str:
        """The hash of its inputs, as what is spooled is known by; nothing where nothing is to be."""
        if self._inputs is None:
            return ""
        digest = self._inputs()
        self._inputs = lambda: digest
        return digest

    @property
    def worker(self) -> str:
        """Who made its parts, where that was one."""
        return next(iter(self._workers)) if len(self._workers) == 1 else ""

    def recall(self, name: str, made: Made) -> Outcome | None:
        """Takes in a part that need not be made; returns the outcome once that is decided."""
        if not made.reused:
            self.made[name] = made
        return self._take(name, made)

    def take(self, name: str, report: Report) -> Outcome | None:
        """Takes in a part that has ended; returns the outcome once that is decided."""
        outcome = self._blamed(report)
        made = Made(outcome, report.seconds, report.worker, report.reused)
        self.seconds += report.seconds
        if not report.reused:
            self.started = min(self.started or report.started, report.started)
            self._workers[report.worker] = None
            if isinstance(outcome, Value):
                self.made[name] = made
        return self._take(name, made)

    def end(self, outcome: Outcome) -> Outcome:
        """Says what became of it, whatever its judge thinks."""
        self.outcome = outcome
        return outcome

    def _take(self, name: str, made: Made) -> Outcome | None:
        self.left.discard(name)
        match capture(self._judge.take, name, made):
            case Returned(None):
                if self.left:
                    return None
                return self._wrong("the judge has not decided, although all parts have ended")
            case Returned(Failure() as failure):
                return self.end(replace(failure, attempt=self.attempt))
            case Returned(Value() | Cancelled() as outcome):
                return self.end(outcome)
            case Returned(other):
                return self._wrong(f"the judge must return an outcome or None, got {other!r:.80}")
            case Raised() as raised:
                return self.end(concluded(raised, self.attempt))

    def _blamed(self, report: Report) -> Outcome:
        """Returns the outcome of a part, its failure put down to the deadline that had passed."""
        outcome = report.outcome
        if not report.flagged or self.cancelling:
            return outcome
        self.flagged = True
        if isinstance(outcome, Failure) and outcome.kind == "raised":
            return replace(outcome, kind="timeout", message=f"the deadline had passed; {outcome.message}")
        return outcome

    def _wrong(self, message: str) -> Outcome:
        return self.end(Failure("bad_output", message, attempt=self.attempt))
