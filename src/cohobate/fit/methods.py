"""The ways of fitting by name: each makes the generator of a campaign."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.core.problem import Problem, Real
from cohobate.core.steering import Steers
from cohobate.fit.expensive import Expensive
from cohobate.propose.optimisers import cma, least_squares, minimize, multistart, nevergrad, pattern_search
from cohobate.propose.optimisers.bayes import BayesianOptimizer
from cohobate.propose.optimisers.levenberg import NAME, OPTIONS
from cohobate.propose.optimisers.nevergrads import DEFAULT, sequential
from cohobate.propose.persistent import Persistent

Start = Mapping[str, float]
Maker = Callable[..., Any]
RESIDUALS: Final = "residuals"
AT_ONCE: Final = 4
"""Candidates that cma and nevergrad have evaluated at any time unless told otherwise: nobody waits for a generation."""
SCIPY: Final = (
    "diff_step",
    "f_scale",
    "ftol",
    "gtol",
    "loss",
    "max_nfev",
    "tr_options",
    "tr_solver",
    "x_scale",
    "xtol",
)
"""Options of ``scipy.optimize.least_squares``."""
FILLED: Final = ("problem", "space", "x0", "start", "residuals", "minimize", "maximize", "outputs", "reference")
"""Parameters that a fit fills in."""


@final
@dataclass(frozen=True, slots=True)
class Method:
    """A way of fitting: what makes its generator, the names of its options, and what it needs.

    ``bounds``: of all free parameters. ``sized``: it varies parameters in units of their sizes, or their logarithms,
    unless the option ``scale`` says otherwise.
    """

    make: Maker
    options: tuple[str, ...]
    bounds: bool = False
    sized: bool = False
    says: str = ""


def _least_squares(problem: Problem, start: Start, method: str = NAME, **options: Payload) -> Persistent:
    _check_residuals(problem, "least_squares")
    known = OPTIONS if method == NAME else SCIPY
    _check_options("least_squares", options, (*_names(least_squares), *known))
    return least_squares(problem, start, RESIDUALS, method=method, **options)


def _check_residuals(problem: Problem, how: str) -> None:
    if RESIDUALS not in problem.output_names:
        raise UserError(f"fit: {how} needs residuals, and this objective has none: use scipy, pattern_search, cma ...")


def _scipy(problem: Problem, start: Start, method: str = "L-BFGS-B", **options: Payload) -> Persistent:
    return minimize(problem, start, method, **options)


def _nevergrad(problem: Problem, start: Start, optimizer: str = DEFAULT, **options: Any) -> Persistent:
    several = {} if sequential(optimizer) else {"at_once": AT_ONCE}
    return nevergrad(problem, optimizer, x0=start, **{**several, **options})


def _cma(problem: Problem, start: Start, at_once: int | None = AT_ONCE, **options: Any) -> Persistent:
    return cma(problem, start, at_once=at_once, **options)


def _multistart(problem: Problem, start: Start, method: str = NAME, **options: Any) -> Persistent:
    if method == NAME:
        _check_residuals(problem, "multistart of least squares")
    residuals = RESIDUALS if method == NAME else None
    return multistart(problem, x0=start, method=method, residuals=residuals, **options)


def _pattern_search(problem: Problem, start: Start, **options: Any) -> Persistent:
    return pattern_search(problem, start, **options)


def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Returns the names of the options that a function declares."""
    every = inspect.signature(function).parameters.values()
    return tuple(one.name for one in every if one.name not in FILLED and one.kind is not one.VAR_KEYWORD)


METHODS: Final[Mapping[str, Method]] = {
    "least_squares": Method(
        _least_squares,
        tuple(dict.fromkeys((*_names(least_squares), *OPTIONS, *SCIPY))),
        sized=True,
        says="residuals of smooth models: by far the fewest evaluations",
    ),
    "scipy": Method(_scipy, _names(minimize), sized=True, says="any method of scipy.optimize.minimize, on the loss"),
    "multistart": Method(_multistart, _names(multistart), bounds=True, says="least squares from many starts"),
    "pattern_search": Method(
        _pattern_search, _names(pattern_search), says="noisy losses, hopeless candidates given up"
    ),
    "cma": Method(_cma, _names(cma), says="rugged losses of up to about 100 parameters"),
    "nevergrad": Method(_nevergrad, _names(nevergrad), says="any optimiser of nevergrad"),
    "gp": Method(Expensive, _names(BayesianOptimizer), bounds=True, says="few and dear evaluations"),
}
SIZED: Final = tuple(name for name, one in METHODS.items() if one.sized)
"""Methods that are given the sizes of parameters as the option ``scale``."""


def generator_of(method: str, problem: Problem, start: Start, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 a Generator, or what steers
    """Returns the generator of a method; raises ``UserError`` for what is not known, or lacks bounds."""
    if method not in METHODS:
        raise UserError(f"fit: no method {method!r}{did_you_mean(method, METHODS)}; expected one of {list(METHODS)}")
    chosen = METHODS[method]
    _check_options(method, options, chosen.options)
    if chosen.bounds and (lacking := unbounded(problem)):
        raise UserError(f"fit: {method} needs bounds of all free parameters; {lacking} lack one: give bounds=")
    return chosen.make(problem, start, **options)


def checked_generator(generator: Payload) -> Any:  # noqa: ANN401 a Generator, or what steers
    """Returns a generator of the user's own; raises ``UserError`` for what is none."""
    if isinstance(generator, Steers) or all(callable(getattr(generator, one, None)) for one in CALLS):
        return generator
    raise UserError(
        f"fit: expected the name of a method, one of {list(METHODS)}, or a generator, got {generator!r:.80}"
    )


CALLS: Final = ("suggest", "ingest", "finalize")
"""What a ``Generator`` can be asked."""


def unbounded(problem: Problem) -> list[str]:
    """Returns the free parameters that lack a bound."""
    assert not isinstance(problem.variables, Pool)
    return [name for name, one in problem.variables.items() if isinstance(one, Real) and not one.bounded]


def _check_options(method: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in options:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UserError(f"fit: {method} has no option {name!r}{hint}; expected some of {list(known)}")
