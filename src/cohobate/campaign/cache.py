"""Values that a deterministic simulator has already given, by the hash of its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

from cohobate.core.canonical import content_hash
from cohobate.core.events import Declared, Event, Finished, Proposed, Revised
from cohobate.core.outcome import Outcome, Value
from cohobate.core.problem import Structured, pack
from cohobate.core.trial import Inputs


@final
class Cache:
    """Remembers values within one run folder; a changed simulator starts afresh."""

    __slots__ = ("_structured", "_values")

    def __init__(self, structured: Mapping[str, Structured], past: Iterable[Event] = ()) -> None:
        self._structured = structured
        self._values: dict[str, Value] = {}
        self._recall(past)

    def find(self, inputs: Inputs) -> Value | None:
        """Returns the value these inputs gave before."""
        return self._values.get(content_hash(pack(inputs, self._structured)))

    def keep(self, inputs: Inputs, outcome: Outcome) -> None:
        """Takes in a final outcome; only values are kept."""
        if isinstance(outcome, Value):
            self._values[content_hash(pack(inputs, self._structured))] = outcome

    def _recall(self, past: Iterable[Event]) -> None:
        waiting: dict[int, Mapping[str, Any]] = {}
        for event in past:
            match event:
                case Declared():
                    self._values.clear()
                case Proposed(trials=trials):
                    waiting.update((trial.id, trial.inputs) for trial in trials)
                case Revised(trial=trial, applied=True) if trial in waiting:
                    waiting[trial] = event.inputs
                case Finished(trial=trial, outcome=Value() as value) if trial in waiting:
                    self._values[content_hash(waiting.pop(trial))] = value
