"""Makes a gest-api generator from what a user gives: an object, its class, or a function that makes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import GeneratorError, UserError
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.host.extras import require
from cohobate.propose.gest.vocs import problem_of, vocs_of

MARK: Final = "_cohobate_claimed"


def make(source: Payload, given: Payload, settings: Mapping[str, Any]) -> tuple[Payload, Problem]:
    """Returns a generator and the problem it is posed.

    ``given`` is a problem, a VOCS, or ``None`` where the generator brings its VOCS; a class or function
    is called with the VOCS, by the keyword ``vocs`` where it takes that, else as the first argument.
    """
    if _is_generator(source):
        return _taken(source, settings), _problem_of(source, given)
    if not callable(source):
        raise UserError(f"from_gest: expected a generator with suggest and ingest, or its class, got {source!r:.80}")
    if given is None:
        raise UserError(f"from_gest({_name(source)}, ...): a class needs a problem (or a VOCS) as its second argument")
    problem = given if isinstance(given, Problem) else problem_of(given)
    vocs = vocs_of(given) if isinstance(given, Problem) else given
    match capture(_call(source, vocs, settings)):
        case Returned(made) if _is_generator(made):
            return made, problem
        case Returned(made):
            raise UserError(f"from_gest: {_name(source)} made {made!r:.80}: expected a generator")
        case Raised(error, message, _):
            raise GeneratorError(f"{_name(source)} could not be made for this problem: {message}") from error


def name_of(generator: Payload) -> str:
    """Returns the name of a generator's class."""
    return type(generator).__name__


def of_xopt(generator: Payload) -> bool:
    """Whether a generator is one of Xopt's, or made from one."""
    return any(cls.__module__.partition(".")[0] == "xopt" for cls in type(generator).__mro__)


def is_persistent(generator: Payload) -> bool:
    """Whether a generator is one of libEnsemble's in a process of its own, which waits for all its points."""
    return any(cls.__name__ == "PersistentGenInterfacer" for cls in type(generator).__mro__)


def _is_generator(source: Payload) -> bool:
    parts = (getattr(source, name, None) for name in ("suggest", "ingest"))
    return not isinstance(source, type) and all(callable(part) for part in parts)


def _name(source: Payload) -> str:
    return getattr(source, "__name__", type(source).__name__)


def _call(source: Callable[..., Any], vocs: Payload, settings: Mapping[str, Any]) -> Callable[[], Any]:
    """Returns the call that makes a generator; nothing is called to find out how."""
    keyword = partial(source, vocs=vocs, **settings)
    match capture(inspect.signature(source).bind, vocs=vocs, **settings):
        case Raised(TypeError()):
            return partial(source, vocs, **settings)
    return keyword


def _taken(generator: Payload, settings: Mapping[str, Any]) -> Payload:
    """Returns an object that no campaign has had before."""
    name = name_of(generator)
    if settings:
        raise UserError(f"from_gest({name} object): settings {sorted(settings)} are for a class; make it with them")
    if getattr(generator, MARK, False):
        raise UserError(
            f"this {name} was used already and cannot start again: give from_gest its class, or a function making it"
        )
    capture(object.__setattr__, generator, MARK, True)  # what has slots cannot be marked, and is taken at its word
    return generator


def _problem_of(generator: Payload, given: Payload) -> Problem:
    vocs = getattr(generator, "vocs", None) if given is None else given
    if isinstance(vocs, Problem):
        return vocs
    if vocs is None:
        raise UserError(f"this {name_of(generator)} does not show its VOCS: give from_gest the problem beside it")
    require("gest_api.vocs", extra="gest")
    return problem_of(vocs)
