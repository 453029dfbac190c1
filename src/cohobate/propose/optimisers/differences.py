"""Slopes by finite differences: where to evaluate, and what to do where an evaluation fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, final

import numpy as np

from cohobate.propose.scaling import Numbers

EPSILON: Final = float(np.finfo(float).eps)
SMALLER: Final = 0.1
"""Share of the step that is tried where both directions failed."""
ATTEMPTS: Final = 4
"""Forwards, backwards, and both again with a smaller step."""


@final
@dataclass(frozen=True, slots=True)
class Probe:
    """A point off another by ``offset`` in one coordinate."""

    column: int
    offset: float


@final
@dataclass(frozen=True, slots=True)
class Differences:
    """How steps are chosen: relative to ``scale`` (d,), for a relative ``noise`` of the residuals.

    The step that errs least is noise^(1/2) for one-sided and noise^(1/3) for central differences.
    """

    lo: Numbers
    hi: Numbers
    scale: Numbers
    noise: float = EPSILON

    def probes(self, x: Numbers, columns: Sequence[int], attempt: int, *, central: bool) -> list[Probe]:
        """Returns the points of an attempt at columns: one for each, two where ``central``."""
        found: list[Probe] = []
        for column in columns:
            forwards, backwards = self._offsets(x, column, central=central)
            shrunk = SMALLER if attempt > 1 else 1.0
            found += [Probe(column, shrunk * one) for one in _chosen(forwards, backwards, attempt, central=central)]
        return found

    def _offsets(self, x: Numbers, column: int, *, central: bool) -> tuple[float, float]:
        """The preferred offset and the other one; both on the same side where a bound is in the way."""
        at = float(x[column])
        size = self.noise ** (1 / 3 if central else 1 / 2) * max(abs(at), float(self.scale[column]))
        size = (at + size) - at or size
        above, below = float(self.hi[column]) - at, at - float(self.lo[column])
        if min(above, below) >= size:
            return (size, -size) if at >= 0 else (-size, size)
        room, sign = max((above, 1.0), (below, -1.0))
        return sign * min(size, room / 2), sign * min(2 * size, room)


def _chosen(forwards: float, backwards: float, attempt: int, *, central: bool) -> tuple[float, ...]:
    if central and attempt % 2 == 0:
        return (forwards, backwards)
    return (forwards,) if attempt % 2 == 0 else (backwards,)


@final
@dataclass(frozen=True, slots=True)
class Columns:
    """The columns known of a Jacobian, which are missing, and what was probed of those."""

    missing: tuple[int, ...]
    attempt: int = 0
    known: Mapping[int, Numbers] = field(default_factory=dict)

    def take(self, residuals: Numbers, probed: Sequence[tuple[Probe, Numbers | None]]) -> Columns:
        """Takes in the values at probes; what has none is left for the next attempt."""
        points: dict[int, list[tuple[float, Numbers]]] = {}
        for probe, value in probed:
            if value is not None:
                points.setdefault(probe.column, []).append((probe.offset, value))
        known = {**self.known, **{column: slope(residuals, found) for column, found in points.items()}}
        return replace(self, known=known, attempt=self.attempt + 1, missing=tuple(set(self.missing) - set(known)))

    @property
    def over(self) -> bool:
        """Whether nothing is left to try."""
        return not self.missing or self.attempt >= ATTEMPTS


def slope(residuals: Numbers, points: Sequence[tuple[float, Numbers]]) -> Numbers:
    """Returns the derivative at 0 of what goes through the residuals there and at one or two offsets: (m,)."""
    (a, at_a), *others = points
    first: Numbers = (at_a - residuals) / a
    if not others:
        return first
    b, at_b = others[0]
    second: Numbers = (at_b - residuals) / b
    return (first * b - second * a) / (b - a)
