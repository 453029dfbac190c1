"""The ways of fitting by name: each makes the generator of a campaign."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.propose.optimisers import least_squares, minimize
from cohobate.propose.persistent import Persistent

Start = Mapping[str, float]
Maker = Callable[..., Any]


def _least_squares(problem: Problem, start: Start, **options: Payload) -> Persistent:
    return least_squares(problem, start, "residuals", **options)


def _scipy(problem: Problem, start: Start, method: str = "L-BFGS-B", **options: Payload) -> Persistent:
    return minimize(problem, start, method, **options)


METHODS: Final[Mapping[str, Maker]] = {"least_squares": _least_squares, "scipy": _scipy}
SIZED: Final = ("least_squares", "scipy")
"""Methods that vary parameters in units of their sizes, or their logarithms, unless ``scale`` says otherwise."""


def generator_of(method: str, problem: Problem, start: Start, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 a Generator, or what steers
    """Returns the generator of a method; raises ``UserError`` for one that is not known."""
    if method not in METHODS:
        raise UserError(f"fit: no method {method!r}{did_you_mean(method, METHODS)}; expected one of {list(METHODS)}")
    return METHODS[method](problem, start, **options)
