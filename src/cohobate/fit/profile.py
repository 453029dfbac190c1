"""The profile of a loss: how it grows with the distance of one parameter, all others fitted anew."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.outcome import Value
from cohobate.fit.record import Candidate
from cohobate.fit.refit import refits, refitting
from cohobate.fit.setup import Setup
from cohobate.fit.statistics import Uncertainty, quantile
from cohobate.fit.texts import aligned
from cohobate.host.extras import require
from cohobate.propose.scaling import Numbers

REACH: Final = 1.3
"""How far to either side is looked, in widths of the interval that a linear model would have."""
BETTER: Final = 1e-4
"""How much lower, in variances, a loss must be to be called lower than the best."""


@final
@dataclass(frozen=True)
class Profile:
    """Values of a parameter: (k,), rising, and the chi-squares: (k,) of the best fits there; NaN where it failed.

    ``interval`` holds the truth with a probability of ``level``; an end that is beyond the values is infinite.
    """

    name: str
    best: float
    values: Numbers
    chi_squares: Numbers
    least: float
    variance: float
    freedom: int
    absolute_sigma: bool
    level: float = 0.95

    @property
    def distances(self) -> Numbers:
        """The roots of the growth of chi-square in standard errors, signed: (k,); a straight line in a linear model."""
        grown = np.clip(self.chi_squares - self.least, 0.0, None) / self.variance
        found: Numbers = np.sign(self.values - self.best) * np.sqrt(grown)
        return found

    @property
    def interval(self) -> tuple[float, float]:
        """The interval at ``level``."""
        return self.interval_at(self.level)

    def interval_at(self, level: float) -> tuple[float, float]:
        """Returns the interval of another probability."""
        reach = quantile(level, self.freedom, absolute_sigma=self.absolute_sigma)
        return self._end(-reach), self._end(reach)

    @property
    def lower(self) -> float | None:
        """The value at which a lower loss was found than the fit did; ``None`` where there is none."""
        known = np.where(np.isfinite(self.chi_squares), self.chi_squares, np.inf)
        at = int(np.argmin(known))
        return float(self.values[at]) if known[at] < self.least - BETTER * self.variance else None

    def _end(self, reach: float) -> float:
        """Returns where the distance is ``reach``, between the values by a smooth curve."""
        side = math.copysign(1.0, reach)
        ways = [(0.0, self.best), *self._on(side)]
        if ways[-1][0] < abs(reach) or math.isnan(reach):
            return side * math.inf
        curve = require("scipy.interpolate", extra="learn").PchipInterpolator(*zip(*ways, strict=True))
        return float(curve(abs(reach)))

    def _on(self, side: float) -> Iterator[tuple[float, float]]:
        """Returns distance and value on one side, from the best outwards, as long as the distance grows."""
        order = np.argsort(side * self.values)
        last = 0.0
        for distance, value in zip(side * self.distances[order], self.values[order], strict=True):
            if distance > last:
                last = float(distance)
                yield last, float(value)

    def __str__(self) -> str:
        low, high = self.interval
        rows = [
            (f"{value:.8g}", f"{chi:.8g}", f"{distance:+.3f}")
            for value, chi, distance in zip(self.values, self.chi_squares, self.distances, strict=True)
        ]
        head = f"Profile of {self.name}: {self.best:.8g}, {self.level:.0%} within {low:.6g} to {high:.6g}"
        heads = (self.name, "chi-square", "standard errors away")
        said = (
            [] if self.lower is None else [f"at {self.lower:g} a lower loss was found: the fit was not at its minimum"]
        )
        return "\n".join([head, *aligned([heads, *rows]), *said])


def profile(
    setup: Setup, best: Candidate, sure: Uncertainty, name: str, points: int | Sequence[float], *, level: float
) -> Profile:
    """Returns the profile of a parameter; see ``FitResult.profile``."""
    if name not in best.values:
        hint = did_you_mean(name, best.values)
        raise UserError(f"profile: no free parameter {name!r}{hint}; there are {list(best.values)}")
    at = float(best.values[name])
    reach = REACH * quantile(level, sure.freedom, absolute_sigma=sure.absolute_sigma)
    wanted = _points(setup, sure, name, points, reach)
    with setup.place.held() as place:
        here = refitting(replace(setup, place=place))
        found = dict(_walk(here, best, name, [value for value in wanted if value > at]))
        found |= dict(_walk(here, best, name, [value for value in wanted[::-1] if value < at]))
    least = float(best.residuals @ best.residuals)
    values = np.array(sorted([*found, at]))
    chi_squares = np.array([found.get(float(value), least) for value in values])
    freedom, absolute = sure.freedom, sure.absolute_sigma
    return Profile(name, at, values, chi_squares, least, sure.variance, freedom, absolute, level)


def _points(setup: Setup, sure: Uncertainty, name: str, points: int | Sequence[float], reach: float) -> list[float]:
    if not isinstance(points, int):
        return sorted({float(value) for value in points})
    error, value = sure.errors[name], float(sure.values[sure.names.index(name)])
    if not math.isfinite(error):
        said = sure.unknown.get(name, "")
        raise UserError(f"profile: the error of {name!r} is not known ({said}): say where to look, points=[...]")
    one = setup.parameters.variables[name]
    wanted = value + error * np.linspace(-reach, reach, max(3, points))
    return sorted(set(np.clip(wanted, one.lo, one.hi).tolist()))


def _walk(setup: Setup, best: Candidate, name: str, values: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Returns chi-squares outwards from the best, each fit starting at the one before."""
    others = {one: value for one, value in best.values.items() if one != name}
    for value in values:
        found = _fitted(setup, name, value, others)
        yield value, math.nan if found is None else float(found.residuals @ found.residuals)
        others = dict(found.values) if found is not None and others else others


def _fitted(setup: Setup, name: str, value: float, others: dict[str, float]) -> Candidate | None:
    if not others:
        alone = setup.evaluate([{name: value}], "profile")[0]
        return alone if isinstance(alone.outcome, Value) else None
    held = setup.holding(name, value).starting(others)
    (found,) = refits(held, [held.simulator], "profile", [name, value, others])
    return found
