"""The trials of a campaign as rows, kept up to date event by event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from cohobate.core.events import AttemptFailed, CancelAsked, Event, Finished, Proposed, Revised, Started
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.pool import Pool
from cohobate.core.trial import Inputs, Note, Trial
from cohobate.ledger.resume import revised

FACTS: Final = (
    "status",
    "message",
    "generator",
    "attempts",
    "started",
    "finished",
    "seconds",
    "worker",
    "cancel_requested",
    "deadline_passed",
    "harvested",
    "cached",
    "traceback",
)
"""The columns that follow the inputs and outputs; times are wall-clock (s since the epoch)."""
FLAGS = frozenset({"cancel_requested", "deadline_passed", "harvested", "cached"})
"""Those of them that are off of nearly every trial, which then goes without saying."""


@dataclass(slots=True)
class Row:
    """What is known of one trial; ``proposed`` is wall-clock time (s since the epoch), 0 where it was not recorded.

    ``earlier`` are the attempts that failed and were followed by another, ``revised`` columns that the
    generator set, by what they are called.

    ``status`` is ``proposed``, ``running``, ``waiting`` (for another attempt), ``done``,
    ``cancelled`` or the kind of its final failure.
    """

    trial: Trial
    proposed: float = 0.0
    status: str = "proposed"
    attempts: int = 0
    started: float | None = None
    final: Finished | None = None
    cancel_requested: bool = False
    earlier: tuple[AttemptFailed, ...] = ()
    revised: dict[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs by name; none without a value."""
        outcome = self.final.outcome if self.final else None
        return outcome.outputs if isinstance(outcome, Value) else {}

    def facts(self) -> tuple[object, ...]:
        """Returns the columns of ``FACTS``."""
        known = (self.trial.generator, self.attempts)
        final = self.final
        if final is None:
            unknown = (None, None, "", self.cancel_requested, False, False, False, "")
            return (self.status, "", *known, self.started, *unknown)
        message, traceback = _words(final)
        started = final.started or self.started
        flags = (final.cancel_requested or self.cancel_requested, final.deadline_passed, final.harvested, final.cached)
        return (self.status, message, *known, started, final.at, final.seconds, final.worker, *flags, traceback)


@final
@dataclass(slots=True)
class Rows:
    """The rows by trial, in the order they were proposed; ``fold`` costs the same whatever their number.

    ``pool`` is where candidates have their labels, which no ledger holds; without it there are none.
    """

    by_trial: dict[int, Row] = field(default_factory=dict)
    inputs: dict[str, None] = field(default_factory=dict)
    outputs: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    revised: dict[str, None] = field(default_factory=dict)
    pool: Pool | None = None

    def fold(self, event: Event) -> None:
        """Takes in one event."""
        match event:
            case Finished():
                self._finish(event)
            case Started(trial=trial, attempt=attempt, at=at):
                row = self.by_trial[trial]
                row.status, row.attempts, row.started = "running", attempt, at
            case Proposed(trials=trials, at=at):
                for one in trials:
                    self._propose(one, at)
            case AttemptFailed(trial=trial):
                row = self.by_trial[trial]
                row.status, row.earlier = "waiting", (*row.earlier, event)
            case CancelAsked() | Revised():
                self._steered(event)

    def table(self) -> list[dict[str, Any]]:
        """Returns every row with all columns; ``None`` where there is nothing.

        ``id``, the inputs, the outputs and what generators set, under their own names, then ``FACTS``, then,
        where they are known of any row, ``why``, ``model``, ``score``, ``predicted.output`` and ``std.output`` of its
        choice, and ``proposed``, its time. A name that would stand for two columns becomes
        ``inputs.name`` and ``outputs.name``.
        """
        naming = self.naming()
        return [naming.cells(row) for row in self.by_trial.values()]

    def naming(self) -> Naming:
        """Returns what each input and output is called in the table."""
        taken = {"id", *FACTS, *self.notes}
        inputs = {name: _named("inputs", name, taken | self.outputs.keys()) for name in self.inputs}
        outputs = {name: _named("outputs", name, taken | self.inputs.keys()) for name in self.outputs}
        taken |= {*inputs.values(), *outputs.values()}
        labels = {name: _named("label", name, taken) for name in (self.pool.labels if self.pool else ())}
        taken |= set(labels.values())
        columns = {name: _named("revised", name, taken) for name in self.revised}
        return Naming(inputs, outputs, tuple(sorted(self.notes)), labels, self.pool, columns)

    def _propose(self, trial: Trial, at: float) -> None:
        self.by_trial[trial.id] = Row(trial, at)
        self.inputs.update(dict.fromkeys(trial.inputs))
        if trial.note is not None:
            self.notes.update(dict.fromkeys(_noted(trial.note)))
        if at:
            self.notes["proposed"] = None

    def _steered(self, event: CancelAsked | Revised) -> None:
        if isinstance(event, CancelAsked):
            for trial in event.trials:
                self.by_trial[trial].cancel_requested = True
            return
        row = self.by_trial[event.trial]
        if event.applied:
            row.trial = revised(row.trial, event)
        late = {f"revised.{name}" if name in row.trial.inputs else name: event.columns[name] for name in event.columns}
        row.revised.update(late)
        self.revised.update(dict.fromkeys(late))

    def _finish(self, event: Finished) -> None:
        row = self.by_trial[event.trial]
        row.final = event
        match event.outcome:
            case Value(outputs):
                row.status = "done"
                self.outputs.update(dict.fromkeys(outputs))
            case Failure(kind=kind):
                row.status = kind
            case Cancelled():
                row.status = "cancelled"


@dataclass(frozen=True, slots=True)
class Naming:
    """The columns of a table: from the name of each input and output to what its column is called."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    notes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    pool: Pool | None = None
    revised: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """All columns, in order."""
        proposed = ("id", *self.inputs.values(), *self.labels.values())
        return [*proposed, *self.outputs.values(), *self.revised.values(), *FACTS, *self.notes]

    def cells(self, row: Row) -> dict[str, Any]:
        """Returns one row as a line of the table."""
        inputs, outputs = row.trial.inputs, row.outputs
        cells: dict[str, Any] = {"id": row.trial.id}
        cells.update((column, inputs.get(name)) for name, column in self.inputs.items())
        if self.labels:
            told = labels_of(inputs, self.pool)
            cells.update((column, told.get(name)) for name, column in self.labels.items())
        cells.update((column, outputs.get(name)) for name, column in self.outputs.items())
        cells.update((column, row.revised.get(name)) for name, column in self.revised.items())
        cells.update(zip(FACTS, row.facts(), strict=True))
        if self.notes:
            noted = {"proposed": row.proposed or None, **_noted(row.trial.note)}
            cells.update((column, noted.get(column)) for column in self.notes)
        return cells


def _noted(note: Note | None) -> dict[str, Any]:
    """Returns the columns of a note."""
    if note is None:
        return {}
    facts = {"why": note.why, "model": note.model, "score": note.score}
    predicted = {f"predicted.{name}": value for name, value in note.mean.items()}
    return {**facts, **predicted, **{f"std.{name}": value for name, value in note.std.items()}}


def labels_of(inputs: Inputs, pool: Pool | None) -> Mapping[str, str]:
    """Returns what a pool calls a candidate, nothing where it is none of its rows."""
    if pool is None:
        return {}
    row = {name: inputs[name] for name in pool.names if name in inputs}
    return pool.label(pool.index(row)) if row in pool else {}


def _named(kind: str, name: str, taken: set[str]) -> str:
    return f"{kind}.{name}" if name in taken else name


def _words(final: Finished) -> tuple[str, str]:
    match final.outcome:
        case Failure(message=message, traceback=traceback):
            return message, traceback
        case Cancelled(reason):
            return reason, ""
    return "", ""
