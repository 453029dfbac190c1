"""What a run folder knows of parts: values of candidates that have ended, and how far the others had come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

from cohobate.campaign.parts.known import Known
from cohobate.core.capture import Returned, capture
from cohobate.core.events import Declared, Event, Finished, Progress, Proposed, Revised
from cohobate.core.outcome import Value
from cohobate.core.parts import Composite, Made
from cohobate.core.payload import Payload
from cohobate.core.problem import Structured, unpack
from cohobate.core.trial import Inputs

Kept = dict[int, dict[str, Made]]
"""Parts that have a value, of each trial without an outcome."""


def recorded(past: Iterable[Event], composite: Composite, structured: Mapping[str, Structured], known: Known) -> Kept:
    """Lets ``known`` have all values, and returns those of trials without an outcome.

    What an earlier simulator gave, which was replaced, is of no use.
    """
    reading = _Reading(composite, structured, known)
    for event in past:
        reading.fold(event)
    for trial, parts in reading.kept.items():
        reading.note(reading.waiting.get(trial), {name: _value(made) for name, made in parts.items()})
    return reading.kept


@final
class _Reading:
    def __init__(self, composite: Composite, structured: Mapping[str, Structured], known: Known) -> None:
        self._composite, self._structured, self._known = composite, structured, known
        self._keyed: bool | None = None
        self.waiting: dict[int, Inputs] = {}
        self.kept: Kept = {}

    def fold(self, event: Event) -> None:
        match event:
            case Declared():
                self._known.forget()
                self.kept.clear()
            case Proposed(trials=trials):
                self.waiting.update((trial.id, trial.inputs) for trial in trials)
            case Revised(trial=trial, applied=True) if trial in self.waiting:
                self.waiting[trial] = event.inputs
            case Progress(trial=trial, part=part) if trial in self.waiting:
                made = Made(Value(event.value), event.seconds, event.worker)
                self.kept.setdefault(trial, {})[part] = made
            case Finished(trial=trial, outcome=outcome) if trial in self.waiting:
                inputs, parts = self.waiting.pop(trial), self.kept.pop(trial, {})
                values = {name: _value(made) for name, made in parts.items()}
                recalled = self._recalled(inputs, outcome.outputs) if isinstance(outcome, Value) else {}
                self.note(inputs, {**values, **recalled})

    def note(self, inputs: Inputs | None, values: Mapping[str, Payload]) -> None:
        """Keeps values of a candidate by the keys of its parts; its code may raise, and then nothing is known."""
        if inputs is None or not values or self._keyed is False:
            return
        ended = capture(self._composite.parts, unpack(inputs, self._structured))
        if not isinstance(ended, Returned):
            return
        parts = list(ended.value)
        if self._keyed is None:
            self._keyed = any(part.key for part in parts)
        for part in parts:
            if part.key and part.name in values:
                self._known.keep(part.key, values[part.name])

    def _recalled(self, inputs: Inputs, outputs: Mapping[str, Any]) -> Mapping[str, Payload]:
        ended = capture(self._composite.recall, unpack(inputs, self._structured), outputs)
        return dict(ended.value) if isinstance(ended, Returned) and isinstance(ended.value, Mapping) else {}


def _value(made: Made) -> Payload:
    assert isinstance(made.outcome, Value)
    return made.outcome.outputs["value"]
