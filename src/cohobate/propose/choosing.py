"""How much each row of a pool promises, from the predictions of all modelled outputs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import GeneratorError
from cohobate.models.acquisition import LOGARITHMIC, Acquisition, Choice, HypervolumeImprovement, Thompson, name_of
from cohobate.models.hypervolume import TINY, log_expected_improvement, reference_point
from cohobate.models.kernels import Floats
from cohobate.models.prediction import Prediction
from cohobate.models.units import Units, magnitude
from cohobate.propose.aims import Aims

SHORTLIST = 128
"""Candidates for which it is worked out how much a cheap evaluation tells."""
PLAIN = 2.0**900
"""Numbers below this, and above its inverse, can be squared half way without leaving the range of floats."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a choice is made from: predictions, known values (rows, outputs), pending and open candidates.

    ``costs`` are those of one evaluation at each level, the full one last, and ``work`` is how many there
    were; known values are at the full one.
    """

    predictions: Mapping[str, Prediction]
    known: Floats
    pending: list[int]
    open: NDArray[np.bool_]
    random: np.random.Generator
    costs: tuple[float, ...] = (1.0,)
    work: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Scores:
    """The score of each row, (pool,), of which only open ones may be taken, and how they were made."""

    why: str
    each: Floats


def scores(chosen: Choice, aims: Aims, outlook: Outlook) -> Scores:
    """Returns how much each row promises.

    With constraints: times the probability of keeping them (Gardner et al. 2014, eq. 10), and that
    alone before any known row keeps them. A score that is not a logarithm counts from the lowest.
    """
    found = _scores(chosen, aims, outlook)
    return replace(found, each=over_levels(found.each, outlook)) if len(outlook.costs) > 1 else found


def _scores(chosen: Choice, aims: Aims, outlook: Outlook) -> Scores:
    if not aims.constraints:
        return Scores(name_of(chosen), _worth(chosen, aims, outlook, outlook.known))
    likely = aims.log_feasibility(outlook.predictions)
    kept = outlook.known[aims.feasible(outlook.known)]
    if not len(kept):
        return Scores("feasibility", likely)
    if isinstance(chosen, HypervolumeImprovement):
        return Scores(name_of(chosen), _hypervolume(aims, outlook, kept, likely))
    worth = _worth(chosen, aims, outlook, kept)
    if isinstance(chosen, LOGARITHMIC):
        return Scores(name_of(chosen), worth + likely)
    return Scores(name_of(chosen), (worth - worth[outlook.open].min()) * np.exp(likely))


def over_levels(each: Floats, outlook: Outlook) -> Floats:
    """Returns the score of each candidate at each level: (levels * pool,), from that of the full one.

    A cheap evaluation is worth as much of the full one as it tells of it, and as often as it could be
    made for the same price: the logarithm of EI * correlation * cost ratio (Huang et al. 2006, eq. 5
    without noise), worked out for the ``SHORTLIST`` best candidates. As an improvement is only had once
    it is confirmed, half of the work goes to that: where the cheap levels have cost more so far, the
    best of those that were looked at is evaluated in full. What is out of the question stays behind.
    """
    levels = len(outlook.costs)
    pool = len(each) // levels
    full, still_open = each[-pool:], outlook.open.reshape(levels, pool)
    least = full.min()
    gains = _gains(full, still_open, outlook)
    *screening, confirming = np.multiply(outlook.work, outlook.costs)
    looked_at = ~still_open[:-1].all(axis=0)
    spread = np.full((levels, pool), least)
    if gains and sum(screening) > confirming and (looked_at & still_open[-1]).any():
        spread[-1, looked_at] = full[looked_at]
    else:
        spread[-1] = full
        for (level, candidate), gain in gains.items():
            spread[level, candidate] = max(full[candidate] + gain, least)
    return spread.ravel()


def _gains(full: Floats, still_open: NDArray[np.bool_], outlook: Outlook) -> dict[tuple[int, int], float]:
    """Returns by how much a look at (level, candidate) is worth more than the full evaluation, where it is."""
    levels, pool = still_open.shape
    left = np.flatnonzero(still_open[-1])
    short = left[np.argsort(-full[left], kind="stable")[:SHORTLIST]]
    gains: dict[tuple[int, int], float] = {}
    for level, cost in enumerate(outlook.costs[:-1]):
        items = short[still_open[level, short]]
        cheap, dear = (level * pool + items).tolist(), ((levels - 1) * pool + items).tolist()
        told = [found.told(cheap, dear) for found in outlook.predictions.values() if found.told]
        worth = np.log(np.maximum(np.mean(told, axis=0), TINY)) + np.log(outlook.costs[-1] / cost)
        gains |= {(level, item): gain for item, gain in zip(items.tolist(), worth.tolist(), strict=True) if gain > 0}
    return gains


def _worth(chosen: Choice, aims: Aims, outlook: Outlook, kept: Floats) -> Floats:
    """``kept``: the known values that keep the limits, (rows, outputs)."""
    match chosen:
        case HypervolumeImprovement():
            return _hypervolume(aims, outlook, kept, np.zeros(len(outlook.open)))
        case Thompson():
            return _drawn(chosen, aims, outlook)
        case _:
            return _scored(chosen, aims, outlook, kept)


def _scored(chosen: Acquisition, aims: Aims, outlook: Outlook, kept: Floats) -> Floats:
    [objective], [sign] = aims.objectives, aims.signs
    found = outlook.predictions[objective.name]
    mean = sign * found.mean
    std = mean if found.std is None else found.std
    best = float((sign * kept[:, 0]).max())
    size = magnitude(np.array([best, mean.max(), mean.min()]))
    if not 1 / PLAIN < size < PLAIN:
        mean, std, best = mean / size, std / size, best / size
    each = np.asarray(chosen(mean, std, best), float)
    if each.shape != mean.shape or np.isnan(each).any():
        what = f"shape {each.shape}" if each.shape != mean.shape else f"{np.isnan(each).sum()} NaN"
        raise GeneratorError(f"acquisition {name_of(chosen)!r}: expected {len(mean)} numbers, got {what}")
    return each


def _drawn(chosen: Thompson, aims: Aims, outlook: Outlook) -> Floats:
    """Rows out of the shortlist get the lowest score within it."""
    [objective], [sign] = aims.objectives, aims.signs
    found = outlook.predictions[objective.name]
    assert found.std is not None
    size = magnitude(found.mean)
    mean, std = sign * found.mean / size, found.std / size
    first = np.where(outlook.open, mean + std * outlook.random.standard_normal(len(mean)), -np.inf)
    count = min(chosen.shortlist, int(outlook.open.sum()))
    short = np.sort(np.argpartition(-first, count - 1)[:count])
    normal = outlook.random.standard_normal(len(short))
    if found.correlation is not None:
        normal = _root(found.correlation(short.tolist())) @ normal
    drawn = mean[short] + std[short] * normal
    each = np.full(len(mean), drawn.min())
    each[short] = drawn
    return each


def _root(correlation: Floats) -> Floats:
    """Returns the Cholesky factor of a correlation, its diagonal raised by as much as rounding makes necessary."""
    eye = np.eye(len(correlation))
    for raised in 10.0 ** np.arange(-6, 3):
        with suppress(np.linalg.LinAlgError):
            return np.linalg.cholesky(correlation + raised * eye)
    return eye


def _hypervolume(aims: Aims, outlook: Outlook, kept: Floats, likely: Floats) -> Floats:
    """Each objective in units of its own; pending rows that are expected to keep the limits are as expected.

    Only candidates at the full level are looked at; ``likely``: (pool,), is added. Whatever
    ``over_levels`` may choose from is exact.
    """
    believed = np.array([outlook.predictions[name].mean[outlook.pending] for name in aims.names]).T
    points = np.concatenate((kept, believed[aims.feasible(believed)]))
    still_open = outlook.open.reshape(len(outlook.costs), -1)
    pool, columns = np.flatnonzero(still_open[-1]), []
    rows = pool + still_open[:-1].size
    for at, output in enumerate(aims.objectives):
        sign, found = aims.signs[at], outlook.predictions[output.name]
        units = Units.of(outlook.known[:, at])
        assert found.std is not None
        mean, std = units.plain(found.mean[rows]), found.std[rows] / units.size / units.width
        columns.append((sign * mean, std, sign * units.plain(points[:, at])))
    mean, std, front = (np.stack(column, axis=1) for column in zip(*columns, strict=True))
    each = np.full(len(outlook.open), np.log(TINY))
    each[rows] = log_expected_improvement(
        mean,
        std,
        front,
        reference_point(front),
        log_weight=likely[rows],
        ranked=SHORTLIST if len(still_open) > 1 else 1,
        exactly=np.flatnonzero(~still_open[:-1, pool].all(axis=0)),
    )
    return each
