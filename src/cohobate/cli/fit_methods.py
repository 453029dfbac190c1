"""Makes the generator of a fit from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cohobate.cli.fit_tables as toml
from cohobate.campaign.members import finite, members_of
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import ConfigError, did_you_mean
from cohobate.core.problem import Problem
from cohobate.core.protocols import Generator
from cohobate.core.steering import Steers
from cohobate.fit.methods import METHODS, SIZED, generator_of
from cohobate.fit.parameters import Parameters
from cohobate.propose.optimisers.local import METHODS as SCIPY


def generator(wish: toml.Optimizer, problem: Problem, parameters: Parameters) -> Generator | Steers:
    """Returns the generator of a method; raises ``UserError`` for a method or an option that is not known."""
    how, options = _method(wish)
    sizes = {"scale": parameters.scales} if how in SIZED else {}
    match capture(generator_of, how, problem, parameters.start, {**sizes, **options}):
        case Returned(made):
            return made  # type: ignore[no-any-return]  # a protocol without a common base
        case Raised(TypeError() as error, message):
            raise ConfigError(f"method {wish.method!r} with {', '.join(wish.options)}: {message}") from error
        case Raised(error):
            raise error


def check_end(made: Generator | Steers) -> None:
    """Raises ``ConfigError`` for a method that needs to be told when it is enough."""
    if not finite(members_of(made, None)):
        raise ConfigError("is missing: this optimizer never ends by itself; for example goal = { evaluations = 500 }")


def _method(wish: toml.Optimizer) -> tuple[str, Mapping[str, Any]]:
    """Returns the way of fitting and its options; a method of scipy is one by its own name."""
    if wish.method in METHODS:
        return wish.method, wish.options
    if wish.method.lower() in SCIPY and wish.variant is None:
        return "scipy", {"method": wish.method, **wish.options}
    known = [*METHODS, *sorted(SCIPY)]
    raise ConfigError(
        f"method: expected one of {', '.join(METHODS)}, or of scipy's such as L-BFGS-B, "
        f"got {wish.method!r:.60}{did_you_mean(wish.method, known)}"
    )
