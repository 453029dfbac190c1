"""How sure the parameters of a fit are: standard errors and correlations from residuals and their Jacobian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from cohobate.core.errors import UserError
from cohobate.host.extras import require
from cohobate.propose.scaling import Numbers

BLIND: Final = 1e-3
"""Share of a parameter in a direction along which no residual changes, from which its error is unknown."""
OUTER: Final = 1e-6
"""How near to a bound, in widths of the interval or sizes of the bound, a parameter counts as being at it."""
NEAR: Final = 1e-2
"""How near to a bound a parameter is said to be near it."""


@final
@dataclass(frozen=True)
class Uncertainty:
    """Standard errors, covariance (d, d) and correlations (d, d) of the free parameters, in their order.

    ``spread`` (d, d) is the covariance for residuals of variance 1: the inverse of transpose(J) J.

    What cannot be known is NaN, and ``unknown`` says why. ``variance`` is what a squared residual is on
    average: loss / (m - d), or 1 where the sigmas of the terms are taken as they are (``absolute_sigma``).
    """

    names: tuple[str, ...]
    values: Numbers
    spread: Numbers
    variance: float
    freedom: int
    absolute_sigma: bool
    jacobian: Numbers
    source: str
    unknown: Mapping[str, str] = field(default_factory=dict)
    logarithmic: frozenset[str] = frozenset()

    @property
    def covariance(self) -> Numbers:
        """The covariance: (d, d)."""
        return self.variance * self.spread

    @property
    def errors(self) -> dict[str, float]:
        """The standard errors by name."""
        return dict(zip(self.names, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    @property
    def correlations(self) -> Numbers:
        """The correlations: (d, d); NaN beside a parameter without an error."""
        sizes = np.sqrt(np.diag(self.spread))
        found: Numbers = np.clip(self.spread / np.outer(sizes, sizes), -1.0, 1.0)
        np.fill_diagonal(found, np.where(np.isfinite(sizes), 1.0, np.nan))
        return found

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Returns intervals that hold the truth with a probability of ``level``, where the model is nearly linear.

        Student's t where the variance is estimated, the normal distribution for absolute sigmas. Those of a
        logarithmic parameter are symmetric in its logarithm.
        """
        width = quantile(level, self.freedom, absolute_sigma=self.absolute_sigma)
        errors = self.errors
        return {name: self._interval(name, width * errors[name]) for name in self.names}

    def _interval(self, name: str, half: float) -> tuple[float, float]:
        value = float(self.values[self.names.index(name)])
        if name in self.logarithmic:
            factor = float(np.exp(half / value))
            return value / factor, value * factor
        return value - half, value + half


def quantile(level: float, freedom: int, *, absolute_sigma: bool) -> float:
    """Returns how many standard errors an interval reaches to either side."""
    if not 0 < level < 1:
        raise UserError(f"level: expected a probability between 0 and 1, such as 0.95, got {level!r}")
    stats = require("scipy.stats", extra="learn")
    inside = 0.5 + level / 2
    if absolute_sigma:
        return float(stats.norm.ppf(inside))
    return float(stats.t.ppf(inside, freedom)) if freedom > 0 else float("nan")


def estimate(
    names: Sequence[str],
    values: Sequence[float],
    residuals: Numbers,
    jacobian: Numbers,
    *,
    at_bounds: Mapping[str, str],
    absolute_sigma: bool = False,
    accuracy: float = 1e-9,
    source: str = "",
    logarithmic: frozenset[str] = frozenset(),
    failed: Mapping[str, str] | None = None,
) -> Uncertainty:
    """Returns how sure parameters are by their Jacobian: (m, d), d residuals / d values.

    The covariance is variance * inverse(transpose(J) J). Parameters at a bound, and those whose column has
    ``failed``, are held; their errors, and those of what no residual or only a combination of depends on
    (singular values below ``accuracy`` of the largest), are not known.
    """
    unknown = {**at_bounds, **(failed or {})}
    moving = np.array([name not in unknown for name in names])
    inverse, blind = _inverse(jacobian[:, moving], [name for name in names if name not in unknown], accuracy)
    unknown |= blind
    freedom = len(residuals) - int(np.sum([name not in at_bounds for name in names]))
    variance = 1.0 if absolute_sigma else float(residuals @ residuals) / freedom if freedom > 0 else np.nan
    if np.isnan(variance):
        why = f"{len(residuals)} residuals leave nothing to tell the scatter of {len(names)} parameters"
        unknown |= {name: why for name in names if name not in unknown}
    spread = np.full((len(names), len(names)), np.nan)
    spread[np.ix_(moving, moving)] = inverse
    return Uncertainty(
        tuple(names),
        np.array(values, dtype=float),
        spread,
        variance,
        freedom,
        absolute_sigma,
        jacobian,
        source,
        unknown,
        logarithmic,
    )


def _inverse(jacobian: Numbers, names: Sequence[str], accuracy: float) -> tuple[Numbers, dict[str, str]]:
    """Returns inverse(transpose(J) J), NaN in the rows of parameters that are not determined, and why not."""
    unknown: dict[str, str] = {}
    sizes = np.linalg.norm(jacobian, axis=0)
    for name, size in zip(names, sizes, strict=True):
        if size == 0:
            unknown[name] = "no residual depends on it"
    known = sizes > 0
    found = np.full((len(names), len(names)), np.nan)
    if not known.any():
        return found, unknown
    scaled = jacobian[:, known] / sizes[known]
    inverse, blind = _pseudo(scaled, accuracy)
    entangled = [name for name, hidden in zip(_those(names, known), blind, strict=True) if hidden]
    for name in entangled:
        others = ", ".join(one for one in entangled if one != name)
        unknown[name] = f"only a combination with {others} is determined" if others else "no residual depends on it"
    inverse[blind, :] = inverse[:, blind] = np.nan
    found[np.ix_(known, known)] = inverse / np.outer(sizes[known], sizes[known])
    return found, unknown


def _pseudo(scaled: Numbers, accuracy: float) -> tuple[Numbers, Numbers]:
    """Returns the inverse within the directions that residuals see, and which parameters reach out of these."""
    _, singular, directions = np.linalg.svd(np.linalg.qr(scaled, mode="r"), full_matrices=True)
    singular = np.pad(singular, (0, len(directions) - len(singular)))
    seen = singular > accuracy * singular[0]
    inverse = (directions[seen].T / singular[seen] ** 2) @ directions[seen]
    return inverse, np.any(np.abs(directions[~seen]) > BLIND, axis=0)


def _those(names: Sequence[str], which: Numbers) -> list[str]:
    return [name for name, wanted in zip(names, which, strict=True) if wanted]


def at_bound(value: float, lo: float, hi: float, size: float = 0.0, *, within: float = OUTER) -> str:
    """Returns which bound a value is at, empty where it is at none.

    Distances are compared with the width of the interval; where that is infinite, with the bound or a ``size``
    of changes that matter, whichever is larger.

    >>> at_bound(1.0, 1.0, 2.0), at_bound(1.5, 1.0, 2.0), at_bound(1e-9, 0.0, float("inf"), 3.4)
    ('at its lower bound 1', '', 'at its lower bound 0')
    """
    width = hi - lo
    for name, bound in (("lower", lo), ("upper", hi)):
        room = width if np.isfinite(width) else max(abs(bound), size)
        if np.isfinite(bound) and abs(value - bound) <= within * room:
            return f"at its {name} bound {bound:g}"
    return ""


def near_bound(value: float, lo: float, hi: float, size: float = 0.0) -> str:
    """Returns which bound a value is near or at, empty where it is near none.

    >>> near_bound(1.999, 0.0, 2.0), near_bound(2.0, 0.0, 2.0)
    ('near its upper bound 2', 'at its upper bound 2')
    """
    near = at_bound(value, lo, hi, size, within=NEAR).replace("at its", "near its")
    return at_bound(value, lo, hi, size) or near
