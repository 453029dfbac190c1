"""What a campaign evaluates when it fits: the free parameters in, the loss and its terms out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn, final

import numpy as np

from cohobate.core.canonical import content_hash
from cohobate.core.errors import Rejected
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.parts import Judge, Made, Part
from cohobate.core.payload import Payload
from cohobate.core.problem import Output, Problem
from cohobate.core.trial import Inputs
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Parameters
from cohobate.propose.scaling import Numbers

REFUSED: Final = "parameters"
"""The part of a candidate whose parameters have no value: it says why, and no term is called."""
Penalties = Mapping[str, Numbers]


@final
@dataclass(frozen=True)
class Candidates:
    """An objective of the free parameters, by their dotted names: a simulator made of parts.

    Priors are counted here: their residuals come after those of the terms, ``outputs["priors"]`` shows
    each. A candidate whose tied parameters or priors have no value is rejected.
    """

    objective: CombinedObjective
    parameters: Parameters

    def __call__(self, **inputs: float) -> dict[str, Any]:
        """Evaluates a candidate here, term by term."""
        penalties = self.parameters.prior_residuals(inputs)
        found = Value(self.objective.evaluate(self.parameters.nested(inputs)).outputs())
        return dict(with_priors(found, penalties).outputs)

    def parts(self, inputs: Inputs) -> Sequence[Part]:
        """Returns the calls of all terms."""
        match self._settled(inputs):
            case str(why):
                return [Part(REFUSED, _refuse, (why,))]
            case nested, _:
                return self.objective.parts(nested)

    def judge(self, inputs: Inputs, bound: float | None = None) -> Judge:
        """Returns what makes an outcome of the terms; ``bound`` holds for the loss with its priors."""
        match self._settled(inputs):
            case str(why):
                return Refusal(why)
            case nested, penalties:
                left = None if bound is None else bound - loss_of(penalties)
                inner = self.objective.judge(nested, left)
                return Weighing(inner, penalties) if penalties else inner

    def recall(self, inputs: Inputs, outputs: Mapping[str, Any]) -> Mapping[str, Payload]:
        """Returns what each term gave."""
        return self.objective.recall(self.parameters.nested(inputs), outputs)

    @property
    def problem(self) -> Problem:
        """The free parameters, the loss to minimize, and the residuals where there are any."""
        return Problem(self.parameters.variables, (Output("loss", "minimize"), *self._residuals()))

    def identity(self) -> str:
        """Returns what a recorded loss belongs to: the objective, ties, priors and what is fixed."""
        return content_hash([self.objective.identity(), self.parameters.describe()])

    def _residuals(self) -> Sequence[Output]:
        return (Output("residuals", shape=None),) if self.objective.refusal is None else ()

    def _settled(self, inputs: Inputs) -> tuple[dict[str, Any], Penalties] | str:
        """Returns nested parameters and the residuals of priors, or why there are none."""
        try:
            return self.parameters.nested(inputs), self.parameters.prior_residuals(inputs)
        except Rejected as error:
            return str(error)


@final
@dataclass(frozen=True, slots=True)
class Weighing:
    """Adds priors to what the terms come to."""

    terms: Judge
    penalties: Penalties

    def take(self, name: str, made: Made) -> Outcome | None:
        """Takes in what a term gave."""
        outcome = self.terms.take(name, made)
        return with_priors(outcome, self.penalties) if isinstance(outcome, Value) else outcome


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """Rejects a candidate, whatever comes of it."""

    why: str

    def take(self, name: str, made: Made) -> Outcome | None:
        """Returns why it is rejected."""
        return Failure("rejected", self.why)


def with_priors(value: Value, penalties: Penalties) -> Value:
    """Returns the outcome of an objective with its priors: they add to the loss, and follow its residuals."""
    if not penalties:
        return value
    outputs = dict(value.outputs)
    outputs["loss"] = outputs["loss"] + loss_of(penalties)
    if "residuals" in outputs:
        outputs["residuals"] = np.concatenate([outputs["residuals"], *penalties.values()])
    outputs["priors"] = {name: {"loss": float(r @ r), "residuals": r} for name, r in penalties.items()}
    return replace(value, outputs=outputs)


def loss_of(penalties: Penalties) -> float:
    """Returns what priors add to the loss."""
    return float(sum(r @ r for r in penalties.values()))


def _refuse(why: str) -> NoReturn:
    raise Rejected(why)
