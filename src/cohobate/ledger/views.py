"""What people ask of a ledger: a table, the best, the failures, the rates."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, final

import numpy as np

from cohobate.core.errors import Damaged, UserError, did_you_mean
from cohobate.core.events import Declared, Event, Finished, Learned, Opened, Returned
from cohobate.core.front import nondominated
from cohobate.core.outcome import Failure, Value
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.ledger.rows import Row, Rows
from cohobate.ledger.tally import Tally, admissible, is_full

EXAMPLES = 3
"""Trials named of each group of failures."""
WINDOW = 60.0
"""Seconds over which the present rate is taken."""


class Readable(Protocol):
    """A ``Ledger`` or a ``Reader``."""

    def read(self, since: int = 0, *, fetched: bool = True) -> Iterator[tuple[int, Event]]: ...


@dataclass(frozen=True, slots=True)
class Rates:
    """Evaluations per minute: over the last seconds, and over the time that drivers were alive."""

    recent: float
    overall: float


@final
@dataclass(slots=True)
class Follow:
    """The views of a ledger, brought up to date by ``update`` at the cost of what is new.

    Large contents stay where they are: a blob shows as ``Kept``. ``opened`` is when each session
    began (s since the epoch), ``declared`` what the campaign was last declared to be.
    """

    ledger: Readable
    rows: Rows = field(default_factory=Rows)
    tally: Tally = field(default_factory=Tally)
    seen: int = 0
    opened: list[float] = field(default_factory=list)
    declared: Mapping[str, Any] = field(default_factory=dict)
    _ranked: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    _ended: list[float] = field(default_factory=list)
    _failed: list[tuple[int, Failure]] = field(default_factory=list)
    _lessons: dict[tuple[str, int], Learned] = field(default_factory=dict)

    def update(self) -> int:
        """Takes in the events recorded since the last call, and returns how many there were."""
        before = self.seen
        try:
            for seq, event in self.ledger.read(before, fetched=False):
                self.seen = seq
                self.rows.fold(event)
                self.tally.fold(event)
                match event:
                    case Finished():
                        self._finish(event)
                    case Learned():
                        self._lessons[event.generator, event.model] = event
                    case Opened(at=at):
                        self.opened.append(at)
                    case Declared(campaign):
                        self.declared = campaign
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise Damaged(f"event {self.seen} contradicts what was recorded before it ({why})") from error
        return self.seen - before

    def table(self) -> list[dict[str, Any]]:
        """Returns one row for each trial, in the order they were proposed; see ``Rows.table``."""
        return self.rows.table()

    def best(self, n: int = 1, output: str | None = None) -> list[dict[str, Any]]:
        """Returns the ``n`` best rows by an objective (default: the first), best first.

        Raises ``UserError`` for an output that is neither minimized nor maximized.
        """
        name = self._objective(output)
        if name not in self._ranked:
            ranks = ((self._rank(name, row), trial) for trial, row in self.rows.by_trial.items())
            self._ranked[name] = sorted((rank, trial) for rank, trial in ranks if rank is not None)
        naming = self.rows.naming()
        return [naming.cells(self.rows.by_trial[trial]) for _, trial in self._ranked[name][: max(0, n)]]

    @property
    def lessons(self) -> list[Learned]:
        """Every fit of a model, in order; one that was made again after a crash is the later one."""
        return list(self._lessons.values())

    def front(self) -> list[dict[str, Any]]:
        """Returns the rows that no other beats in every objective, best by the first objective first.

        Rows that break a constraint, or lack the number of an objective, are left out.
        """
        names = list(self.tally.goals)
        ranks = {trial: [self._rank(name, row) for name in names] for trial, row in self.rows.by_trial.items()}
        known = {trial: rank for trial, rank in ranks.items() if rank and None not in rank}
        if not known:
            return []
        trials, values = list(known), np.array(list(known.values()), dtype=float)
        first = sorted((values[i, 0], trials[i]) for i in np.flatnonzero(nondominated(-values)).tolist())
        naming = self.rows.naming()
        return [naming.cells(self.rows.by_trial[trial]) for _, trial in first]

    def failures(self) -> list[dict[str, Any]]:
        """Returns the final failures grouped by kind and message, most frequent first.

        Each group has ``kind``, ``message``, ``count``, up to three ``trials``, and the ``traceback``
        of the first.
        """
        groups: dict[tuple[str, str], dict[str, Any]] = {}
        for trial, failure in self._failed:
            group = groups.setdefault((failure.kind, failure.message), _group(failure))
            group["count"] += 1
            if len(group["trials"]) < EXAMPLES:
                group["trials"].append(trial)
        return sorted(groups.values(), key=lambda group: -int(group["count"]))

    def rates(self, *, now: float | None = None, window: float = WINDOW) -> Rates:
        """Returns how fast evaluations end; ``now`` (s since the epoch) is by default the last event's time."""
        end = self.tally.last if now is None else now
        recent = len(self._ended) - bisect_left(self._ended, end - window)
        span = min(window, max(end - self.tally.opened, 1e-9))
        overall = self.tally.counted / self.tally.seconds if self.tally.seconds else 0.0
        return Rates(60.0 * recent / span, 60.0 * overall)

    def _finish(self, event: Finished) -> None:
        if event.attempt > 0 and not event.cached:
            insort(self._ended, event.at)
        if isinstance(event.outcome, Failure):
            self._failed.append((event.trial, event.outcome))
        elif isinstance(event.outcome, Value):
            for name, ranked in self._ranked.items():
                if (rank := self._rank(name, self.rows.by_trial[event.trial])) is not None:
                    insort(ranked, (rank, event.trial))

    def admissible(self, row: Row) -> bool:
        """Whether a row may be the best: it keeps to the constraints, at the full level of the fidelity."""
        return is_full(row.trial.inputs, self.tally.level) and admissible(row.outputs, self.tally.limits)

    def _rank(self, name: str, row: Row) -> float | None:
        """Returns an output as the lower the better; ``None`` where it is no number, or NaN."""
        value = row.outputs.get(name)
        if not isinstance(value, float | int) or value != value or not self.admissible(row):
            return None
        return -value if self.tally.goals[name] == "maximize" else value

    def _objective(self, output: str | None) -> str:
        goals = self.tally.goals
        name = next(iter(goals), None) if output is None else output
        if name not in goals:
            asked = "a best row was asked for" if name is None else f"{name!r} is neither minimized nor maximized"
            raise UserError(f"{asked}; the objectives are {list(goals)}{did_you_mean(str(name), goals)}")
        return str(name)


def follow(ledger: Readable) -> Follow:
    """Returns the views of everything recorded so far."""
    views = Follow(ledger)
    views.update()
    return views


def table(ledger: Readable) -> list[dict[str, Any]]:
    """Returns one row for each trial, in the order they were proposed; see ``Rows.table``."""
    return follow(ledger).table()


def frame(ledger: Readable) -> Payload:
    """Returns the table as a pandas ``DataFrame``; raises ``MissingExtra`` without pandas."""
    pandas = require("pandas", extra="tables")
    views = follow(ledger)
    return pandas.DataFrame(views.table(), columns=views.rows.naming().columns)


def best(ledger: Readable, n: int = 1, output: str | None = None) -> list[dict[str, Any]]:
    """Returns the ``n`` best rows by an objective (default: the first), best first."""
    return follow(ledger).best(n, output)


def failures(ledger: Readable) -> list[Mapping[str, Any]]:
    """Returns the final failures grouped by kind and message, most frequent first; see ``Follow.failures``."""
    return list(follow(ledger).failures())


def returned(ends: Iterable[Returned]) -> dict[str, Payload]:
    """Returns what each body returned last, by name, in that order.

    One that had returned, and was told to come to its end when it ran again, may have nothing to add.
    """
    found: dict[str, Payload] = {}
    for end in ends:
        before, value = found.pop(end.generator, None), end.value["value"]
        found[end.generator] = before if end.closing and value is None else value
    return found


def rates(ledger: Readable, *, now: float | None = None, window: float = WINDOW) -> Rates:
    """Returns evaluations per minute, over the last ``window`` seconds and overall."""
    return follow(ledger).rates(now=now, window=window)


def _group(failure: Failure) -> dict[str, Any]:
    return {
        "kind": failure.kind,
        "message": failure.message,
        "count": 0,
        "trials": [],
        "traceback": failure.traceback,
    }
