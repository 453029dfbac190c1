"""What of a problem is modelled: the outputs to maximize or minimize, and those that must keep a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool
from cohobate.core.problem import AtLeast, AtMost, Output, Problem
from cohobate.host.extras import require
from cohobate.models.acquisition import LOGARITHMIC, Choice, Greedy, HypervolumeImprovement, name_of, named
from cohobate.models.kernels import Floats
from cohobate.models.prediction import Model, Prediction
from cohobate.models.ready import RBFGP, TanimotoGP

FEW = 20
"""Rows of a pool by which it is judged."""


@dataclass(frozen=True, slots=True)
class Aims:
    """At least one objective, any number of constraints; both are plain numbers."""

    objectives: tuple[Output, ...]
    constraints: tuple[Output, ...]

    @classmethod
    def of(cls, problem: Problem, who: str = "ActiveLearning") -> Aims:
        """Returns the aims of a problem; raises ``ProblemError`` where there is none, or one is no number."""
        constraints = tuple(output for output in problem.outputs if isinstance(output.goal, AtMost | AtLeast))
        if not problem.objectives:
            raise ProblemError(f"{who} needs at least one output to maximize= or minimize=, got none")
        for output in (*problem.objectives, *constraints):
            if output.shape != ():
                raise ProblemError(
                    f"output {output.name!r} has the shape {output.shape}: only a number can be modelled"
                )
        return cls(problem.objectives, constraints)

    @property
    def names(self) -> tuple[str, ...]:
        """The modelled outputs: objectives, then constraints."""
        return tuple(output.name for output in (*self.objectives, *self.constraints))

    @property
    def signs(self) -> Floats:
        """1 for each objective to be maximized, -1 for each to be minimized."""
        return np.array([1.0 if output.goal == "maximize" else -1.0 for output in self.objectives])

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """(sign, limit) of each constraint: sign times the value must be at most sign times the limit."""
        return tuple(_bound(output) for output in self.constraints)

    def feasible(self, values: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Returns which rows of values, (rows, outputs), keep all limits."""
        kept = np.ones(len(values), bool)
        for at, (sign, limit) in enumerate(self.bounds, len(self.objectives)):
            kept &= sign * values[:, at] <= sign * limit
        return kept

    def log_feasibility(self, predictions: Mapping[str, Prediction]) -> Floats:
        """Returns the logarithm of how likely each of the pool is to keep all limits (Gardner et al. 2014, eq. 9)."""
        log_ndtr = require("scipy.special", extra="learn").log_ndtr
        total = np.float64(0.0)
        for output, (sign, limit) in zip(self.constraints, self.bounds, strict=True):
            found = predictions[output.name]
            assert found.std is not None
            # Halves, as limit and mean may be of opposite signs near the largest number.
            with np.errstate(over="ignore"):  # a limit out of all proportion is certain to be kept, or broken
                total = total + log_ndtr(sign * (limit / 2 - found.mean / 2) / (found.std / 2))
        return np.asarray(total, float)

    def best(self, values: Floats) -> Mapping[str, float]:
        """Returns the best feasible value of each objective among ``values``: (rows, outputs)."""
        kept = values[self.feasible(values)]
        if not len(kept):
            return {}
        signs = self.signs
        return {one.name: float(signs[at] * (signs[at] * kept[:, at]).max()) for at, one in enumerate(self.objectives)}


def acquisition_for(wanted: str | Choice | None, aims: Aims, model: Model) -> Choice:
    """Returns the acquisition to use; by default expected improvement, of the hypervolume for several objectives.

    A model without a deviation is greedy by default. Raises ``ProblemError`` for what does not fit together.
    """
    names = [output.name for output in aims.objectives]
    usual = "ehvi" if len(names) > 1 else "ei" if model.uncertain else "greedy"
    chosen = named(usual if wanted is None else wanted)
    if isinstance(chosen, HypervolumeImprovement) != (len(names) > 1):
        fits = "use 'ehvi'" if len(names) > 1 else "use 'ei'; 'ehvi' is for several"
        raise ProblemError(f"acquisition {name_of(chosen)!r} does not fit the objectives {names}: {fits}")
    if not model.uncertain:
        _check_certain(chosen, aims, model)
    return chosen


def check_levels(levels: int, chosen: Choice, model: Model) -> None:
    """Raises ``ProblemError`` where several levels of accuracy do not go with a model or an acquisition."""
    if levels > 1 and not isinstance(model, TanimotoGP | RBFGP):
        raise ProblemError(
            f"a fidelity needs a Gaussian process, {model.describe()['model']} is none: use 'tanimoto' or 'rbf'"
        )
    if levels > 1 and not isinstance(chosen, LOGARITHMIC):
        raise ProblemError(f"acquisition {name_of(chosen)!r} does not weigh levels: use 'ei', 'pi' or 'ehvi'")


def check_readable(model: Model, pool: Pool) -> None:
    """Raises ``ProblemError`` where a model of numbers sees none of the first rows of a pool: they are text."""
    first = [pool[i] for i in range(min(FEW, len(pool)))]
    if isinstance(model, RBFGP) and all(model.unreadable(row) for row in first):
        raise ProblemError(
            f"model 'rbf' looks at numbers, and {first[0]!r:.80} has none: "
            "use 'tanimoto', 'knn' or 'forest' for molecules, or RBFGP(features=) with a function of the pool"
        )


def _check_certain(chosen: Choice, aims: Aims, model: Model) -> None:
    """Raises ``ProblemError`` for what a model without a deviation cannot do."""
    if isinstance(chosen, Greedy) and not aims.constraints:
        return
    needs = "constraints need" if isinstance(chosen, Greedy) else f"acquisition {name_of(chosen)!r} needs"
    raise ProblemError(
        f"{needs} a model with a deviation, which {model.describe()['model']} has not: "
        "use 'tanimoto', 'rbf' or 'forest'"
    )


def _bound(output: Output) -> tuple[float, float]:
    match output.goal:
        case AtMost(limit):
            return 1.0, limit
        case AtLeast(limit):
            return -1.0, limit
    raise AssertionError(output)
