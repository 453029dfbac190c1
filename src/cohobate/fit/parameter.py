"""One number of a model, and what a fit may do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan
from numbers import Real as Number
from typing import Any, final

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.core.problem import Real
from cohobate.fit.priors import Prior, check_prior, described


@final
@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a model: where a fit starts, within which bounds, and how it is varied.

    ``lo`` and ``hi`` may be left open. ``log`` varies its logarithm, and needs a positive value. ``scale`` is the
    size of change that matters (default: that of the value; of one that is 0 the width of its bounds, else 1).
    ``fixed`` keeps it. ``expr`` ties it to others in place of a value: an expression of their dotted names,
    such as ``"2 * Ar.sigma"``. ``prior`` says what was known of it before: a ``GaussianPrior``, ``LaplacePrior``
    or ``BoxPrior``, or a function of the value that returns residuals. ``unit`` is for people.
    """

    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    log: bool = False
    scale: float | None = None
    fixed: bool = False
    expr: str | None = None
    prior: Prior | None = None
    unit: str = ""

    @property
    def free(self) -> bool:
        """Whether a fit varies it."""
        return not self.fixed and self.expr is None

    @property
    def variable(self) -> Real:
        """It as the variable of a problem."""
        lo, hi = self.bounds
        return Real(lo, hi, log=self.log, unit=self.unit)

    @property
    def bounds(self) -> tuple[float, float]:
        """The bounds, infinite where they are open."""
        return -inf if self.lo is None else self.lo, inf if self.hi is None else self.hi

    @property
    def size(self) -> float:
        """The size of change that matters."""
        lo, hi = self.bounds
        width = hi - lo
        return self.scale or abs(self.value or 0.0) or (width if isfinite(width) else 1.0)

    def describe(self) -> Mapping[str, Any]:
        """Returns what a candidate's outcome depends on: all but the bounds, the unit, and the start if it is free."""
        kept = {"fixed": self.value} if self.fixed else {} if self.expr is None else {"expr": self.expr}
        return {**kept, **({} if self.prior is None else {"prior": described(self.prior)})}


def checked(name: str, given: Payload, limits: tuple[Payload, Payload] | None) -> Parameter:
    """Returns a parameter of a name with its numbers as floats, ``limits`` in place of its bounds.

    Raises ``UserError``, in which it is named, for what makes no sense.
    """
    one = given if isinstance(given, Parameter) else Parameter(given)
    lo, hi = limits or (one.lo, one.hi)
    told = f"parameter {name!r}"
    one = replace(one, lo=_bound(lo, -inf, f"{told}: lo"), hi=_bound(hi, inf, f"{told}: hi"))
    if one.prior is not None:
        check_prior(one.prior, f"{told}: prior")
    return _tied(one, told) if one.expr is not None else _valued(one, told)


def number_of(value: Payload, what: str) -> float:
    """Returns a finite number as a float; raises ``UserError`` for what is none."""
    plain = value.item() if getattr(value, "shape", None) == () else value  # numpy's arrays of no dimension
    if isinstance(plain, bool) or not isinstance(plain, Number):
        raise UserError(f"{what}: expected a number, got {value!r:.80}{_hint(plain)}")
    try:
        found = float(plain)
    except OverflowError:
        found = inf
    if not isfinite(found):
        raise UserError(f"{what}: expected a finite number, got {value!r:.80}")
    return found


def _tied(one: Parameter, told: str) -> Parameter:
    beside = {
        "value": one.value is not None,
        "fixed": one.fixed,
        "bounds": one.bounds != (-inf, inf),
        "log": one.log,
        "scale": one.scale is not None,
    }
    if any(beside.values()):
        wrong = [name for name, given in beside.items() if given]
        raise UserError(f"{told}: expr={one.expr!r} says what it is: leave out {', '.join(wrong)}")
    return one


def _valued(one: Parameter, told: str) -> Parameter:
    if one.value is None:
        raise UserError(f"{told}: expected a number to start from, got None")
    value = number_of(one.value, told)
    lo, hi = one.bounds
    if not lo < hi:
        raise UserError(f"{told}: the lower bound must be below the upper one, got {lo} and {hi}; fixed=True keeps it")
    if not lo <= value <= hi:
        raise UserError(f"{told}: its bounds exclude the start: {value!r} is not within [{lo}, {hi}]")
    if one.log and (value <= 0 or -inf < lo <= 0):
        got = f"the value {value!r}" if value <= 0 else f"the lower bound {lo}"
        raise UserError(f"{told}: log needs a positive value, and a positive lower bound or none, got {got}")
    return replace(one, value=value, scale=_scale(one, told))


def _scale(one: Parameter, told: str) -> float | None:
    if one.scale is None:
        return None
    size = number_of(one.scale, f"{told}: scale")
    if size <= 0:
        raise UserError(f"{told}: scale must be above 0, got {one.scale!r}")
    if one.log:
        raise UserError(f"{told}: its logarithm is varied, which needs no size: leave out scale")
    return size


def _bound(value: Payload, unset: float, what: str) -> float:
    if value is None:
        return unset
    if isinstance(value, bool) or not isinstance(value, Number) or isnan(value):
        raise UserError(f"{what} must be a number, or None where it is open, got {value!r:.80}")
    return float(value)


def _hint(value: Payload) -> str:
    return "; what is no number goes to a term by its inputs=" if isinstance(value, str) else ""
