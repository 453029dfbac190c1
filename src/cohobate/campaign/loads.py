"""Loads: attempts that go to an engine together, as one task, because each is too short to be worth one.

What a load brings back are the reports of the attempts that it came to. Whatever else happened to it
(its worker died, it was stopped) is nobody's fault: its attempts are made again, each alone, and what
is to blame for it is then found out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, final

from cohobate.campaign.moves import Ended, Halt, Performed
from cohobate.core.protocols import Engine, Kills
from cohobate.core.trial import Evaluated, Inputs, Trial

TARGET: Final = 0.002
"""Seconds that a load is to take; longer than handing it over, short enough that nobody waits for its results."""
LATEST: Final = 4 * TARGET
"""Seconds after which a load comes back with what it has."""
MOST: Final = 32
"""Attempts of a load; two loads for each worker are about what engines take ahead of such short tasks, too."""
OVERDUE: Final = 5.0
"""Seconds after which a load that has not come back is stopped: it holds results that somebody may wait for."""
SHORTEST: Final = 10 * LATEST
"""Deadlines (s) below this leave no room for the others of a load."""

Evaluate = Callable[[int, int, Inputs], Any]
Several = Callable[..., Sequence[Evaluated]]
"""Called with attempts (trial, attempt, inputs); returns the reports of the first of them, or of all."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is called for each attempt, how long (s) it may take, what it gets after that, and what it occupies.

    ``several`` is called for attempts that go together, where they can; ``batch`` says how many it
    takes at once, should it be one call of the simulator.
    """

    evaluate: Evaluate
    deadline: float | None
    grace: float
    needs: Mapping[str, float] = field(default_factory=dict)
    several: Several | None = None
    batch: int | None = None


@dataclass(slots=True, eq=False)
class Load:
    """Attempts at an engine as one task; ``due`` is when (s, monotonic) it is to be back at the latest."""

    attempts: tuple[tuple[Trial, int], ...]
    submitted: float
    due: float
    future: Future[Sequence[Evaluated]]
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Back:
    """A load has come back. Not for the scheduler: the hands, who know what is in it, see what became of each."""

    load: Any


Post = Callable[[Ended | Halt | Performed | Back], None]


@final
@dataclass(frozen=True, slots=True)
class InTurn:
    """Makes attempts one after the other, each just as if it had come alone."""

    evaluate: Callable[[int, int, Inputs], Evaluated]

    def __call__(self, *attempts: tuple[int, int, Inputs]) -> tuple[Evaluated, ...]:
        """Returns the reports of the first attempts: of all, unless it takes too long, or is asked to stop."""
        latest, process = time.monotonic() + LATEST, os.getpid()
        reports: list[Evaluated] = []
        for attempt in attempts:
            reports.append(report := self.evaluate(*attempt))
            # In another process? The simulator forked and came back twice; whoever called sees to it.
            if report.flagged or time.monotonic() > latest or os.getpid() != process:
                break
        return tuple(reports)


class Size(Protocol):
    """How many attempts go together, and how many loads a worker is given."""

    @property
    def ahead(self) -> int: ...

    def now(self) -> int: ...

    def heed(self, seconds: float) -> None:
        """Takes in how long (s) an attempt took, on average where it was one of several."""
        ...


@final
class Paced:
    """As many as take ``TARGET`` at the pace of the latest ones; one, before any are known."""

    ahead = 2
    __slots__ = ("_mean",)

    def __init__(self) -> None:
        self._mean = TARGET

    def now(self) -> int:
        """Returns how many."""
        return min(MOST, int(TARGET / self._mean) or 1)

    def heed(self, seconds: float) -> None:
        """Takes in how long an attempt took."""
        self._mean += 0.1 * (max(seconds, 1e-6) - self._mean)


@final
@dataclass(frozen=True, slots=True)
class Full:
    """As many as one call of a vectorised simulator takes; the next call is made of what that has taught."""

    batch: int
    ahead = 1

    def now(self) -> int:
        """Returns how many."""
        return self.batch

    def heed(self, seconds: float) -> None:
        """Nothing follows from it."""


def size_of(engine: Engine, terms: Terms) -> Size | None:
    """Returns how many attempts go together to an engine; ``None`` where each goes alone.

    Only where what hangs can be killed: the others of its load could not be had from it otherwise.
    """
    if terms.several is None:
        return None
    if terms.batch is not None:
        return Full(terms.batch)
    hurried = terms.deadline is not None and terms.deadline < SHORTEST
    return Paced() if isinstance(engine, Kills) and engine.kills and not (terms.needs or hurried) else None
