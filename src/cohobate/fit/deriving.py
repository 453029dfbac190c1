"""The Jacobian of a candidate: the derivatives of its terms as further parts of its evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np

from cohobate.core.capture import Returned, capture
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.parts import Judge, Made
from cohobate.fit.calling import Params
from cohobate.fit.judging import failure_of
from cohobate.fit.objective import CombinedObjective
from cohobate.propose.scaling import Numbers


@final
class Deriving:
    """Follows terms and their derivatives; adds ``jacobian``, (m, d), to what the terms come to.

    ``slopes`` tells how fast each parameter grows with the free ones: (d,). A term that cannot tell its
    derivatives fails the candidate, unless it has failed itself and counts as worse than the worst.
    """

    def __init__(
        self, objective: CombinedObjective, params: Params, terms: Judge, slopes: Mapping[str, Numbers]
    ) -> None:
        self._objective, self._params, self._terms = objective, params, terms
        self._moving = {name: row for name, row in slopes.items() if np.any(row)}
        parts = objective.slope_parts(params)
        self._leaves = {part.name: leaf for part, leaf in zip(parts, objective.leaves, strict=True)}
        self._given: dict[str, Mapping[str, Any]] = {}
        self._failed: dict[str, Failure] = {}
        self._value: Value | None = None

    def take(self, name: str, made: Made) -> Outcome | None:
        """Takes in what a term gave, or its derivatives."""
        ended = self._derived(name, made.outcome) if name in self._leaves else self._term(name, made)
        if ended is not None:
            return ended
        every = len(self._given) + len(self._failed) == len(self._leaves)
        return self._whole(self._value) if every and self._value is not None else None

    def _term(self, name: str, made: Made) -> Outcome | None:
        outcome = self._terms.take(name, made)
        if not isinstance(outcome, Value):
            return outcome
        self._value = outcome
        return None

    def _derived(self, name: str, outcome: Outcome) -> Outcome | None:
        leaf = self._leaves[name]
        match outcome:
            case Value(outputs):
                self._given[name] = outputs["value"]
            case Failure(message=message):
                self._failed[name] = replace(outcome, message=f"jac of term {leaf.term.name!r}: {message}")
                return None if leaf.worst else self._failed[name]
            case Cancelled():
                return outcome
        return None

    def _whole(self, value: Value) -> Outcome:
        told: Mapping[str, Mapping[str, Any]] = value.outputs["terms"]
        quantities = {name: one["quantities"] for name, one in told.items() if "quantities" in one}
        for name, failure in self._failed.items():
            if self._leaves[name].term.name in quantities:
                return failure
        given = [self._given.get(name, {}) for name in self._leaves]
        match capture(self._jacobian, quantities, given):
            case Returned(jacobian):
                return Value({**value.outputs, "jacobian": jacobian})
            case raised:
                return failure_of(raised, "")

    def _jacobian(self, quantities: Mapping[str, Mapping[str, Any]], given: Sequence[Mapping[str, Any]]) -> Numbers:
        by_all = self._objective.slopes(self._params, quantities, given, list(self._moving))
        found: Numbers = by_all @ np.stack(list(self._moving.values()))
        return found
