"""Where each trial stands, folded event by event."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, final

from cohobate.core.errors import LedgerError
from cohobate.core.events import AttemptFailed, CancelAsked, Event, Finished, Proposed, Started, Told
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value


@dataclass(slots=True)
class Standing:
    """Where one trial stands; ``proposed``, ``finished`` and ``told`` are numbers of events.

    ``state`` is ``proposed``, ``running``, ``waiting`` (an attempt failed and another will follow),
    ``done``, ``cancelled`` or the kind of its final failure. ``failed`` counts the attempts that
    failed before, by kind, as JSON.
    """

    id: int
    generator: str
    ask: int
    proposed: int
    state: str = "proposed"
    attempts: int = 0
    failed: str | None = None
    cancel: bool = False
    finished: int | None = None
    told: int | None = None


COLUMNS: Final = ("id", "generator", "ask", "proposed", "state", "attempts", "failed", "cancel", "finished", "told")
_NONE: Final = type(None)
values: Final = attrgetter(*COLUMNS)
"""The columns of a standing, in the order of the table."""


_TYPES: Final = ((int,), (str,), (int,), (int,), (str,), (int,), (str, _NONE), (int,), (int, _NONE), (int, _NONE))


def is_sound(standing: Standing) -> bool:
    """Whether every column holds what it should."""
    try:
        failed = json.loads(standing.failed or "{}")
    except (ValueError, TypeError, RecursionError):
        return False
    right = isinstance(failed, dict) and all(type(count) is int for count in failed.values())
    return right and all(isinstance(value, types) for value, types in zip(values(standing), _TYPES, strict=True))


@final
class Standings:
    """The trials that are not yet both final and told, and those that changed since the last ``take``."""

    __slots__ = ("_folds", "_touched", "live")

    def __init__(self, live: dict[int, Standing] | None = None) -> None:
        self.live: dict[int, Standing] = live or {}
        self._touched: dict[int, Standing] = {}
        self._folds: Mapping[type[Event], Callable[[Any, int], None]] = {
            Proposed: self._propose,
            Started: self._start,
            AttemptFailed: self._fail,
            Finished: self._finish,
            Told: self._tell,
            CancelAsked: self._ask,
        }

    def take(self) -> list[Standing]:
        """Returns the trials that changed since the last call."""
        changed = list(self._touched.values())
        self._touched = {}
        return changed

    def fold(self, seq: int, event: Event) -> None:
        """Takes in event number ``seq``; raises ``LedgerError`` where it contradicts what is recorded."""
        fold = self._folds.get(type(event))
        if fold is not None:
            fold(event, seq)

    def _propose(self, event: Proposed, seq: int) -> None:
        for trial in event.trials:
            standing = Standing(trial.id, trial.generator, event.ask, seq)
            self.live[trial.id] = self._touched[trial.id] = standing

    def _start(self, event: Started, _seq: int) -> None:
        standing = self._touch(event.trial)
        standing.state, standing.attempts = "running", max(event.attempt, standing.attempts)

    def _fail(self, event: AttemptFailed, _seq: int) -> None:
        standing, kind = self._touch(event.trial), event.failure.kind
        failed = json.loads(standing.failed or "{}")
        standing.state, standing.failed = "waiting", json.dumps({**failed, kind: failed.get(kind, 0) + 1})

    def _finish(self, event: Finished, seq: int) -> None:
        standing = self._touch(event.trial)
        if standing.finished is not None:
            raise LedgerError(f"event {seq}: trial {event.trial} is final already, since event {standing.finished}")
        standing.state, standing.finished = _state(event.outcome), seq

    def _tell(self, event: Told, seq: int) -> None:
        for trial in event.trials:
            standing = self._touch(trial)
            standing.told = seq
            if standing.finished is not None:
                del self.live[trial]

    def _ask(self, event: CancelAsked, _seq: int) -> None:
        for trial in event.trials:
            if trial in self.live:
                self._touch(trial).cancel = True

    def _touch(self, trial: int) -> Standing:
        standing = self.live.get(trial)
        if standing is None:
            raise LedgerError(f"an event about trial {trial}, which was never proposed, or is final and told already")
        self._touched[trial] = standing
        return standing


def _state(outcome: Outcome) -> str:
    match outcome:
        case Value():
            return "done"
        case Failure(kind=kind):
            return kind
        case Cancelled():
            return "cancelled"
