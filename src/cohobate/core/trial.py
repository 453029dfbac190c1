"""One candidate on its way through the loop, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cohobate.core.outcome import Outcome, Value
from cohobate.core.payload import Payload

Inputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What a generator knew of a candidate when it chose it: for people, not for simulators.

    ``why`` names the way of choosing, ``model`` is the number of fits before it (``None`` without a
    model); ``mean`` and ``std`` are predictions of outputs in their own signs and units, without
    noise; ``score`` is the acquisition's.
    """

    why: str = ""
    model: int | None = None
    mean: Mapping[str, float] = field(default_factory=dict)
    std: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None

    def told(self) -> dict[str, Any]:
        """Returns what is in it, without what is at its default."""
        every = {"why": self.why, "model": self.model, "mean": self.mean, "std": self.std, "score": self.score}
        return {name: value for name, value in every.items() if value is not None and value not in ("", {})}


@dataclass(frozen=True, slots=True)
class Trial:
    """A proposed candidate; ``id`` counts proposals from 0 in the order they were recorded.

    Higher ``priority`` starts first; ``needs`` names what an attempt occupies, such as ``{"cores": 2}``.
    ``given`` are its outputs where they were known when it was proposed: it is not run then. Beyond
    ``bound`` its first objective is of no use, and a ``Composite`` need not be evaluated to its end.
    """

    id: int
    inputs: Inputs
    generator: str = "main"
    note: Note | None = None
    priority: float = 0.0
    needs: Mapping[str, float] = field(default_factory=dict)
    given: Mapping[str, Any] | None = None
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A trial and its final outcome, as generators take it in."""

    trial: Trial
    outcome: Outcome

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return isinstance(self.outcome, Value)

    def __getitem__(self, output: str) -> Payload:
        """The named output of a trial that has a value; ``KeyError`` otherwise."""
        match self.outcome:
            case Value(outputs):
                return outputs[output]
            case other:
                raise KeyError(f"trial {self.trial.id} has no {output!r}: {other}")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What one attempt reported from where it ran.

    ``started`` is wall-clock time (s since the epoch), ``seconds`` the time it took; ``flagged``
    tells whether ``cancelled()`` had become true (a cancel, or the deadline) when it returned.
    """

    outcome: Outcome
    started: float
    seconds: float
    worker: str = ""
    flagged: bool = False

    def __reduce__(self) -> tuple[type[Evaluated], tuple[Outcome, float, float, str, bool]]:
        """Pickles as a call, like ``Value``."""
        return Evaluated, (self.outcome, self.started, self.seconds, self.worker, self.flagged)
