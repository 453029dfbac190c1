"""What an objective is at some parameters: its loss, its residuals, and each of its terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.outcome import Failure, Value
from cohobate.core.parts import Made
from cohobate.fit.calling import quantities_of
from cohobate.propose.scaling import Numbers


@final
@dataclass(frozen=True, slots=True)
class Score:
    """The loss, residuals (m,) whose squares sum up to it, where there are such, and the terms by name.

    A term has its ``loss`` (with all weights above it), its ``quantities`` and the ``seconds`` they took;
    ``reused`` where they were known, ``failed`` (why) and ``kind`` in the place of quantities where there are none.
    Printed, it is a table.
    """

    loss: float
    residuals: Numbers | None
    terms: Mapping[str, Mapping[str, Any]]

    @property
    def quantities(self) -> dict[str, Mapping[str, Any]]:
        """What each term that did not fail gave."""
        return {name: told["quantities"] for name, told in self.terms.items() if "quantities" in told}

    def outputs(self) -> dict[str, Any]:
        """Returns it as the outputs of a trial."""
        residuals = {} if self.residuals is None else {"residuals": self.residuals}
        return {"loss": self.loss, **residuals, "terms": self.terms}

    def __str__(self) -> str:
        width = max(len("term"), *map(len, self.terms))
        lines = [f"{'term':{width}}  {'loss':>12}  {'share':>6}  {'seconds':>8}"]
        for name, told in self.terms.items():
            note = f"  failed: {told['failed']}" if "failed" in told else ""
            share = told["loss"] / self.loss if self.loss > 0 else 0.0
            lines.append(f"{name:{width}}  {told['loss']:12.6g}  {share:6.1%}  {told['seconds']:8.3g}{note}")
        return "\n".join([*lines, f"{'loss':{width}}  {self.loss:12.6g}"])


def score_of(outputs: Mapping[str, Any]) -> Score:
    """Returns the outputs of an evaluation as one value."""
    return Score(outputs["loss"], outputs.get("residuals"), outputs["terms"])


def recorded(terms: Mapping[str, Any], name: str, who: str) -> Made:
    """Returns a part as it is recorded: as a number, as quantities, or as what a score tells of a term."""
    if name not in terms:
        raise UserError(f"{who}: nothing is recorded of term {name!r}{did_you_mean(name, terms)}; got {list(terms)}")
    told = terms[name]
    if not isinstance(told, Mapping):
        return Made(Value({"value": quantities_of(told)}))
    if "failed" in told:
        message = str(told["failed"]).removeprefix(f"term {name!r}: ")
        return Made(Failure(told.get("kind", "raised"), message))
    if "quantities" not in told:
        return Made(Value({"value": told}))
    return Made(Value({"value": told["quantities"]}), told.get("seconds", 0.0), reused=bool(told.get("reused")))
