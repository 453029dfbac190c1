"""How sure parameters are by fits to data drawn again: one linear step each, or real fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final, Literal, final, get_args

import numpy as np

from cohobate.core.errors import UserError, did_you_mean
from cohobate.fit.record import Candidate
from cohobate.fit.refit import redrawn, refits, refitting
from cohobate.fit.setup import Setup, counts
from cohobate.fit.statistics import Uncertainty
from cohobate.fit.texts import aligned, with_error
from cohobate.propose.scaling import Numbers
from cohobate.view.text import shown

Resample = Literal["residuals", "terms", "parametric"]
LEAST: Final = 10
"""Fits below which a spread says nothing."""


@final
@dataclass(frozen=True)
class Bootstrap:
    """The parameters of all fits, samples: (n, d); NaN in the columns of those that are not determined.

    ``refitted`` tells real fits from linear steps; ``failed`` fits gave nothing and are left out.
    """

    names: tuple[str, ...]
    values: Numbers
    samples: Numbers
    resample: Resample
    refitted: bool
    failed: int = 0

    @property
    def errors(self) -> dict[str, float]:
        """The standard deviations by name."""
        return dict(zip(self.names, self.samples.std(axis=0, ddof=1).tolist(), strict=True))

    @property
    def correlations(self) -> Numbers:
        """The correlations: (d, d)."""
        centred = self.samples - self.samples.mean(axis=0)
        spread = np.sqrt((centred**2).sum(axis=0))
        with np.errstate(invalid="ignore"):
            found: Numbers = (centred.T @ centred) / np.outer(spread, spread)
        return found

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Returns the quantiles between which a share of ``level`` lies, by name."""
        low, high = np.quantile(self.samples, [0.5 - level / 2, 0.5 + level / 2], axis=0)
        return {name: (float(a), float(b)) for name, a, b in zip(self.names, low, high, strict=True)}

    def __str__(self) -> str:
        how = "real fits at the engine" if self.refitted else "linear steps from the best parameters: no evaluations"
        failed = f"; {self.failed} more failed" if self.failed else ""
        ranges = self.intervals()
        rows = [
            (shown(name, 40), with_error(value, error), f"{ranges[name][0]:.6g} to {ranges[name][1]:.6g}")
            for (name, error), value in zip(self.errors.items(), self.values.tolist(), strict=True)
        ]
        head = f"Bootstrap of {self.resample}: {len(self.samples)} {how}{failed}"
        return "\n".join([head, *aligned([("parameter", "value", "95 %"), *rows])])


def bootstrap(
    setup: Setup, best: Candidate, sure: Uncertainty, n: int, seed: int, *, resample: Resample, refit: bool
) -> Bootstrap:
    """Returns ``n`` fits to data drawn again; see ``FitResult.bootstrap``."""
    if resample not in get_args(Resample):
        hint = did_you_mean(str(resample), get_args(Resample))
        raise UserError(f"bootstrap: expected resample one of {list(get_args(Resample))}, got {resample!r}{hint}")
    if n < LEAST:
        raise UserError(f"bootstrap: expected at least {LEAST} fits, got {n!r}")
    drawn = _draws(setup, best, sure, resample)
    rng = np.random.default_rng(seed)
    draws = [drawn(rng) for _ in range(n)]
    if not refit:
        samples = np.stack([_step(best.residuals, sure, *draw) for draw in draws])
        return Bootstrap(sure.names, sure.values, samples, resample, refitted=False)
    with setup.place.held() as place:
        here = refitting(replace(setup, place=place)).starting(best.values)
        every = [redrawn(here, *draw) for draw in draws]
        once = {one.version: one for one in every}
        fits = dict(zip(once, refits(here, once.values(), "bootstrap", dict(best.values)), strict=True))
    found = [fits[one.version] for one in every]
    samples = np.array([[float(one.values[name]) for name in sure.names] for one in found if one is not None])
    if len(samples) < 2:
        raise UserError(f"bootstrap: {n - len(samples)} of {n} fits failed: there is no spread")
    return Bootstrap(sure.names, sure.values, samples, resample, refitted=True, failed=n - len(samples))


Draw = Callable[[np.random.Generator], tuple[Numbers, Numbers]]


def _draws(setup: Setup, best: Candidate, sure: Uncertainty, resample: Resample) -> Draw:
    """Returns what draws (scale, shift) of the residuals."""
    here = best.residuals
    match resample:
        case "terms":
            return _terms(counts(setup.objective, best), len(here))
        case "parametric":
            width = float(np.sqrt(sure.variance))
            return lambda rng: (np.ones_like(here), width * rng.standard_normal(len(here)) - here)
    pool = _scattered(here, sure)
    return lambda rng: (np.ones_like(here), rng.choice(pool, len(here)) - here)


def _scattered(here: Numbers, sure: Uncertainty) -> Numbers:
    """Returns residuals as they would scatter about the truth: the fit has made them smaller by their leverage."""
    moving = [name not in sure.unknown for name in sure.names]
    axes, _ = np.linalg.qr(sure.jacobian[:, moving])
    leverage = np.clip((axes**2).sum(axis=1), 0.0, 1.0 - 1e-9)
    scattered = here / np.sqrt(1.0 - leverage)
    found: Numbers = scattered - scattered.mean()
    return found


def _terms(sizes: Sequence[int], m: int) -> Draw:
    """Returns what draws whole terms, each as often as it comes; priors always stay."""
    if len(sizes) < 2:
        raise UserError(f"bootstrap: drawing terms needs at least 2 of them, got {len(sizes)}: draw residuals")
    places = list(pairwise([0, *accumulate(sizes)]))

    def draw(rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        scale = np.ones(m)
        for (start, stop), times in zip(
            places, rng.multinomial(len(sizes), [1 / len(sizes)] * len(sizes)), strict=True
        ):
            scale[start:stop] = np.sqrt(times)
        return scale, np.zeros(m)

    return draw


def _step(here: Numbers, sure: Uncertainty, scale: Numbers, shift: Numbers) -> Numbers:
    """Returns the parameters after one step of Gauss and Newton on other residuals."""
    moving = np.array([name not in sure.unknown for name in sure.names])
    found = np.full(len(sure.names), np.nan)
    columns = scale[:, None] * sure.jacobian[:, moving]
    step = np.linalg.lstsq(columns, -(scale * here + shift), rcond=None)[0]
    found[moving] = sure.values[moving] + step
    return found
