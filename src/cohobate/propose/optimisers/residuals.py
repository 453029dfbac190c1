"""``scipy.optimize.least_squares`` and ``root`` of an output that is an array, as generators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.steering import Closed, Steer
from cohobate.host.extras import require
from cohobate.propose.optimisers.axes import Axes, Scale, axes_of, checked_scale, start_of
from cohobate.propose.optimisers.desk import Desk
from cohobate.propose.optimisers.local import SCHEMES, has_workers
from cohobate.propose.optimisers.reporting import plain, report, stopped
from cohobate.propose.optimisers.scores import Failed, check_failed, output_of, vector
from cohobate.propose.persistent import Persistent
from cohobate.propose.scaling import Numbers

Function = Callable[..., Any]


@final
@dataclass(frozen=True, slots=True)
class LeastSquares:
    """The body of ``least_squares``."""

    jacobian: Function | None = None

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        x0: Sequence[float],
        *,
        residuals: str,
        method: str,
        jac: str | None,
        options: Mapping[str, Any],
        failed: Failed,
        scale: Scale = False,
    ) -> Plain:
        """Runs scipy to its end; returns what it found, or the best so far where the campaign stops."""
        axes = axes_of(problem, "least_squares", scale=scale, start=x0)
        desk = Desk(steer, axes, vector(residuals, failed), memory=jac in problem.output_names)
        slope = _by_coordinates(axes, self.jacobian, _jacobian(desk, problem, jac))
        limits = {} if method == "lm" else {"bounds": (axes.lo, axes.hi)}
        hooks = {"workers": desk.together} if not callable(slope) and has_workers() else {}
        try:
            found = require("scipy.optimize", extra="learn").least_squares(
                desk.array, axes.at(x0), jac=slope, method=method, **limits, **hooks, **options
            )
        except Closed:
            return stopped(axes, desk)
        return {**report(found, axes, desk), "cost": float(found["cost"]), "optimality": float(found["optimality"])}


@final
@dataclass(frozen=True, slots=True)
class Root:
    """The body of ``root``."""

    jacobian: Function | None = None

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        x0: Sequence[float],
        *,
        equations: str,
        method: str,
        jac: str | None,
        tol: float | None,
        options: Mapping[str, Any],
        failed: Failed,
    ) -> Plain:
        """Runs scipy to its end; returns what it found, or the best so far where the campaign stops."""
        axes = axes_of(problem, "root")
        desk = Desk(steer, axes, vector(equations, failed), memory=jac in problem.output_names)
        slope = self.jacobian or (_jacobian(desk, problem, jac) if jac else None)
        try:
            found = require("scipy.optimize", extra="learn").root(
                desk.array, axes.at(x0), method=method, jac=slope, tol=tol, options=dict(options)
            )
        except Closed:
            return stopped(axes, desk)
        return report(found, axes, desk)


def least_squares(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    residuals: str | None = None,
    *,
    method: str = "trf",
    jac: str | Function = "2-point",
    failed: Failed = "worst",
    scale: Scale = False,
    **options: Payload,
) -> Persistent:
    """Returns ``scipy.optimize.least_squares`` of an output of shape (m,) as a generator.

    ``residuals``: its name, which may be left out where the problem has one such output. ``jac``: as
    in scipy, or the name of an output (m, d); columns of finite differences are evaluated at once.
    ``options`` are scipy's other arguments (``ftol``, ``loss``, ``x_scale``, ``max_nfev`` ...), as plain
    data. Method ``"lm"`` knows no bounds: what it asks for beyond them is not evaluated, and counts as failed.
    ``x0``,
    ``failed``, ``scale`` and the value are those of ``minimize``; ``fun`` are the residuals, ``cost`` half the sum
    of their squares (or losses), ``jac`` (m, d) their derivatives by the values, whatever the ``scale``. A function
    given as ``jac`` is one of the values, too.
    """
    who = "least_squares"
    name = output_of(problem, residuals, who)
    settings = {"residuals": name, "method": method, "options": {}, **_settings(problem, x0, jac, failed, who)}
    settings["options"] = plain(_allowed(options), f"{who}: options")
    if scale is not False:
        settings["scale"] = checked_scale(axes_of(problem, who), scale, who)
    return Persistent(LeastSquares(jac if callable(jac) else None), problem, 0, settings)


def root(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    equations: str | None = None,
    *,
    method: str = "hybr",
    jac: str | Function | None = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    failed: Failed = "worst",
) -> Persistent:
    """Returns ``scipy.optimize.root`` of an output of shape (m,) as a generator: where it is zero.

    ``equations``: its name, which may be left out where the problem has one such output. ``jac``: a
    function, or the name of an output (m, d); without, the methods that need one make it column by
    column. No method knows bounds: what lies beyond them is not evaluated, and counts as failed. The rest
    is as in ``minimize``.
    """
    name = output_of(problem, equations, "root")
    settings = {"equations": name, "method": method, "tol": tol, **_settings(problem, x0, jac, failed, "root")}
    settings["options"] = plain(options or {}, "root: options")
    if jac in SCHEMES:
        raise UserError(f"root: jac={jac!r}: its methods choose their own; expected a function, an output or None")
    return Persistent(Root(jac if callable(jac) else None), problem, 0, settings)


def _settings(problem: Problem, x0: Any, jac: str | Function | None, failed: str, who: str) -> dict[str, Any]:  # noqa: ANN401 checked by start_of
    check_failed(failed, who)
    known = [*SCHEMES, *problem.output_names]
    if isinstance(jac, str) and jac not in known:
        raise UserError(f"{who}: jac={jac!r}{did_you_mean(jac, known)}; expected a function or one of {known}")
    start = start_of(axes_of(problem, who), x0, who)
    return {"x0": start, "jac": None if callable(jac) else jac, "failed": failed}


def _allowed(options: Mapping[str, Payload]) -> Mapping[str, Payload]:
    ours = {
        "bounds": "the bounds are those of the problem",
        "workers": "the engine evaluates",
        "args": "there are none",
    }
    for name, why in ours.items():
        if name in options:
            raise UserError(f"least_squares: leave out {name}: {why}")
    return options


def _jacobian(desk: Desk, problem: Problem, jac: str | None) -> str | Callable[[Numbers], Numbers] | None:
    return desk.output(jac) if jac is not None and jac in problem.output_names else jac


def _by_coordinates(
    axes: Axes, function: Function | None, otherwise: str | Callable[[Numbers], Numbers] | None
) -> str | Function | None:
    """Returns what makes derivatives by coordinates, from a function of the values or from an output of theirs."""
    if function is not None:
        return axes.by_x(lambda x: function(np.array(axes.values(x))))
    return axes.by_x(otherwise) if callable(otherwise) else otherwise
