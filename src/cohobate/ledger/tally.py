"""The counts of a campaign, folded event by event at constant cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, Final, Literal

import numpy as np

from cohobate.core.events import (
    AttemptFailed,
    Declared,
    Event,
    Finished,
    Opened,
    Progress,
    Proposed,
    Started,
    Stopped,
)
from cohobate.core.outcome import KINDS, Cancelled, Failure, Value
from cohobate.core.payload import Payload, Plain

_NUMBERS: Final = (float, int)


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
    Where the problem has a fidelity, ``level`` is its name and full level; ``screened`` counts the
    evaluations at others, which are never the best, and ``screening`` names the open trials at others.
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
    limits: dict[str, list[Any]] = field(default_factory=dict)
    lowest: dict[str, Extreme] = field(default_factory=dict)
    highest: dict[str, Extreme] = field(default_factory=dict)
    improved: int = 0
    screened: int = 0
    level: list[str] = field(default_factory=list)
    screening: list[int] = field(default_factory=list)

    @property
    def counted(self) -> int:
        """Evaluations: final values and failures, without rejected and cached ones."""
        return self.values - self.cached + self.failed

    @property
    def confirmed(self) -> int:
        """Evaluations at the full level of the fidelity; all where there is none."""
        return self.counted - self.screened

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

    def bests(self) -> Iterator[tuple[str, Extreme]]:
        """Returns the best of each objective that has a value."""
        for output, goal in self.goals.items():
            if found := self.best(output, "maximize" if goal == "maximize" else "minimize"):
                yield output, found

    def fold(self, event: Event) -> None:
        """Takes in one event; constant cost."""
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def copy(self) -> Tally:
        """Returns the counts as they are now, in an object of its own."""
        return replace(
            self,
            failures=dict(self.failures),
            goals=dict(self.goals),
            limits=dict(self.limits),
            lowest=dict(self.lowest),
            highest=dict(self.highest),
            screening=list(self.screening),
        )

    def snapshot(self) -> Plain:
        """Returns everything as JSON data, in containers of its own; ``asdict`` would take longer."""
        plain = {name: _plain(value) for name, value in zip(_NAMES, _values(self), strict=True)}
        for name in ("lowest", "highest"):
            plain[name] = {output: {"value": one.value, "trial": one.trial} for output, one in plain[name].items()}
        return plain

    @classmethod
    def restore(cls, snapshot: Plain) -> Tally:
        """Returns the tally of a ``snapshot``; raises ``TypeError``, ``KeyError`` and the like for what is none."""
        extremes = {
            name: {output: Extreme(**best) for output, best in snapshot[name].items()} for name in ("lowest", "highest")
        }
        tally = cls(**{**snapshot, **extremes})
        for name, default in cls().snapshot().items():
            kinds = _NUMBERS if isinstance(default, _NUMBERS) else type(default)
            if not isinstance(getattr(tally, name), kinds):
                raise TypeError(f"{name} is {getattr(tally, name)!r:.60}")
        return tally

    def _propose(self, event: Proposed) -> None:
        self.proposed += len(event.trials)
        if self.level:
            self.screening += [trial.id for trial in event.trials if not is_full(trial.inputs, self.level)]

    def _start(self, event: Started) -> None:
        self.open += event.attempt == 1
        self.last = event.at

    def _progress(self, event: Progress) -> None:
        self.last = event.at

    def _retry(self, event: AttemptFailed) -> None:
        self.retried += 1
        self.last, self.busy = event.at, self.busy + event.seconds

    def _finish(self, event: Finished) -> None:
        self.open -= event.attempt > 0
        self.last, self.busy = event.at, self.busy + event.seconds
        counted, full = self.counted, self._is_full(event.trial)
        match event.outcome:
            case Value():
                self.values += 1
                self.cached += event.cached
                if full:
                    self._compare(event.trial, event.outcome.outputs)
            case Failure(kind=kind):
                self.failures[kind] += 1
                self.failed += kind != "rejected"
            case Cancelled():
                self.cancelled += 1
        self.screened += (not full) * (self.counted - counted)

    def _is_full(self, trial: int) -> bool:
        """Whether a trial that ends was evaluated as accurately as can be."""
        if trial not in self.screening:
            return True
        self.screening.remove(trial)
        return False

    def _open(self, event: Opened) -> None:
        self.alive, self.epoch, self.opened, self.last = self.seconds, event.epoch, event.at, event.at
        self.stopped = ""

    def _stop(self, event: Stopped) -> None:
        self.last, self.stopped = event.at, event.reason

    def _declare(self, event: Declared) -> None:
        self.goals, self.limits = _goals(event.campaign), _limits(event.campaign)
        self.level = _level(event.campaign)

    def _compare(self, trial: int, outputs: Mapping[str, Payload]) -> None:
        if self.limits and not admissible(outputs, self.limits):
            return
        for name, value in outputs.items():
            if _is_number(value):
                better = _improve(self.lowest, name, value, trial, lower=True)
                higher = _improve(self.highest, name, value, trial, lower=False)
                if (higher if self.goals.get(name) == "maximize" else better) and self._leads(name):
                    self.improved = self.counted

    def _leads(self, name: str) -> bool:
        return next(iter(self.goals), name) == name


def _plain(value: Any) -> Any:  # noqa: ANN401 a field of a tally
    return value.copy() if isinstance(value, (dict, list)) else value


_NAMES: Final = tuple(one.name for one in fields(Tally))
_values: Final = attrgetter(*_NAMES)


def _is_number(value: Payload) -> bool:
    return isinstance(value, _NUMBERS) and value == value  # NaN differs from itself


def _improve(best: dict[str, Extreme], name: str, value: float, trial: int, *, lower: bool) -> bool:
    known = best.get(name)
    if known is None or (value < known.value if lower else value > known.value):
        best[name] = Extreme(value, trial)
        return True
    return False


def admissible(outputs: Mapping[str, Payload], limits: Mapping[str, list[Any]]) -> bool:
    """Whether outputs keep to the constraints of the problem; others are never the best."""
    for name, (kind, limit) in limits.items():
        value = np.asarray(outputs.get(name, np.nan), dtype=float)
        if not np.all(value <= limit if kind == "AtMost" else value >= limit):
            return False
    return True


def _limits(campaign: Plain) -> dict[str, list[Any]]:
    """Returns the constraints of a declared campaign: the kind and the limit, by output."""
    outputs = campaign.get("problem", {}).get("outputs", ())
    return {o["name"]: [o["goal"]["is"], o["goal"]["limit"]] for o in outputs if isinstance(o["goal"], Mapping)}


def is_full(inputs: Mapping[str, Payload], level: list[str]) -> bool:
    """Whether inputs are at the full level of the fidelity; where there is none, all are."""
    return not level or inputs.get(level[0]) == level[1]


def _level(campaign: Plain) -> list[str]:
    """Returns the name and the full level of the fidelity of a declared campaign, nothing where it has none."""
    fidelity = campaign.get("problem", {}).get("fidelity")
    return [fidelity["name"], fidelity["levels"][-1]] if fidelity else []


def _goals(campaign: Plain) -> dict[str, str]:
    """Returns the objectives of a declared campaign, in order."""
    outputs = campaign.get("problem", {}).get("outputs", ())
    return {o["name"]: o["goal"] for o in outputs if o["goal"] in ("minimize", "maximize")}


_FOLDS: Final[Mapping[type[Event], Callable[[Tally, Any], None]]] = {
    Proposed: Tally._propose,
    Started: Tally._start,
    Progress: Tally._progress,
    AttemptFailed: Tally._retry,
    Finished: Tally._finish,
    Opened: Tally._open,
    Stopped: Tally._stop,
    Declared: Tally._declare,
}
