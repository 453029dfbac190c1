"""What a campaign evaluates when it fits: the free parameters in, the loss and its terms out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import copysign, hypot, sqrt
from typing import Any, Literal, TypeAlias, final

import numpy as np

from cohobate.core.canonical import content_hash
from cohobate.core.errors import CallFailed
from cohobate.core.outcome import Cancelled, Outcome, Value
from cohobate.core.parts import Judge, Made, Part
from cohobate.core.payload import Payload
from cohobate.core.problem import Output, Problem
from cohobate.core.trial import Inputs
from cohobate.fit.deriving import Deriving
from cohobate.fit.here import called_here
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Parameters
from cohobate.fit.term import SHORT, Term
from cohobate.propose.scaling import Numbers

Penalties: TypeAlias = Mapping[str, Numbers]
"""The residuals of each prior: (k,)."""
Derived = Literal["", "jacobian", "gradient"]
"""Which derivatives a candidate has: none, those of its residuals, or those of its loss too."""


@final
@dataclass(frozen=True)
class Candidates:
    """An objective of the free parameters, by their dotted names: a simulator made of parts.

    Priors are counted here, where nothing is called for them: they add to the loss (of a root mean: under
    the root), their residuals come behind those of the terms, and ``outputs["priors"]`` tells each. A candidate whose
    tied parameters or priors have no value is ``Rejected`` before any term is called.

    ``derived`` adds ``jacobian``, (m, d), the derivatives of the residuals by the free parameters, which the ``jac`` of
    each term gives as a part of its own, and ``gradient``, (d,), those of the loss.
    """

    objective: CombinedObjective
    parameters: Parameters
    derived: Derived = ""

    def __call__(self, **inputs: float) -> dict[str, Any]:
        """Evaluates a candidate here, term by term."""
        match called_here(self.parts(inputs), self.judge(inputs)):
            case Value(outputs):
                return dict(outputs)
            case other:
                raise CallFailed(getattr(other, "message", str(other)))

    def parts(self, inputs: Inputs) -> Sequence[Part]:
        """Returns the calls of all terms, then those of their derivatives."""
        nested = self.parameters.nested(inputs)
        slopes = self.objective.slope_parts(nested) if self.derived else ()
        return [*self.objective.parts(nested), *slopes]

    def judge(self, inputs: Inputs, bound: float | None = None) -> Judge:
        """Returns what makes an outcome of the terms; ``bound`` holds for the loss with its priors."""
        nested, whole = self.parameters.nested(inputs), self._whole(inputs)
        terms: Judge = self.objective.judge(nested, None if bound is None else whole.left(bound))
        if self.derived:
            terms = Deriving(self.objective, nested, terms, self.parameters.slopes(inputs))
        return Weighing(terms, whole, bound) if whole.penalties or self.derived else terms

    def recall(self, inputs: Inputs, outputs: Mapping[str, Any]) -> Mapping[str, Payload]:
        """Returns what each term gave."""
        return self.objective.recall(self.parameters.nested(inputs), outputs)

    @property
    def problem(self) -> Problem:
        """The free parameters, the loss to minimize, and the residuals where there are any."""
        outputs = [Output("loss", "minimize")]
        if self.objective.refusal is None:
            outputs.append(Output("residuals", shape=self._shape()))
        d = len(self.parameters.free)
        if self.derived:
            m = self._shape()
            outputs.append(Output("jacobian", shape=None if m is None else (*m, d)))
        if self.derived == "gradient":
            outputs.append(Output("gradient", shape=(d,)))
        return Problem(self.parameters.variables, tuple(outputs))

    def describe(self) -> dict[str, Any]:
        """Returns what a recorded loss belongs to: the objective, ties, priors and what is fixed."""
        slopes = {leaf.term.name: leaf.term.slope_source[:SHORT] for leaf in self.objective.leaves}
        told = {**self.objective.describe(), **self.parameters.describe()}
        return {**told, "jac": slopes} if self.derived else told

    def identity(self) -> str:
        """Returns a hash of that."""
        return content_hash(self.describe())

    def _whole(self, inputs: Inputs) -> Whole:
        penalties = self.parameters.prior_residuals(inputs)
        slopes = self.parameters.prior_slopes(inputs) if self.derived else None
        root = self.objective.reduce == "root_mean"
        return Whole(penalties, slopes, root=root, gradient=self.derived == "gradient")

    def _shape(self) -> tuple[int, ...] | None:
        counts = [count_of(leaf.term) for leaf in self.objective.leaves]
        known = [count for count in counts if count is not None]
        return (sum(known) + self.parameters.penalties,) if len(known) == len(counts) else None


@final
@dataclass(frozen=True, slots=True)
class Weighing:
    """Adds priors to what the terms come to."""

    terms: Judge
    whole: Whole
    bound: float | None = None

    def take(self, name: str, made: Made) -> Outcome | None:
        """Takes in what a term gave."""
        match self.terms.take(name, made):
            case Value() as value:
                return self.whole.of(value)
            case Cancelled(reason) if self.bound is not None and self.whole.penalties and reason:
                return Cancelled(f"{reason}, which is what the priors leave of {self.bound:.6g}")
            case outcome:
                return outcome


@final
@dataclass(frozen=True, slots=True)
class Whole:
    """The terms with priors; ``root``: their loss is a root, of what the squares of their residuals sum up to.

    ``slopes`` (k, d) are the derivatives of the residuals of priors, where the terms have some.
    """

    penalties: Penalties
    slopes: Numbers | None = None
    root: bool = False
    gradient: bool = False

    @property
    def added(self) -> float:
        """What the priors add."""
        return float(sum(r @ r for r in self.penalties.values()))

    def left(self, bound: float) -> float:
        """Returns what a bound of the whole leaves to the terms; below 0 where they cannot keep it."""
        rest = (bound * abs(bound) if self.root else bound) - self.added
        return copysign(sqrt(abs(rest)), rest) if self.root else rest

    def of(self, value: Value) -> Value:
        """Returns the outcome of the terms with that of the priors."""
        outputs = {**value.outputs, **self._priors(value.outputs)}
        if self.slopes is not None:
            outputs["jacobian"] = np.concatenate([outputs["jacobian"], self.slopes])
        if self.gradient:
            squares: Numbers = 2 * outputs["residuals"] @ outputs["jacobian"]
            outputs["gradient"] = squares / (2 * outputs["loss"] or 1.0) if self.root else squares
        return replace(value, outputs=outputs)

    def _priors(self, terms: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what changes with priors."""
        if not self.penalties:
            return {}
        loss = terms["loss"]
        found: dict[str, Any] = {"loss": hypot(loss, sqrt(self.added)) if self.root else loss + self.added}
        if "residuals" in terms:
            found["residuals"] = np.concatenate([terms["residuals"], *self.penalties.values()])
        found["priors"] = {name: {"loss": float(r @ r), "residuals": r} for name, r in self.penalties.items()}
        return found


def count_of(term: Term) -> int | None:
    """Returns how many residuals a term has; ``None`` where only its quantity tells."""
    if callable(term.loss) or str(term.loss) == "value":
        return 1
    if term.target is None:
        return None
    wanted = term.target.values() if isinstance(term.target, Mapping) else [term.target]
    return sum(int(np.size(one)) for one in wanted)
