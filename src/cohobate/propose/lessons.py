"""What each fit of a model is worth: how far its predecessors were off on what they had not seen."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import final

from cohobate.core.protocols import Lesson
from cohobate.core.trial import Note


@final
class Lessons:
    """Keeps the errors of predictions from one fit to the next, and the lessons nobody has asked for yet."""

    __slots__ = ("_errors", "_learned")

    def __init__(self) -> None:
        self._errors: dict[str, list[float]] = {}
        self._learned: list[Lesson] = []

    def compare(self, note: Note | None, values: Mapping[str, float]) -> None:
        """Takes note of what came back for a candidate, and of what was predicted when it was chosen."""
        predicted = {} if note is None else note.mean
        for name in predicted.keys() & values.keys():
            self._errors.setdefault(name, []).append(values[name] - predicted[name])

    def learn(self, model: int, known: int, best: Mapping[str, float]) -> None:
        """A fit takes hold: version ``model``, made from so many values."""
        error = {name: _root_mean_square(self._errors[name]) for name in sorted(self._errors)}
        self._errors = {}
        self._learned.append(Lesson(model, known, error, best))

    def take(self) -> Sequence[Lesson]:
        """Returns the lessons since it was last asked."""
        learned, self._learned = self._learned, []
        return learned


def _root_mean_square(errors: Sequence[float]) -> float:
    """The largest number where it is beyond."""
    return min(math.hypot(*errors) / math.sqrt(len(errors)), sys.float_info.max)
