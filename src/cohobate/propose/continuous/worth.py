"""How much a point of a space promises, and which way that grows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Real as Number

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import ProblemError
from cohobate.core.front import nondominated
from cohobate.models import slopes
from cohobate.models.hypervolume import TINY, expected_improvement, reference_point
from cohobate.models.kernels import Floats
from cohobate.models.slopes import Sloped
from cohobate.models.surface import Sight, Surface
from cohobate.propose.aims import Aims
from cohobate.propose.continuous.outlook import Outlook

LEADERS = 4
"""Known points around which is looked."""


@dataclass(frozen=True, slots=True)
class Term:
    """One factor of what a point promises, as a logarithm: of its surfaces, ``signs`` times mean is looked at."""

    surfaces: tuple[Surface, ...]
    signs: Floats
    plain: Callable[[Floats, Floats], Floats]
    sloped: Callable[[Floats, Floats], Sloped]

    def at(self, points: Floats) -> Floats:
        """Returns the logarithm at points, (n, columns): (n,)."""
        mean, std = (np.stack(each, axis=1) for each in zip(*(one.at(points) for one in self.surfaces), strict=True))
        return self.plain(self.signs * mean, std)

    def climb(self, sights: dict[int, Sight]) -> tuple[float, Floats]:
        """Returns the logarithm at one point and its slopes, from how each surface, by ``id``, looks there."""
        seen = [sights[id(one)] for one in self.surfaces]
        mean, std = (np.array([[getattr(one, name)[0] for one in seen]]) for name in ("mean", "std"))
        found = self.sloped(self.signs * mean, std)
        rising = [
            sign * by_mean * one.mean_slope[0] + by_std * one.std_slope[0]
            for sign, by_mean, by_std, one in zip(self.signs, found.by_mean[0], found.by_std[0], seen, strict=True)
        ]
        return float(found.value[0]), np.sum(rising, axis=0)


@dataclass(frozen=True, slots=True)
class Worth:
    """The sum of ``terms``; ``why`` names what it is."""

    why: str
    terms: tuple[Term, ...]

    def at(self, points: Floats) -> Floats:
        """Returns what points promise: (n, columns) to (n,)."""
        total: Floats = np.sum([term.at(points) for term in self.terms], axis=0)
        return total

    def climb(self, point: Floats) -> tuple[float, Floats]:
        """Returns what one point, (columns,), promises and how that changes along each column."""
        sights = {id(one): one.sight(point) for term in self.terms for one in term.surfaces}
        parts = [term.climb(sights) for term in self.terms]
        return sum(value for value, _ in parts), np.sum([slope for _, slope in parts], axis=0)


def worth(aims: Aims, outlook: Outlook, reference: Mapping[str, float] | None = None) -> Worth:
    """Returns what is promised: the expected improvement, of the hypervolume for several objectives.

    It counts from what is believed of known and pending points, not from what was measured, so that
    noise does not pass for success (Picheny et al. 2013, section 3.1); volume is counted up to
    ``reference``, values by name, once something is better than that; times the probability of
    keeping each limit and of having a value at all (Gardner et al. 2014, eq. 10), and these alone
    before any known point keeps the limits.
    """
    limits = [*_limits(aims, outlook), *_success(outlook)]
    kept = outlook.known[aims.feasible(outlook.values)]
    if not len(kept):
        return Worth("feasibility", tuple(limits))
    believed = np.concatenate((kept, outlook.pending[_keeps(aims, outlook, outlook.pending)]))
    several = len(aims.objectives) > 1
    gain = _hypervolume(aims, outlook, believed, reference) if several else _improvement(aims, outlook, believed)
    return Worth("ehvi" if several else "ei", (gain, *limits))


def checked_reference(reference: Mapping[str, float] | None, aims: Aims) -> Mapping[str, float] | None:
    """Returns it; raises ``ProblemError`` unless it has a number for each of several objectives."""
    names = [output.name for output in aims.objectives]
    if reference is None:
        return None
    if len(names) < 2 or set(reference) != set(names) or not all(map(_finite, reference.values())):
        raise ProblemError(f"reference={reference!r}: expected a number for each of several objectives, here {names}")
    return {name: float(reference[name]) for name in names}


def _finite(value: object) -> bool:
    return isinstance(value, Number) and math.isfinite(value)


def leaders(aims: Aims, outlook: Outlook) -> NDArray[np.intp]:
    """Returns which known points, by number, are believed to be best, the best one first.

    Of several objectives the front; before any point keeps the limits, those that are likeliest to.
    """
    kept = np.flatnonzero(aims.feasible(outlook.values))
    if not len(kept):
        return np.argsort(-worth(aims, outlook).at(outlook.known), kind="stable")[:LEADERS]
    each = [sign * one.at(outlook.known[kept])[0] for sign, one in zip(aims.signs, outlook.outputs, strict=False)]
    if len(each) > 1:
        return kept[nondominated(np.stack(each, axis=1))]
    return kept[np.argsort(-each[0], kind="stable")[:LEADERS]]


def _improvement(aims: Aims, outlook: Outlook, believed: Floats) -> Term:
    surface, signs = outlook.outputs[0], aims.signs
    best = float((signs * surface.at(believed)[0]).max())
    return _of_one(surface, float(signs[0]), slopes.improvement, best)


def _hypervolume(aims: Aims, outlook: Outlook, believed: Floats, wanted: Mapping[str, float] | None) -> Term:
    surfaces = outlook.outputs[: len(aims.objectives)]
    front = _means(aims, outlook, believed)
    reference = _reference(aims, outlook, front)
    if wanted is not None:
        given = [_plain(one, wanted[output.name]) for one, output in zip(surfaces, aims.objectives, strict=True)]
        better = (front > aims.signs * given).all(axis=1).any()
        reference = aims.signs * given if better else reference
    front = front[nondominated(front) & (front > reference).all(axis=1)]

    def plain(mean: Floats, std: Floats) -> Floats:
        logarithms: Floats = np.log(np.maximum(expected_improvement(mean, std, front, reference), TINY))
        return logarithms

    return Term(surfaces, aims.signs, plain, partial(slopes.hypervolume, front=front, reference=reference))


def _reference(aims: Aims, outlook: Outlook, front: Floats) -> Floats:
    """Returns what is worth nothing: somewhat below the worst on the front that is expected of the whole space.

    That of known points would grow by small steps where these are in one place.
    """
    spread = outlook.spread[_keeps(aims, outlook, outlook.spread)]
    return reference_point(np.concatenate((front, _means(aims, outlook, spread))))


def _means(aims: Aims, outlook: Outlook, points: Floats) -> Floats:
    """Returns what is believed of the objectives at points, all to be maximized: (n, objectives)."""
    each = [one.at(points)[0] for one in outlook.outputs[: len(aims.objectives)]]
    means: Floats = aims.signs * np.stack(each, axis=1)
    return means


def _limits(aims: Aims, outlook: Outlook) -> list[Term]:
    surfaces = outlook.outputs[len(aims.objectives) :]
    return [
        _of_one(surface, sign, slopes.chance_below, sign * _plain(surface, limit))
        for (sign, limit), surface in zip(aims.bounds, surfaces, strict=True)
    ]


def _success(outlook: Outlook) -> list[Term]:
    """Success is 1 or 0; what is above a half is taken for one."""
    if outlook.success is None:
        return []
    return [_of_one(outlook.success, -1.0, slopes.chance_below, -_plain(outlook.success, 0.5))]


def _keeps(aims: Aims, outlook: Outlook, points: Floats) -> NDArray[np.bool_]:
    """Returns which of some points are expected to keep all limits."""
    kept = np.ones(len(points), bool)
    for (sign, limit), surface in zip(aims.bounds, outlook.outputs[len(aims.objectives) :], strict=True):
        kept &= sign * surface.at(points)[0] <= sign * _plain(surface, limit)
    return kept


def _plain(surface: Surface, limit: float) -> float:
    return float(surface.standard.plain(np.array([limit]))[0])


def _of_one(surface: Surface, sign: float, sloped: Callable[[Floats, Floats, float], Sloped], level: float) -> Term:
    def found(mean: Floats, std: Floats) -> Sloped:
        return sloped(mean[:, 0], std[:, 0], level)

    return Term((surface,), np.array([sign]), lambda mean, std: found(mean, std).value, found)
