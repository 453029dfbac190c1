"""A sum of terms as one function of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, final

import numpy as np

from cohobate.core.canonical import content_hash
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import BadOutput, CallFailed, UserError
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.parts import Made, Part
from cohobate.core.payload import Payload
from cohobate.fit.losses import Reduce, rooted
from cohobate.fit.term import Parameters, Term, evaluate
from cohobate.propose.scaling import Numbers


@final
@dataclass(frozen=True, slots=True)
class Leaf:
    """A term with its weight in the whole: the product of all weights above it."""

    term: Term
    weight: float


@final
class CombinedObjective:
    """Terms, or objectives of terms, added up: ``objective(params)`` is the loss.

    ``weights`` multiply the losses of what it holds (1 by default). ``reduce`` adds them up (``"sum"``), takes their
    ``"mean"``, the root of that, or is a function of the list of losses.
    """

    def __init__(
        self,
        terms: Sequence[Term | CombinedObjective],
        weights: Sequence[float] | None = None,
        *,
        reduce: Reduce = "sum",
        name: str = "",
    ) -> None:
        self.terms = tuple(terms)
        self.weights = (1.0,) * len(self.terms) if weights is None else tuple(weights)
        self.reduce = reduce
        self.name = name
        self.leaves = tuple(self._leaves())
        if not self.leaves:
            raise UserError("CombinedObjective needs at least one term, got none")

    @property
    def refusal(self) -> str | None:
        """Why there are no residuals, in one line; ``None`` where there are."""
        return None

    def _leaves(self) -> list[Leaf]:
        found: list[Leaf] = []
        for one, weight in zip(self.terms, self.weights, strict=True):
            inner = one.leaves if isinstance(one, CombinedObjective) else (Leaf(one, one.weight),)
            found += [Leaf(leaf.term, weight * leaf.weight) for leaf in inner]
        return found

    def __call__(self, params: Parameters) -> float:
        """Returns the loss at nested ``params``; every term is called here, one after the other."""
        outcome = run(self, params)
        if isinstance(outcome, Value):
            return float(outcome.outputs["loss"])
        raise CallFailed(getattr(outcome, "message", str(outcome)))

    def parts(self, inputs: Parameters) -> Sequence[Part]:
        """Returns the calls of all terms at nested parameters."""
        return [_part(leaf.term, inputs) for leaf in self.leaves]

    def judge(self, inputs: Parameters, bound: float | None = None) -> Gathering:
        """Returns what makes an outcome of the quantities as they come in."""
        return Gathering(self, bound)

    def recall(self, inputs: Parameters, outputs: Mapping[str, Any]) -> Mapping[str, Payload]:
        """Returns the recorded quantities of each term."""
        return {name: told["quantities"] for name, told in outputs.get("terms", {}).items()}

    def identity(self) -> str:
        """Returns what tells it from another objective: the terms, their targets and weights."""
        return content_hash([[leaf.term.name, leaf.term.identity(), leaf.weight] for leaf in self.leaves])


@final
class Gathering:
    """Gathers the terms of one evaluation; a term that fails decides it at once."""

    __slots__ = ("_bound", "_made", "_objective")

    def __init__(self, objective: CombinedObjective, bound: float | None) -> None:
        self._objective, self._bound = objective, bound
        self._made: dict[str, Made] = {}

    def take(self, name: str, made: Made) -> Outcome | None:
        """Takes in what a term gave."""
        match made.outcome:
            case Failure(kind, message, traceback, attempt):
                return Failure(kind, f"term {name!r}: {message}", traceback, attempt)
            case Value():
                self._made[name] = made
            case cancelled:
                return cancelled
        if len(self._made) < len(self._objective.leaves):
            return None
        match capture(whole, self._objective, self._made):
            case Returned(outputs):
                return Value(outputs)
            case Raised(BadOutput() as error):
                return Failure("bad_output", str(error))
            case Raised(_, message, traceback):
                return Failure("raised", message, traceback)


def whole(objective: CombinedObjective, made: Mapping[str, Made]) -> dict[str, Any]:
    """Returns the outputs of an evaluation: loss, residuals (m,) whose squares sum up to it, and each term."""
    residuals: list[Numbers] = []
    terms: dict[str, Any] = {}
    for leaf in objective.leaves:
        term, one = leaf.term, made[leaf.term.name]
        assert isinstance(one.outcome, Value)
        quantities = one.outcome.outputs["value"]
        own = term.residuals(quantities) if term.target is not None else np.empty(0)
        counted = sqrt(leaf.weight) * rooted(term.loss, own, quantities, term.name)
        residuals.append(counted)
        terms[term.name] = {"loss": float(counted @ counted), "quantities": quantities, "seconds": one.seconds}
    every = np.concatenate(residuals)
    return {"loss": float(every @ every), "residuals": every, "terms": terms}


def run(objective: CombinedObjective, params: Parameters) -> Outcome:
    """Evaluates an objective in this thread, term by term."""
    judge = objective.judge(params)
    for part in objective.parts(params):
        ended = capture(part.fn, *part.args)
        outcome: Outcome = (
            Value({"value": ended.value})
            if isinstance(ended, Returned)
            else Failure("raised", ended.message, ended.traceback)
        )
        decided = judge.take(part.name, Made(outcome))
        if decided is not None:
            return decided
    raise AssertionError("the last term decides")


def _part(term: Term, params: Parameters) -> Part:
    whole_mapping, arguments = term.arguments(params)
    key = content_hash([term.identity(), arguments]) if term.deterministic else ""
    args = (term.quantity, whole_mapping, arguments, dict(term.inputs))
    return Part(term.name, evaluate, args, key, term.deadline, term.needs)
