"""The counts of a campaign, folded event by event at constant cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from cohobate.core.events import (
    AttemptFailed,
    Declared,
    Event,
    Finished,
    Opened,
    Proposed,
    Started,
    Stopped,
    Told,
)
from cohobate.core.outcome import KINDS, Cancelled, Failure, Value
from cohobate.core.payload import Payload, Plain

NUMBERS = (float, int)


@dataclass(slots=True)
class Extreme:
    """The best value of one output so far, and the trial that has it."""

    value: float
    trial: int


@dataclass(slots=True)
class Tally:
    """What goals, status lines and resumes need to know without looking at any trial again.

    ``failed`` counts final failures without rejected ones, ``open`` trials that were started and have no
    final outcome; ``alive`` sums the seconds
    (s) of drivers that are gone, and ``opened`` and ``last`` are wall-clock times of the present one.
    """

    epoch: int = 0
    proposed: int = 0
    open: int = 0
    values: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    cancelled: int = 0
    cached: int = 0
    retried: int = 0
    alive: float = 0.0
    busy: float = 0.0
    opened: float = 0.0
    last: float = 0.0
    stopped: str = ""
    goals: dict[str, str] = field(default_factory=dict)
    lowest: dict[str, Extreme] = field(default_factory=dict)
    highest: dict[str, Extreme] = field(default_factory=dict)
    improved: int = 0

    @property
    def counted(self) -> int:
        """Evaluations: final values and failures, without rejected and cached ones."""
        return self.values - self.cached + self.failed

    @property
    def rejected(self) -> int:
        """Candidates that were not admissible."""
        return self.failures["rejected"]

    @property
    def final(self) -> int:
        """Trials that have a final outcome."""
        return self.values + self.failed + self.rejected + self.cancelled

    @property
    def seconds(self) -> float:
        """Driver-alive time over all resumes up to the last event (s)."""
        return self.alive + max(0.0, self.last - self.opened)

    @property
    def stalled(self) -> int:
        """Evaluations since the first objective last improved."""
        return self.counted - self.improved

    def best(self, output: str, goal: Literal["minimize", "maximize"]) -> Extreme | None:
        """Returns the best value of an output and its trial, ``None`` before there is one."""
        return (self.highest if goal == "maximize" else self.lowest).get(output)

    def fold(self, event: Event) -> None:
        """Takes in one event; constant cost."""
        match event:
            case Told():
                return
            case Finished():
                self._finish(event)
            case Started():
                self.open += event.attempt == 1
                self.last = event.at
            case Proposed():
                self.proposed += len(event.trials)
            case _:
                self._fold_rare(event)

    def _fold_rare(self, event: Event) -> None:
        match event:
            case AttemptFailed(at=at, seconds=seconds):
                self.retried += 1
                self.last, self.busy = at, self.busy + seconds
            case Opened(epoch=epoch, at=at):
                self.alive, self.epoch, self.opened, self.last = self.seconds, epoch, at, at
                self.stopped = ""
            case Stopped(reason=reason, at=at):
                self.last, self.stopped = at, reason
            case Declared(campaign=campaign):
                self.goals = _goals(campaign)

    def snapshot(self) -> Plain:
        """Returns everything as JSON data."""
        return asdict(self)

    @classmethod
    def restore(cls, snapshot: Plain) -> Tally:
        """Returns the tally of a ``snapshot``."""
        extremes = {
            name: {output: Extreme(**best) for output, best in snapshot[name].items()} for name in ("lowest", "highest")
        }
        return cls(**{**snapshot, **extremes})

    def _finish(self, event: Finished) -> None:
        self.open -= event.attempt > 0
        self.last, self.busy = event.at, self.busy + event.seconds
        match event.outcome:
            case Value():
                self.values += 1
                self.cached += event.cached
                self._compare(event.trial, event.outcome.outputs)
            case Failure():
                self.failures[event.outcome.kind] += 1
                self.failed += event.outcome.kind != "rejected"
            case Cancelled():
                self.cancelled += 1

    def _compare(self, trial: int, outputs: Mapping[str, Payload]) -> None:
        for name, value in outputs.items():
            if isinstance(value, NUMBERS) and value == value:  # NaN differs from itself
                better = _improve(self.lowest, name, value, trial, lower=True)
                higher = _improve(self.highest, name, value, trial, lower=False)
                if (higher if self.goals.get(name) == "maximize" else better) and self._leads(name):
                    self.improved = self.counted

    def _leads(self, name: str) -> bool:
        return next(iter(self.goals), name) == name


def _improve(best: dict[str, Extreme], name: str, value: float, trial: int, *, lower: bool) -> bool:
    known = best.get(name)
    if known is None or (value < known.value if lower else value > known.value):
        best[name] = Extreme(value, trial)
        return True
    return False


def _goals(campaign: Plain) -> dict[str, str]:
    """Returns the objectives of a declared campaign, in order."""
    outputs = campaign.get("problem", {}).get("outputs", ())
    return {o["name"]: o["goal"] for o in outputs if o["goal"] in ("minimize", "maximize")}
