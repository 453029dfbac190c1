"""What a body can say, and the answers that are no values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cohobate.core.outcome import Outcome
from cohobate.core.payload import Payload
from cohobate.core.protocols import Row
from cohobate.core.task import Task
from cohobate.core.trial import Inputs, Trial


@dataclass(frozen=True, slots=True)
class Suggesting:
    """A body hands in rows, which are admissible; answered with their trials."""

    rows: tuple[Row, ...]
    priority: float = 0.0
    needs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receiving:
    """A body wants results; answered with them once there are ``at_least`` so many, or ``timeout`` (s) is over."""

    at_least: int = 1
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Cancelling:
    """A body wants trials of its own stopped; answered with nothing."""

    trials: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Revising:
    """A body changes a trial of its own: variables, terms, columns; answered with whether what runs was changed.

    ``inputs`` are the variables to change, ``known`` all of them as the body knows them, if it does.
    """

    trial: int
    inputs: Inputs
    columns: Mapping[str, Any]
    priority: float | None = None
    needs: Mapping[str, float] | None = None
    known: Inputs | None = None

    def asked(self) -> dict[str, Any]:
        """Returns all of it as plain data, to be compared with when it is said again."""
        terms = {"priority": self.priority, "needs": None if self.needs is None else dict(self.needs)}
        return {"inputs": dict(self.inputs), "columns": dict(self.columns), **terms}

    def applied_to(self, trial: Trial) -> Trial:
        """Returns a trial as it is wanted."""
        return replace(
            trial,
            inputs={**trial.inputs, **self.inputs},
            priority=trial.priority if self.priority is None else self.priority,
            needs=trial.needs if self.needs is None else self.needs,
        )


@dataclass(frozen=True, slots=True)
class Knowing:
    """A body asks for the recorded end of its ``call``-th call; answered with that, or nothing."""

    call: int


@dataclass(frozen=True, slots=True)
class Computing:
    """A body has made a call itself; answered with its outcome once that is recorded."""

    call: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Calling:
    """A body wants a call made at the engine; answered at once with nothing."""

    call: int
    task: Task


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A body wants the outcome of a call; with ``wait`` false answered at once, with nothing if there is none yet."""

    call: int
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Ending:
    """A body has returned; ``Closed`` out of its last call counts as returning nothing."""

    value: Payload = None


Request = Suggesting | Receiving | Cancelling | Revising | Knowing | Computing | Calling | Awaiting | Ending


@dataclass(frozen=True, slots=True)
class Over:
    """The answer that nothing more can come."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a call that makes no sense."""

    why: str
