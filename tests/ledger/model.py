"""What a ledger should say of a list of events, worked out anew each time from plain dictionaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cohobate.core.events import AttemptFailed, CancelAsked, Event, Finished, Opened, Proposed, Started, Stopped, Told
from cohobate.core.outcome import KINDS, Cancelled, Failure, Value
from cohobate.core.trial import Result, Trial
from cohobate.ledger.resume import Delivered, Unfinished

TIMED = Opened | Started | AttemptFailed | Finished | Stopped


class Model:
    """The dictionaries; every method looks at them only."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = list(events)
        self.trials: dict[int, Trial] = {t.id: t for e in events if isinstance(e, Proposed) for t in e.trials}
        self.attempts: dict[int, int] = {e.trial: e.attempt for e in events if isinstance(e, Started)}
        self.final: dict[int, Finished] = {}
        for event in events:
            if isinstance(event, Finished):
                assert event.trial not in self.final, "one final outcome for each trial"
                self.final[event.trial] = event
        self.asked = {trial: e.reason for e in events if isinstance(e, CancelAsked) for trial in e.trials}
        self.told = {trial for e in events if isinstance(e, Told) for trial in e.trials}
        self.status: dict[int, str] = dict.fromkeys(self.trials, "proposed")
        for event in events:
            match event:
                case Started(trial=trial):
                    self.status[trial] = "running"
                case AttemptFailed(trial=trial):
                    self.status[trial] = "waiting"
                case Finished(trial=trial, outcome=outcome):
                    self.status[trial] = outcome.kind if isinstance(outcome, Failure) else _ends(outcome)

    def result(self, trial: int) -> Result:
        return Result(self.trials[trial], self.final[trial].outcome)

    def values(self) -> dict[int, float]:
        return {i: e.outcome.outputs["y"] for i, e in self.final.items() if isinstance(e.outcome, Value)}

    def unfinished(self) -> list[Unfinished]:
        failed = {trial: Counter[str]() for trial in self.trials}
        for event in self.events:
            if isinstance(event, AttemptFailed):
                failed[event.trial][event.failure.kind] += 1
        return [
            Unfinished(self.trials[i], self.attempts.get(i, 0), dict(failed[i]), i in self.asked, self.asked.get(i, ""))
            for i in sorted(self.trials)
            if i not in self.final
        ]

    def untold(self) -> list[Result]:
        return [self.result(trial) for trial in self.final if trial not in self.told]

    def story(self) -> list[Proposed | Delivered]:
        steps: list[Proposed | Delivered] = []
        for event in self.events:
            if isinstance(event, Proposed):
                steps.append(event)
            elif isinstance(event, Told):
                steps.append(Delivered("main", tuple(self.result(trial) for trial in event.trials)))
        return steps

    def tally(self) -> dict[str, Any]:
        """Those counts that follow from the events alone."""
        ended = Counter(self.status[trial] for trial in self.final)
        values = self.values()
        low = min(values, key=lambda trial: (values[trial], list(self.final).index(trial)), default=None)
        return {
            "epoch": max((e.epoch for e in self.events if isinstance(e, Opened)), default=0),
            "proposed": len(self.trials),
            "open": len(self.attempts.keys() - self.final.keys()),
            "values": len(values),
            "failed": sum(ended[kind] for kind in KINDS if kind != "rejected"),
            "failures": {kind: ended[kind] for kind in KINDS},
            "cancelled": ended["cancelled"],
            "retried": sum(isinstance(e, AttemptFailed) for e in self.events),
            "cached": sum(e.cached for e in self.final.values()),
            "lowest": None if low is None else (low, values[low]),
        }

    def best(self) -> list[int]:
        values = self.values()
        return sorted(values, key=lambda trial: (values[trial], trial))

    def failures(self) -> list[tuple[str, str, int]]:
        """Kind, message and how many, the most frequent first, of equals the first one met."""
        failures = [e.outcome for e in self.final.values() if isinstance(e.outcome, Failure)]
        counted = Counter((failure.kind, failure.message) for failure in failures)
        return [(*group, count) for group, count in sorted(counted.items(), key=lambda item: -item[1])]

    def rates(self, window: float = 60.0) -> tuple[float, float]:
        """Evaluations per minute, recently and over the time that drivers lived."""
        sessions: list[list[float]] = []
        for event in self.events:
            if isinstance(event, Opened):
                sessions.append([])
            if isinstance(event, TIMED):
                sessions[-1].append(event.at)
        lived = sum(max(0.0, times[-1] - times[0]) for times in sessions)
        end = sessions[-1][-1]
        ended = [e.at for e in self.final.values() if e.attempt > 0 and not e.cached]
        recent = sum(at >= end - window for at in ended) / min(window, max(end - sessions[-1][0], 1e-9))
        tally = self.tally()
        counted = tally["values"] - tally["cached"] + tally["failed"]
        return 60 * recent, 60 * counted / lived if lived else 0.0


def _ends(outcome: Value | Cancelled) -> str:
    return "done" if isinstance(outcome, Value) else "cancelled"
