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
from cohobate.propose.optimisers import levenberg
from cohobate.propose.optimisers.axes import Axes, Scale, axes_of, checked_scale, start_of
from cohobate.propose.optimisers.desk import Desk
from cohobate.propose.optimisers.levenberg import NAME, LevenbergMarquardt
from cohobate.propose.optimisers.local import SCHEMES, has_workers
from cohobate.propose.optimisers.reporting import plain, report, stopped
from cohobate.propose.optimisers.scores import Failed, check_failed, output_of, vector
from cohobate.propose.persistent import Persistent
from cohobate.propose.scaling import Numbers

Function = Callable[..., Any]
Start = Sequence[float] | Mapping[str, float] | None


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
    scale: Scale | None = None,
    **options: Payload,
) -> Persistent:
    """Returns least squares of an output of shape (m,) as a generator.

    ``method`` ``"trf"``, ``"dogbox"`` and ``"lm"`` are those of ``scipy.optimize.least_squares``, and ``options`` its
    other arguments (``ftol``, ``loss``, ``x_scale``, ``max_nfev`` ...), as plain data. ``"lm"`` knows no bounds: what
    it asks for beyond them is not evaluated, and counts as failed.

    ``"levenberg-marquardt"`` is our own, for evaluations that are dear: steps within a trust radius and the bounds
    (Moré 1978) of slopes that are corrected by what came of each step (Broyden 1965), and made anew by differences
    where that goes wrong; points known before bend the model (Bouaricha and Schnabel 1998). A failed evaluation
    is a step too far, and a difference that fails is made the other way, or smaller. Its ``options``:
    ``tol`` (1e-12; of the gain that is left, of the step, and of the cosine between residuals and slopes: each also as
    ``ftol``, ``xtol`` and ``gtol``),
    ``noise`` (relative, of the residuals: by default that of rounding; what is converged to 1e-6 only needs
    ``noise=1e-6``, which makes differences that large), ``at_once`` (evaluations that cost the time of one: columns
    are then evaluated together with the step they would follow, and from twice as many on also shorter steps),
    ``loss`` and ``f_scale`` (as in scipy), ``factor`` (the first radius in units of the start), ``max_nfev``.

    ``residuals``: the name of the output, which may be left out where the problem has one of this shape. ``jac``:
    ``"2-point"``, ``"3-point"``, with our method also ``"2-3-point"`` (central only at the end), the name of an
    output (m, d), or a function of x; columns of differences are evaluated at once. ``x0``, ``failed`` and the value
    are those of ``minimize``, and so is ``scale``, but for our method, which varies all in units of their size
    and logarithms where a variable has ``log``, unless told otherwise. ``fun`` are the residuals, ``cost`` half the
    sum of their squares (or losses), ``jac`` (m, d) their derivatives by the values, whatever the ``scale``;
    ``rounds`` how many times it waited.
    """
    who = "least_squares"
    name = output_of(problem, residuals, who)
    if method == NAME:
        return _own(problem, x0, name, jac, failed, scale=scale, options=options)
    settings = {"residuals": name, "method": method, "options": {}, **_settings(problem, x0, jac, failed, who)}
    settings["options"] = plain(_allowed(options), f"{who}: options")
    if scale:
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


def _settings(
    problem: Problem, x0: Start, jac: str | Function | None, failed: str, who: str, *, schemes: Sequence[str] = SCHEMES
) -> dict[str, Any]:
    check_failed(failed, who)
    known = [*schemes, *problem.output_names]
    if isinstance(jac, str) and jac not in known:
        raise UserError(f"{who}: jac={jac!r}{did_you_mean(jac, known)}; expected a function or one of {known}")
    start = start_of(axes_of(problem, who), x0, who)
    return {"x0": start, "jac": None if callable(jac) else jac, "failed": failed}


def _own(
    problem: Problem,
    x0: Start,
    residuals: str,
    jac: str | Function,
    failed: Failed,
    *,
    scale: Scale | None,
    options: Mapping[str, Any],
) -> Persistent:
    """Our method."""
    who = "least_squares"
    known = {} if scale is None else checked_scale(axes_of(problem, who), scale, who)
    settings: dict[str, Any] = {"residuals": residuals, "method": NAME, "options": {}}
    settings |= _settings(problem, x0, jac, failed, who, schemes=levenberg.SCHEMES)
    settings |= {"options": plain(levenberg.checked(options), f"{who}: options"), "scale": known}
    return Persistent(LevenbergMarquardt(jac if callable(jac) else None), problem, 0, settings)


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
