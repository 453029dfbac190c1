"""Where each trial stands, folded event by event."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, final

from cohobate.core.errors import LedgerError
from cohobate.core.events import AttemptFailed, CancelAsked, Event, Finished, Proposed, Started, Told
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value


@dataclass(slots=True)
class Standing:
    """Where one trial stands; ``proposed``, ``finished`` and ``told`` are numbers of events.

    ``state`` is ``proposed``, ``running``, ``waiting`` (an attempt failed and another will follow),
    ``value``, ``cancelled`` or the kind of its final failure.
    """

    id: int
    generator: str
    ask: int
    proposed: int
    state: str = "proposed"
    attempts: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    cancel: bool = False
    finished: int | None = None
    told: int | None = None


COLUMNS: Final = ("id", "generator", "ask", "proposed", "state", "attempts", "failed", "cancel", "finished", "told")
values: Final = attrgetter(*COLUMNS)


@final
class Standings:
    """The trials that are not yet both final and told, and those that changed since the last ``take``."""

    __slots__ = ("_touched", "live")

    def __init__(self, live: dict[int, Standing] | None = None) -> None:
        self.live: dict[int, Standing] = live or {}
        self._touched: dict[int, Standing] = {}

    def take(self) -> list[Standing]:
        """Returns the trials that changed since the last call."""
        changed = list(self._touched.values())
        self._touched = {}
        return changed

    def fold(self, seq: int, event: Event) -> None:
        """Takes in event number ``seq``; raises ``LedgerError`` where it contradicts what is recorded."""
        match event:
            case Started(trial=trial, attempt=attempt):
                standing = self._touch(trial)
                standing.state, standing.attempts = "running", max(attempt, standing.attempts)
            case Finished(trial=trial, outcome=outcome):
                self._finish(trial, outcome, seq)
            case Told(trials=told):
                self._tell(told, seq)
            case Proposed():
                self._propose(event, seq)
            case AttemptFailed():
                self._fail(event)
            case CancelAsked(trials=asked):
                self._ask(asked)

    def _propose(self, event: Proposed, seq: int) -> None:
        for trial in event.trials:
            standing = Standing(trial.id, trial.generator, event.ask, seq)
            self.live[trial.id] = self._touched[trial.id] = standing

    def _ask(self, asked: tuple[int, ...]) -> None:
        for trial in asked:
            if trial in self.live:
                self._touch(trial).cancel = True

    def _fail(self, event: AttemptFailed) -> None:
        standing, kind = self._touch(event.trial), event.failure.kind
        standing.state = "waiting"
        standing.failed = {**standing.failed, kind: standing.failed.get(kind, 0) + 1}

    def _finish(self, trial: int, outcome: Outcome, seq: int) -> None:
        standing = self._touch(trial)
        if standing.finished is not None:
            raise LedgerError(f"trial {trial} already has a final outcome (event {standing.finished}); event {seq}")
        standing.state, standing.finished = _state(outcome), seq

    def _tell(self, told: tuple[int, ...], seq: int) -> None:
        for trial in told:
            standing = self._touch(trial)
            standing.told = seq
            if standing.finished is not None:
                del self.live[trial]

    def _touch(self, trial: int) -> Standing:
        standing = self.live.get(trial)
        if standing is None:
            raise LedgerError(f"an event about trial {trial}, which was never proposed or is final and told already")
        self._touched[trial] = standing
        return standing


def _state(outcome: Outcome) -> str:
    match outcome:
        case Value():
            return "value"
        case Failure(kind=kind):
            return kind
        case Cancelled():
            return "cancelled"
