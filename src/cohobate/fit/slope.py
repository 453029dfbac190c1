"""The Jacobian of the residuals by central differences: which candidates it takes, and what they make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from cohobate.core.outcome import Outcome, Value
from cohobate.core.problem import Real
from cohobate.fit.record import why
from cohobate.propose.scaling import Numbers

STEP: Final = float(np.finfo(float).eps) ** (1 / 3)
"""The relative step that balances rounding against curvature."""


@final
@dataclass(frozen=True, slots=True)
class Stencil:
    """Two candidates beside the solution in one parameter, at ``steps`` from it."""

    name: str
    steps: tuple[float, float]

    def rows(self, values: Mapping[str, float]) -> list[dict[str, float]]:
        """Returns the candidates."""
        return [{**values, self.name: values[self.name] + step} for step in self.steps]

    def slope(self, values: Mapping[str, float], here: Numbers, outcomes: Sequence[Outcome]) -> tuple[Numbers, str]:
        """Returns the column of the Jacobian: (m,), and why it is not known, empty where it is.

        It is exact for parabolas; where one of the two candidates failed, for lines.
        """
        known = [
            (values[self.name] + step - values[self.name], residuals - here)
            for step, outcome in zip(self.steps, outcomes, strict=True)
            if (residuals := _residuals(outcome)) is not None and residuals.shape == here.shape
        ]
        match known:
            case [(a, one), (b, two)]:
                return (one * b / a - two * a / b) / (b - a), ""
            case [(a, one)]:
                return one / a, ""
        failed = next((why(outcome) for outcome in outcomes if not isinstance(outcome, Value)), "no residuals")
        return np.zeros_like(here), f"both candidates beside the solution failed ({failed})"


def stencils(
    values: Mapping[str, float],
    variables: Mapping[str, Real],
    sizes: Mapping[str, float] | None = None,
    rel_step: float | Mapping[str, float] | None = None,
) -> list[Stencil]:
    """Returns the candidates of central differences within the bounds.

    A step is ``rel_step`` (default: ``STEP``) times the value, or the size of changes that matter, if that is larger.
    """
    steps = rel_step if isinstance(rel_step, Mapping) else dict.fromkeys(variables, rel_step)
    return [
        _stencil(name, values[name], one, (steps.get(name) or STEP) * (max(abs(values[name]), known) or 1.0))
        for name, one in variables.items()
        for known in [(sizes or {}).get(name, 0.0)]
    ]


def _stencil(name: str, value: float, one: Real, wanted: float) -> Stencil:
    """Returns both neighbours; on one side of the value where a bound is in the way."""
    step = min(wanted, (one.hi - one.lo) / 4)
    if value + step > one.hi:
        return Stencil(name, (-step, -2 * step))
    if value - step < one.lo:
        return Stencil(name, (step, 2 * step))
    return Stencil(name, (step, -step))


def assemble(
    made: Sequence[Stencil], values: Mapping[str, float], here: Numbers, outcomes: Sequence[Outcome]
) -> tuple[Numbers, dict[str, str]]:
    """Returns the Jacobian (m, d), and of each column that is not known, why."""
    pairs = [outcomes[2 * i : 2 * i + 2] for i in range(len(made))]
    columns = [one.slope(values, here, pair) for one, pair in zip(made, pairs, strict=True)]
    failed = {one.name: said for one, (_, said) in zip(made, columns, strict=True) if said}
    return np.stack([column for column, _ in columns], axis=1), failed


def _residuals(outcome: Outcome) -> Numbers | None:
    return np.asarray(outcome.outputs["residuals"], dtype=float) if isinstance(outcome, Value) else None
