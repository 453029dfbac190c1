"""Where a function is to be learned: intervals with names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from numbers import Real as Number

from cohobate.core.errors import LearnerError
from cohobate.core.problem import Output, Problem, Real
from cohobate.propose.scaling import check_bounded

Interval = tuple[float, float] | Sequence[float] | Real
Domain = Interval | Mapping[str, Interval] | Sequence[Interval]
NAMES = ("x", "y", "z", "w", "v")
"""What axes are called that nobody named."""
OUTPUT = "f"
"""What is learned, where nobody named it."""


def axes_of(domain: Domain, who: str) -> dict[str, Real]:
    """Returns the named intervals of a domain: a pair, a sequence of pairs, or a mapping of names to pairs.

    Raises ``LearnerError`` for bounds that are reversed, equal, infinite, NaN or no numbers.
    """
    axes = _axes_of(domain, who)
    check_bounded(axes, who, LearnerError)
    return axes


def _axes_of(domain: Domain, who: str) -> dict[str, Real]:
    match domain:
        case Real():
            return {NAMES[0]: domain}
        case Mapping():
            return {name: _interval(one, f"{who}: {name}") for name, one in domain.items()}
        case str():
            raise LearnerError(f"{who}: expected bounds such as (-1, 1), got {domain!r:.80}")
    listed = _listed(domain, who)
    if len(listed) == 2 and all(isinstance(bound, Number) for bound in listed):
        return {NAMES[0]: _interval(listed, who)}
    names = NAMES if len(listed) <= len(NAMES) else tuple(f"x{i}" for i in range(len(listed)))
    return {name: _interval(one, f"{who}: {name}") for name, one in zip(names, listed, strict=False)}


def problem_over(axes: Mapping[str, Real], output: str, shape: tuple[int, ...] | None = None) -> Problem:
    """Returns the problem of learning ``output`` over intervals; numbers of any shape unless one is given."""
    return Problem(dict(axes), (Output(output, "explore", shape),))


def _interval(bounds: object, who: str) -> Real:
    if isinstance(bounds, Real):
        return bounds
    pair = _listed(bounds, who)
    numbers = [float(one) for one in pair if isinstance(one, Number) and not isinstance(one, bool)]
    if len(pair) != 2 or len(numbers) != 2:
        raise LearnerError(f"{who}: expected two numbers as bounds, got {bounds!r:.80}")
    lo, hi = numbers
    if not (isfinite(lo) and isfinite(hi)):
        raise LearnerError(f"{who}: expected finite bounds, got {bounds!r:.80}")
    if lo >= hi:
        raise LearnerError(f"{who}: the lower bound must be below the upper one, got {bounds!r:.80}")
    return Real(lo, hi)


def _listed(bounds: object, who: str) -> list[object]:
    if not isinstance(bounds, Iterable):
        raise LearnerError(f"{who}: expected bounds such as (-1, 1), got {bounds!r:.80}")
    return list(bounds)
