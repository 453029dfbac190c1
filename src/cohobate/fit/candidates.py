"""What a campaign evaluates when it fits: the free parameters in, the loss and its terms out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from cohobate.core.errors import CallFailed
from cohobate.core.outcome import Value
from cohobate.core.parts import Judge, Part
from cohobate.core.payload import Payload
from cohobate.core.problem import Output, Problem
from cohobate.core.trial import Inputs
from cohobate.fit.objective import CombinedObjective, run
from cohobate.fit.parameters import Parameters


@final
@dataclass(frozen=True)
class Candidates:
    """An objective of the free parameters, by their dotted names: a simulator made of parts."""

    objective: CombinedObjective
    parameters: Parameters

    def __call__(self, **inputs: float) -> dict[str, Any]:
        """Evaluates a candidate here, term by term."""
        outcome = run(self.objective, self.parameters.nested(inputs))
        if isinstance(outcome, Value):
            return dict(outcome.outputs)
        raise CallFailed(getattr(outcome, "message", str(outcome)))

    def parts(self, inputs: Inputs) -> Sequence[Part]:
        """Returns the calls of all terms."""
        return self.objective.parts(self.parameters.nested(inputs))

    def judge(self, inputs: Inputs, bound: float | None = None) -> Judge:
        """Returns what makes an outcome of the terms."""
        return self.objective.judge(self.parameters.nested(inputs), bound)

    def recall(self, inputs: Inputs, outputs: Mapping[str, Any]) -> Mapping[str, Payload]:
        """Returns what each term gave."""
        return self.objective.recall(self.parameters.nested(inputs), outputs)

    @property
    def problem(self) -> Problem:
        """The free parameters, the loss to minimize, and the residuals."""
        outputs = (Output("loss", "minimize"), Output("residuals", shape=None))
        return Problem(self.parameters.variables, outputs)
