"""What the parts of the loop promise each other: generators propose, engines run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from cohobate.core.capture import Raised, Returned
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.core.task import Task
from cohobate.core.trial import Inputs, Note, Result


@dataclass(frozen=True, slots=True)
class Unfit:
    """A candidate that is known to be inadmissible: recorded as ``rejected``, never run."""

    inputs: Inputs
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """A candidate, what its generator knew of it when it chose it, and how it is to be run; see ``Trial``."""

    inputs: Inputs
    note: Note | None = None
    priority: float = 0.0
    needs: Mapping[str, float] = field(default_factory=dict)
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A candidate whose outputs are known already: recorded with them, never run, and no evaluation."""

    inputs: Inputs
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing to propose until more results are in."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Nothing to propose any more."""

    reason: str = ""


Row = Inputs | Chosen | Unfit | Known
Rows = Sequence[Row]
Answer = Rows | Later | Exhausted


def inputs_of(row: Row) -> Inputs:
    """Returns the inputs of a row of an answer."""
    if type(row) is dict:  # by far the most
        return row
    return row.inputs if isinstance(row, Chosen | Unfit | Known) else row


@dataclass(frozen=True, slots=True)
class Lesson:
    """One fit of a model: its version, counted from 1, and how many results it was made from.

    ``error`` is measured on what the model had not seen: the root mean square of result less
    prediction when chosen, over the results since the fit before, by output (none where there are
    none); ``best`` is the best value known.
    """

    model: int
    known: int
    error: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, float] = field(default_factory=dict)


class Generator(Protocol):
    """Chooses candidates and learns from their outcomes.

    Calls never overlap. ``suggest(n)`` returns 1 to ``n`` rows, ``Later`` or ``Exhausted``;
    ``ingest`` is given every final outcome once (failures and cancellations too), in groups whose
    order is recorded before, and must not modify them: they may still be on their way to the disk;
    ``finalize`` is called once, when the campaign stops.
    """

    def suggest(self, n: int) -> Answer: ...

    def ingest(self, results: Sequence[Result]) -> None: ...

    def finalize(self) -> None: ...


@runtime_checkable
class Posed(Protocol):
    """A generator that brings its problem along."""

    @property
    def problem(self) -> Problem: ...


@runtime_checkable
class Described(Protocol):
    """Something whose settings can be compared between a run and its resume."""

    def describe(self) -> Mapping[str, Any]:
        """Returns the settings as plain JSON data; equal data means the same behaviour."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """A generator whose choices are a function of (seed, what it proposed, what it was told).

    On resume it is given its recorded proposals by ``recall`` (one call for each recorded answer)
    and its recorded results by ``ingest``, in the recorded order, and then goes on as if it had
    never stopped.
    """

    def recall(self, rows: Rows) -> None: ...


@runtime_checkable
class Finite(Protocol):
    """A generator that says whether it comes to an end by itself."""

    @property
    def finite(self) -> bool: ...


@runtime_checkable
class Lossy(Protocol):
    """A generator that measures how much is left to learn; smaller is better."""

    def loss(self) -> float: ...


@runtime_checkable
class Honest(Protocol):
    """A generator that predicts each result before it comes, and remembers by how much it was wrong."""

    def error(self) -> float:
        """Returns the error to be expected of its next prediction; NaN while too few were made."""
        ...


@runtime_checkable
class Plots(Protocol):
    """A generator that draws what it knows."""

    def plot(self) -> Payload:
        """Returns a figure of matplotlib, which nothing changes afterwards."""
        ...


@runtime_checkable
class Learns(Protocol):
    """A generator that tells when it has learned: asked after each turn, recorded before its rows."""

    def lessons(self) -> Sequence[Lesson]:
        """Returns the fits made since it was last asked."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Where work runs. ``submit`` never blocks.

    The future's exception is what the task raised, or one of the ``EngineError`` family.
    """

    def submit(self, task: Task) -> Future[Any]: ...

    def room(self) -> int:
        """How many more tasks are wanted now to keep everything busy; may be negative."""
        ...

    def cancel(self, future: Future[Any]) -> None:
        """Asks for a task to be stopped: never runs if it has not started, else flag, grace, kill."""
        ...

    def close(self) -> None:
        """Stops everything that still runs, and waits until it is gone."""
        ...


@runtime_checkable
class Staffed(Protocol):
    """An engine that says how many tasks it runs at once, and what it cannot do."""

    @property
    def workers(self) -> int: ...

    def describe(self) -> str: ...


@runtime_checkable
class Kills(Staffed, Protocol):
    """An engine that says whether it can kill what does not stop."""

    @property
    def kills(self) -> bool: ...


@runtime_checkable
class Onward(Protocol):
    """An engine that takes what a task returns further: its future resolves with what became of that, by name.

    A value whose ``status`` is "cancelled" says how far it had come when it was stopped on request.
    """

    @property
    def onward(self) -> bool: ...

    def made_of(self) -> Mapping[str, Any]:
        """What it does, as plain data that differ where anything that decides upon an outcome does."""
        ...


@runtime_checkable
class Packs(Protocol):
    """An engine that counts resources: its tasks start when what they need (``Task.needs``) is free.

    A task that was submitted too early waits there in the order it came. Whoever would rather keep
    the choice submits only what ``core.needs.fits`` into ``free()``; ``core.needs.wrong_needs`` says
    why something never will. Both mappings are empty where nothing is counted.
    """

    def free(self) -> Mapping[str, float]:
        """What is free now beyond what waits there for it."""
        ...

    def has(self) -> Mapping[str, float]:
        """All there is; ``cores`` is how many tasks without needs run at once."""
        ...

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """Why such needs can never be met, in one line; ``None`` where they can."""
        ...


@runtime_checkable
class Cooperative(Engine, Protocol):
    """An engine that also runs calls in the thread of whoever drives it, and is then asked for nothing else."""

    def perform(self, fn: Callable[..., Any], args: tuple[Any, ...], deadline: float | None) -> Returned | Raised:
        """Calls ``fn(*args)`` here and now; ``cancelled()`` is true within it after ``deadline`` seconds."""
        ...
