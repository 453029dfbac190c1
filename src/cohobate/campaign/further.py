"""Attempts at an engine that takes further what a simulator returns: what is recorded is what became of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, final

from cohobate.campaign.evaluation import Evaluation, concluded, worker_name
from cohobate.campaign.reports import report_of
from cohobate.core.capture import capture
from cohobate.core.errors import EngineError
from cohobate.core.outcome import Cancelled
from cohobate.core.payload import Payload
from cohobate.core.protocols import Engine, Onward
from cohobate.core.trial import Evaluated, Inputs

STOPPED: Final = "cancelled"


def is_onward(engine: Engine) -> bool:
    """Whether an engine takes further what tasks return."""
    return isinstance(engine, Onward) and engine.onward


def further_of(engine: Engine | None) -> Mapping[str, Any] | None:
    """Returns what an engine does to what tasks return; ``None`` for one that hands it back."""
    return engine.made_of() if isinstance(engine, Onward) and engine.onward else None


@final
@dataclass(frozen=True, slots=True)
class Further:
    """Makes the call of an attempt there, unchecked, and its report here, once the engine is through with it."""

    evaluation: Evaluation

    def __call__(self, trial: int, attempt: int, inputs: Inputs) -> Payload:
        """Returns what the simulator returns; raises what it raises."""
        with self.evaluation.directory(trial, attempt):
            return self.evaluation.call(inputs)

    def report(self, future: Future[Any], attempt: int, submitted: float) -> Evaluated:
        """Returns the report of a done future; its value is checked like that of a simulator."""
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or isinstance(error, EngineError):
            return report_of(future, attempt, submitted)
        ended = capture(self._checked, future)
        stopped = error is None and _is_stopped(future.result())
        outcome = Cancelled() if stopped else concluded(ended, attempt)
        return Evaluated(outcome, submitted, time.time() - submitted, worker_name())

    def _checked(self, future: Future[Any]) -> dict[str, Any]:
        return self.evaluation.checked(future.result())


def _is_stopped(value: Payload) -> bool:
    return isinstance(value, Mapping) and value.get("status") == STOPPED
