"""What was known of a parameter before a fit, as residuals whose squares add to the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import copysign, hypot, inf, isfinite, sqrt
from math import log as ln
from numbers import Real as Number
from typing import Any, TypeAlias, final

import numpy as np

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import Rejected, UserError
from cohobate.core.identity import code_hash
from cohobate.core.payload import Payload
from cohobate.propose.scaling import Numbers


@final
@dataclass(frozen=True, slots=True)
class GaussianPrior:
    """``mean`` give or take ``sigma`` (L2): adds ((value - mean) / sigma)² to the loss.

    ``log``: of the natural logarithm of the value, ``sigma`` too: 0.1 is about ten percent.
    """

    mean: float
    sigma: float
    log: bool = False

    def residuals(self, value: float) -> Numbers:
        """Returns (1,)."""
        return np.array([_between(value, self.mean, log=self.log) / self.sigma])


@final
@dataclass(frozen=True, slots=True)
class LaplacePrior:
    """A density exp(-abs(value - mean) / width) (L1): adds 2 abs(value - mean) / width to the loss.

    Unlike the Gaussian it pulls a parameter that the data say nothing of all the way to ``mean``. Its tip is rounded
    within ``rounding`` widths of ``mean``, so that least squares can follow. ``log``: of the natural logarithm
    of the value, ``width`` too.
    """

    mean: float
    width: float
    log: bool = False
    rounding: float = 1e-3

    def residuals(self, value: float) -> Numbers:
        """Returns (1,)."""
        u = _between(value, self.mean, log=self.log) / self.width
        # hypot(u, r) - r, without the difference of two numbers that are nearly equal
        above = u * u / (hypot(u, self.rounding) + self.rounding) if u else 0.0
        return np.array([copysign(sqrt(2 * above), u)])


@final
@dataclass(frozen=True, slots=True)
class BoxPrior:
    """All the same from ``lo`` to ``hi``; outside adds ((value - nearest end) / sigma)² to the loss.

    A bound that gives way; an infinite one is none. ``log``: distances and ``sigma`` are of the natural
    logarithm.
    """

    lo: float
    hi: float
    sigma: float
    log: bool = False

    def residuals(self, value: float) -> Numbers:
        """Returns (1,)."""
        nearest = min(max(value, self.lo), self.hi)
        return np.array([_between(value, nearest, log=self.log) / self.sigma if nearest != value else 0.0])


Penalty: TypeAlias = Callable[[Any], float | Sequence[float] | Numbers]
"""A function that returns residuals: one number or several."""
Prior: TypeAlias = GaussianPrior | LaplacePrior | BoxPrior | Callable[[float], float | Sequence[float] | Numbers]
READY = (GaussianPrior, LaplacePrior, BoxPrior)


def check_prior(prior: Payload, what: str) -> None:
    """Raises ``UserError`` for what is no prior."""
    match prior:
        case GaussianPrior(mean, sigma):
            _check(what, {"mean": mean}, {"sigma": sigma}, log=prior.log)
        case LaplacePrior(mean, width, rounding=rounding):
            _check(what, {"mean": mean}, {"width": width}, log=prior.log)
            if not (_is_number(rounding) and rounding >= 0):
                raise UserError(f"{what}: rounding must be a finite number of at least 0, got {rounding!r}")
        case BoxPrior(lo, hi, sigma):
            ends = {name: end for name, end in (("lo", lo), ("hi", hi)) if end not in (-inf, inf)}
            _check(what, ends, {"sigma": sigma}, log=prior.log)
            if lo >= hi:
                raise UserError(f"{what}: lo must be below hi, got {lo!r} and {hi!r}")
        case _ if not callable(prior) or isinstance(prior, type):
            kinds = ", ".join(one.__name__ for one in READY)
            raise UserError(f"{what}: expected {kinds} or a function that returns residuals, got {prior!r:.80}")


def residuals_of(prior: Prior | Penalty, given: Any, what: str) -> Numbers:  # noqa: ANN401 a number, or all of them
    """Returns the residuals of a prior: (k,); raises ``Rejected`` where it has none that are finite."""
    match capture(_residuals_of, prior, given):
        case Returned(found):
            if not np.all(np.isfinite(found)):
                raise Rejected(f"{what}: its residuals must be finite, got {found.tolist()!r:.80}")
            return np.asarray(found, dtype=float)
        case Raised(error, message):
            raise Rejected(f"{what}: {message}") from error


def described(prior: Prior | Penalty) -> Payload:
    """Returns what tells a prior from others, as plain data."""
    if isinstance(prior, READY):
        return [type(prior).__name__, {name: getattr(prior, name) for name in prior.__slots__}]
    return ["function", code_hash(prior)]


def _residuals_of(prior: Prior | Penalty, given: Any) -> Numbers:  # noqa: ANN401 a number, or all of them
    if isinstance(prior, READY):
        return prior.residuals(given)
    found: Numbers = np.asarray(prior(given), dtype=float).ravel()
    return found


def _between(value: float, other: float, *, log: bool) -> float:
    if not log:
        return value - other
    if value <= 0:
        raise ValueError(f"expected a value above 0 for its logarithm, got {value!r}")
    return ln(value) - ln(other)


def _check(what: str, places: dict[str, float], widths: dict[str, float], *, log: bool) -> None:
    for name, value in places.items():
        if not _is_number(value) or (log and value <= 0):
            raise UserError(f"{what}: {name} must be a finite number{' above 0' * log}, got {value!r:.80}")
    for name, value in widths.items():
        if not _is_number(value) or value <= 0:
            raise UserError(f"{what}: {name} must be a finite number above 0, got {value!r:.80}")


def _is_number(value: Payload) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool) and isfinite(value)
