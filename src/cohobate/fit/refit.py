"""Fits again beside a fit: with parameters held, or to data that were drawn again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cohobate.campaign.handle import Handle
from cohobate.core.canonical import content_hash
from cohobate.core.errors import GeneratorError
from cohobate.core.outcome import Outcome, Value
from cohobate.core.parts import Judge, Made, Part
from cohobate.core.payload import Payload
from cohobate.core.trial import Inputs
from cohobate.fit.candidates import Candidates
from cohobate.fit.place import simulator_of
from cohobate.fit.record import Candidate, record_of
from cohobate.fit.setup import Setup, identity_of
from cohobate.propose.scaling import Numbers
from cohobate.simulate.function import Simulator


@final
@dataclass(frozen=True)
class Redrawn:
    """An objective whose residuals r become ``scale * r + shift``: the same quantities, other data."""

    candidates: Candidates
    scale: Numbers
    shift: Numbers

    def __call__(self, **inputs: float) -> dict[str, Any]:
        """Evaluates a candidate here, term by term."""
        return self.other(self.candidates(**inputs))

    def parts(self, inputs: Inputs) -> Sequence[Part]:
        """Returns the calls of all terms."""
        return self.candidates.parts(inputs)

    def judge(self, inputs: Inputs, bound: float | None = None) -> Judge:
        """Returns what makes an outcome of the terms; never early, as the bound is of another loss."""
        return Redrawing(self, self.candidates.judge(inputs))

    def recall(self, inputs: Inputs, outputs: Mapping[str, Any]) -> Mapping[str, Payload]:
        """Returns what each term gave."""
        return self.candidates.recall(inputs, outputs)

    def other(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns outputs with the other residuals, and their loss."""
        residuals = self.scale * np.asarray(outputs["residuals"], dtype=float) + self.shift
        slopes = {"jacobian": self.scale[:, None] * outputs["jacobian"]} if "jacobian" in outputs else {}
        return {**outputs, "residuals": residuals, "loss": float(residuals @ residuals), **slopes}

    def identity(self) -> str:
        """Returns what tells it from the objective and from other draws."""
        return content_hash([identity_of(self.candidates), self.scale.tolist(), self.shift.tolist()])


@final
@dataclass(frozen=True, slots=True)
class Redrawing:
    """Follows the terms of one evaluation, and changes its end."""

    redrawn: Redrawn
    judge: Judge

    def take(self, name: str, made: Made) -> Outcome | None:
        """Takes in what a term gave."""
        outcome = self.judge.take(name, made)
        return Value(self.redrawn.other(outcome.outputs)) if isinstance(outcome, Value) else outcome


def redrawn(setup: Setup, scale: Numbers, shift: Numbers) -> Simulator:
    """Returns the objective of a fit with other residuals as a simulator."""
    other = Redrawn(setup.candidates, scale, shift)
    return simulator_of(other, other.identity())


def refitting(setup: Setup) -> Setup:
    """Returns a fit as ``refits`` makes it anew: with the derivatives of the terms where there are some."""
    return setup.deriving("least_squares", {})[0]


def refits(setup: Setup, simulators: Iterable[Simulator], what: str, asked: Payload) -> Iterator[Candidate | None]:
    """Returns the best candidates of other fits by least squares, in their order; ``None`` where none has a loss.

    ``setup`` is one of ``refitting``.

    As many fits run at once as the engine has room for, each by itself. Stopping early cancels what runs.
    """
    running: deque[Handle] = deque()
    room, slopes = setup.place.room, {"jac": setup.derived} if setup.derived else {}
    try:
        for simulator in simulators:
            if len(running) == room:
                yield _best(running.popleft())
            place = setup.place.beside(what, [asked, simulator.version])
            running.append(place.campaign(setup.generator("least_squares", slopes), simulator).start())
        while running:
            yield _best(running.popleft())
    finally:
        for handle in running:
            handle.cancel(grace=0.0, reason="its result is not wanted any more")


def _best(handle: Handle) -> Candidate | None:
    try:
        found = record_of(handle.result()).best(1)
    except GeneratorError:  # nothing that it asked for gave a value
        return None
    return found[0] if found else None
