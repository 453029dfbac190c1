"""Any method of ``scipy.optimize.minimize`` as a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import ProblemError, UserError, did_you_mean
from cohobate.core.payload import Plain
from cohobate.core.problem import AtLeast, AtMost, Output, Problem
from cohobate.core.steering import Closed, Steer
from cohobate.host.extras import require
from cohobate.propose.optimisers.axes import Axes, Scale, axes_of, checked_scale, start_of
from cohobate.propose.optimisers.desk import Desk
from cohobate.propose.optimisers.reporting import plain, report, stopped
from cohobate.propose.optimisers.scores import Failed, check_failed, objective_of, scalar
from cohobate.propose.persistent import Persistent
from cohobate.propose.scaling import Numbers

BOUNDED: Final = frozenset(
    ("nelder-mead", "powell", "l-bfgs-b", "tnc", "slsqp", "trust-constr", "cobyla", "cobyqa"),
)
"""Methods that keep to bounds; what others ask for beyond them is not evaluated, and counts as failed."""
CONSTRAINED: Final = frozenset(("slsqp", "trust-constr", "cobyla", "cobyqa"))
"""Methods that take constraints."""
SLOPES: Final = frozenset(("cg", "bfgs", "l-bfgs-b", "tnc", "slsqp", "trust-constr"))
"""Methods that make a gradient by finite differences where none is given, all columns at once."""
STEEP: Final = frozenset(("newton-cg", "dogleg", "trust-ncg", "trust-krylov", "trust-exact"))
"""Methods that must be given a gradient."""
METHODS: Final = BOUNDED | SLOPES | STEEP
SCHEMES: Final = ("2-point", "3-point")
"""Finite differences; the complex step is left out, since simulators take real numbers."""

STUCK: Final = 1e-3
"""How far from bounds, in widths of the interval, trust-constr starts: nearer it takes the start for the optimum."""

Function = Callable[..., Any]


@final
@dataclass(frozen=True, slots=True)
class Minimize:
    """The body of ``minimize``, with the functions that run within it: jac, hess, hessp and constraints."""

    functions: Mapping[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        x0: Sequence[float],
        method: str,
        *,
        jac: str | None,
        tol: float | None,
        options: Mapping[str, Any],
        failed: Failed,
        scale: Scale,
    ) -> Plain:
        """Runs scipy to its end; returns what it found, or the best so far where the campaign stops."""
        axes, objective = axes_of(problem, "minimize", scale=scale, start=x0), objective_of(problem, "minimize")
        scores = scalar(objective, failed)
        memory = bool(_limits(problem)) or jac in problem.output_names
        desk = Desk(steer, axes, scores, memory=memory)
        asked = _asked(_by_coordinates(axes, self.functions), axes, desk, problem, jac=jac, sign=scores.sign)
        try:
            found = solve(desk, axes, axes.at(x0), method, tol=tol, options=options, asked=asked)
        except Closed:
            return stopped(axes, desk, sign=scores.sign)
        return report(found, axes, desk, sign=scores.sign)


def solve(
    desk: Desk,
    axes: Axes,
    start: Numbers,
    method: str,
    *,
    tol: float | None,
    options: Mapping[str, Any],
    asked: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Returns what scipy finds from ``start``, its own hooks used to evaluate several points at once."""
    hooks: dict[str, Any] = {}
    if method in SLOPES and not callable(asked.get("jac")) and has_workers():
        hooks["workers"] = desk.together
    if method == "nelder-mead":
        hooks["initial_simplex"] = simplex(axes, start, options)
        desk.ahead(hooks["initial_simplex"])
    if method == "trust-constr":
        start = axes.inside(start, STUCK)
    found: Mapping[str, Any] = require("scipy.optimize", extra="learn").minimize(
        desk.fun, start, method=method, tol=tol, options={**options, **hooks}, bounds=_bounds(axes, method), **asked
    )
    return found


def minimize(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    method: str | None = None,
    *,
    jac: str | Function | None = None,
    hess: str | Function | None = None,
    hessp: Function | None = None,
    constraints: Any = (),  # noqa: ANN401 whatever scipy takes
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    failed: Failed = "worst",
    scale: Scale = False,
) -> Persistent:
    """Returns ``scipy.optimize.minimize`` of the first objective as a generator: same evaluations, same optimum.

    ``x0``: the values of the ``Real`` variables in their order, or by name (default: the middle of the
    bounds). ``jac``: ``"2-point"``, ``"3-point"``, the name of an output (d,) that is the gradient, or a
    function of x; ``hess``, ``hessp`` and ``constraints`` are scipy's, their functions run beside the
    evaluations. Outputs with ``AtMost`` or ``AtLeast`` become constraints. ``method`` (default: as in
    scipy, ``"L-BFGS-B"``, with constraints ``"SLSQP"``), ``tol`` and ``options`` are scipy's too. Columns
    of finite differences, and the first simplex of Nelder-Mead, are evaluated at once.

    ``failed``: what an evaluation without a finite value is: ``"worst"``, a value above the worst one by
    the spread of those seen, or ``"raise"``, the end. ``scale`` works within [0, 1] in place of the bounds
    (logarithmically where the variable is), which suits variables of different sizes. A variable without
    bounds is then in units of its size at ``x0``, one with ``log`` by its natural logarithm. Sizes of change by
    name in place of ``True`` do so with all variables; bounds may be infinite. ``jac`` stays one of the values.

    The value of the campaign is a dict of x, variables, fun, success, message, nfev and more.
    """
    axes = axes_of(problem, "minimize")
    objective_of(problem, "minimize")
    check_failed(failed, "minimize")
    given = {"jac": jac, "hess": hess, "hessp": hessp, "constraints": constraints}
    functions = {name: one for name, one in given.items() if one is not None and one != () and name != "jac"}
    if callable(jac):
        functions["jac"] = jac
    chosen = _method(method, constrained=bool(constraints or _limits(problem)))
    _check(problem, chosen, jac, functions, scale=scale)
    settings = {
        "x0": start_of(axes, x0, "minimize"),
        "method": chosen,
        "jac": None if callable(jac) else jac,
        "tol": tol,
        "options": plain(options or {}, "minimize: options"),
        "failed": failed,
        "scale": checked_scale(axes, scale, "minimize"),
    }
    return Persistent(Minimize(functions), problem, 0, settings)


def nelder_mead(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    *,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    failed: Failed = "worst",
    scale: Scale = False,
) -> Persistent:
    """Returns the simplex method of Nelder and Mead (1965) as a generator: see ``minimize``."""
    return minimize(problem, x0, "nelder-mead", tol=tol, options=options, failed=failed, scale=scale)


def simplex(axes: Axes, start: Numbers, options: Mapping[str, Any]) -> Numbers:
    """Returns the corners that scipy's Nelder-Mead begins with: (d + 1, d), of which x is the first."""
    lo, hi = axes.lo, axes.hi
    if options.get("initial_simplex") is not None:
        given: Numbers = np.clip(np.asarray(options["initial_simplex"], dtype=float), lo, hi)
        return given
    corners = np.tile(start, (len(start) + 1, 1))
    for k, (value, step) in enumerate(zip(start, axes.steps, strict=True)):
        scipys = 1.05 * value if value != 0 else 0.00025
        corners[k + 1, k] = scipys if step is None else value + step
    corners = np.where(corners > hi, 2 * hi - corners, corners)
    return np.clip(corners, lo, hi)


def has_workers() -> bool:
    """Since scipy 1.16; before, differences are made one by one, at the same points."""
    version: str = require("scipy", extra="learn").__version__
    return tuple(int(part) for part in version.split(".")[:2]) >= (1, 16)


def _bounds(axes: Axes, method: str) -> object:
    if method not in BOUNDED:
        return None
    return require("scipy.optimize", extra="learn").Bounds(axes.lo, axes.hi, keep_feasible=True)


def _by_coordinates(axes: Axes, functions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns functions of the values as functions of coordinates; with a scale there is none but the gradient."""
    if "jac" not in functions:
        return functions
    jac = functions["jac"]
    return {**functions, "jac": axes.by_x(lambda x: jac(np.array(axes.values(x))))}


def _asked(
    functions: Mapping[str, Any], axes: Axes, desk: Desk, problem: Problem, *, jac: str | None, sign: float
) -> dict[str, Any]:
    """Returns derivatives and constraints as scipy takes them."""
    asked = {"jac": jac, **functions}
    if jac in problem.output_names:
        asked["jac"] = axes.by_x(_slope(desk.output(str(jac)), sign))
    elif sign < 0:
        asked |= {name: _turned(asked[name]) for name in ("jac", "hess", "hessp") if callable(asked.get(name))}
    limits = [_limit(desk, output) for output in _limits(problem)]
    if limits:
        asked["constraints"] = [*_listed(functions.get("constraints", ())), *limits]
    return asked


def _slope(read: Callable[[Numbers], Numbers], sign: float) -> Function:
    """Returns the gradient that is an output, as that of what is minimized."""
    return lambda x: sign * read(x)


def _turned(fn: Function) -> Function:
    return lambda *args: -np.asarray(fn(*args))


def _limits(problem: Problem) -> list[Output]:
    return [output for output in problem.outputs if isinstance(output.goal, AtMost | AtLeast)]


def _limit(desk: Desk, output: Output) -> object:
    """Returns a constraint on an output as scipy takes it."""
    scipy = require("scipy.optimize", extra="learn")
    lo = output.goal.limit if isinstance(output.goal, AtLeast) else -np.inf
    hi = output.goal.limit if isinstance(output.goal, AtMost) else np.inf
    return scipy.NonlinearConstraint(desk.output(output.name), lo, hi, keep_feasible=False)


def _listed(constraints: Any) -> list[Any]:  # noqa: ANN401 whatever scipy takes
    return list(constraints) if isinstance(constraints, list | tuple) else [constraints]


def _method(method: str | None, *, constrained: bool) -> str:
    if method is None:
        return "slsqp" if constrained else "l-bfgs-b"
    name = method.lower() if isinstance(method, str) else ""
    if name not in METHODS:
        hint = did_you_mean(name, METHODS)
        raise UserError(f"minimize: no method {method!r}{hint}; expected one of {sorted(METHODS)}")
    if constrained and name not in CONSTRAINED:
        raise UserError(f"minimize: {name} takes no constraints: expected one of {sorted(CONSTRAINED)}")
    return name


def _check(
    problem: Problem, method: str, jac: str | Function | None, functions: Mapping[str, Any], *, scale: Scale
) -> None:
    if isinstance(jac, str) and jac not in (*SCHEMES, *problem.output_names):
        known = [*SCHEMES, *problem.output_names]
        raise UserError(f"minimize: jac={jac!r}{did_you_mean(jac, known)}; expected a function or one of {known}")
    if method in STEEP and (jac is None or jac in SCHEMES):
        raise UserError(f"minimize: {method} needs a gradient: expected jac to be a function or an output, got {jac!r}")
    if scale is not False and (others := sorted(functions.keys() - {"jac"})):
        raise UserError(f"minimize: scale changes what {others} would be functions of: give them with scale=False")
    if isinstance(jac, str) and jac in problem.output_names and method in BOUNDED - SLOPES:
        raise ProblemError(f"minimize: {method} uses no gradient: leave out jac={jac!r}")
