"""Global methods of ``scipy.optimize`` as generators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.steering import Closed, Steer
from cohobate.host.extras import require
from cohobate.propose.optimisers.axes import Axes, axes_of, bounded_axes_of, start_of
from cohobate.propose.optimisers.desk import Desk
from cohobate.propose.optimisers.reporting import plain, report, stopped
from cohobate.propose.optimisers.scores import Failed, check_failed, objective_of, scalar
from cohobate.propose.persistent import Persistent

OURS: Final = ("func", "bounds", "workers", "updating", "vectorized", "rng", "seed", "callback", "args", "x0")
"""Arguments of scipy that are filled in here."""


@final
@dataclass(frozen=True, slots=True)
class Globally:
    """The body of a global method of scipy."""

    function: str

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        rng: np.random.Generator,
        *,
        x0: Sequence[float] | None,
        options: Mapping[str, Any],
        failed: Failed,
    ) -> Plain:
        """Runs scipy to its end; returns what it found, or the best so far where the campaign stops."""
        axes = axes_of(problem, self.function)
        scores = scalar(objective_of(problem, self.function), failed)
        desk = Desk(steer, axes, scores)
        run = getattr(require("scipy.optimize", extra="learn"), self.function)
        try:
            found = run(desk.fun, rng=rng, **self._arguments(desk, axes, x0), **options)
        except Closed:
            return stopped(axes, desk, sign=scores.sign)
        return report(found, axes, desk, sign=scores.sign)

    def _arguments(self, desk: Desk, axes: Axes, x0: Sequence[float] | None) -> dict[str, Any]:
        start = None if x0 is None else np.array(x0)
        bounds = list(zip(axes.lo, axes.hi, strict=True))
        if self.function == "basinhopping":
            return {"x0": start, "minimizer_kwargs": {"method": "L-BFGS-B", "bounds": bounds}}
        at_once = {"workers": desk.together, "updating": "deferred"}
        return {"x0": start, "bounds": bounds, **(at_once if self.function == "differential_evolution" else {})}


def differential_evolution(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    *,
    seed: int = 0,
    failed: Failed = "worst",
    **options: Payload,
) -> Persistent:
    """Returns scipy's differential evolution as a generator: each generation is evaluated at once.

    ``options`` are scipy's arguments (``popsize``, ``maxiter``, ``tol``, ``polish`` ...), as plain data.
    """
    return _globally("differential_evolution", problem, x0, seed=seed, failed=failed, options=options)


def dual_annealing(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    *,
    seed: int = 0,
    failed: Failed = "worst",
    **options: Payload,
) -> Persistent:
    """Returns scipy's dual annealing as a generator; it evaluates one point at a time."""
    return _globally("dual_annealing", problem, x0, seed=seed, failed=failed, options=options)


def basinhopping(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    *,
    seed: int = 0,
    failed: Failed = "worst",
    **options: Payload,
) -> Persistent:
    """Returns scipy's basin-hopping as a generator, L-BFGS-B within the bounds after each hop.

    A hop out of the bounds starts at them. It evaluates one point at a time.
    """
    axes = axes_of(problem, "basinhopping")
    return _globally(
        "basinhopping", problem, start_of(axes, x0, "basinhopping"), seed=seed, failed=failed, options=options
    )


def _globally(
    who: str,
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None,
    *,
    seed: int,
    failed: Failed,
    options: Mapping[str, Payload],
) -> Persistent:
    axes = axes_of(problem, who) if who == "basinhopping" else bounded_axes_of(problem, who)
    objective_of(problem, who)
    check_failed(failed, who)
    for name in options:
        if name in OURS:
            raise UserError(f"{who}: leave out {name}: it is filled in from the problem, the seed and the engine")
    start = None if x0 is None else start_of(axes, x0, who)
    settings = {"x0": start, "options": plain(options, f"{who}: options"), "failed": failed}
    return Persistent(Globally(who), problem, seed, settings)
