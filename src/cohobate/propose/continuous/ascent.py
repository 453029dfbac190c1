"""Finds the point of a space that promises most: many are looked at, and the best few climb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohobate.core.problem import Integer, Real
from cohobate.host.extras import require
from cohobate.propose.continuous.design import WHOLE
from cohobate.propose.continuous.encoding import Encoding
from cohobate.propose.continuous.worth import Worth
from cohobate.propose.sampling import sobol
from cohobate.propose.scaling import Numbers, Row

SPREAD = 512
"""Points that are looked at all over the space."""
NEAR = 256
"""Points that are looked at around the best known ones, from a third of the space away to a thousandth."""
CLIMBERS = 4
"""How many of each of both climb."""
STEPS = 40


@dataclass(frozen=True, slots=True)
class Peak:
    """Inputs and what they promise; ``columns``: (columns,)."""

    inputs: Row
    columns: Numbers = field(repr=False)
    score: float


def highest(
    worth: Worth, encoding: Encoding, taken: set[tuple[Any, ...]], best: Numbers, random: np.random.Generator
) -> Peak | None:
    """Returns the point that promises most of those that are not taken; ``None`` where there is none left.

    ``best``: (few, axes), the best known points of the cube. Depends on the arguments alone.
    """
    if encoding.size <= WHOLE:
        return _first(worth, encoding, taken, encoding.every())
    spread = sobol(len(encoding.axes), int(random.integers(2**63)), 0, SPREAD)
    near = _around(best, random)
    starts = np.concatenate([_top(worth, encoding, points) for points in (spread, near)])
    reached = [_climbed(worth, encoding, start) for start in encoding.columns(starts)]
    found = _first(worth, encoding, taken, np.concatenate((np.array(reached), starts)))
    return found or _first(worth, encoding, taken, np.concatenate((spread, near)))


def _first(worth: Worth, encoding: Encoding, taken: set[tuple[Any, ...]], points: Numbers) -> Peak | None:
    columns = encoding.columns(points)
    scores = worth.at(columns)
    order = np.argsort(-scores, kind="stable")
    for at in order.tolist():
        [inputs] = encoding.inputs(points[at : at + 1])
        if encoding.key(inputs) not in taken:
            return Peak(inputs, columns[at], float(scores[at]))
    return None


def _top(worth: Worth, encoding: Encoding, points: Numbers) -> Numbers:
    order = np.argsort(-worth.at(encoding.columns(points)), kind="stable")
    return points[order[:CLIMBERS]]


def _around(best: Numbers, random: np.random.Generator) -> Numbers:
    """Returns points at all distances from the best ones, which take turns; beyond a bound is on it."""
    centres = best[np.arange(NEAR) % len(best)]
    far = 10.0 ** random.uniform(-3.0, -0.5, (NEAR, 1))
    points: Numbers = np.clip(centres + far * random.standard_normal(centres.shape), 0.0, 1.0)
    return points


def _climbed(worth: Worth, encoding: Encoding, start: Numbers) -> Numbers:
    """Returns the point of the cube above ``start``, given as columns.

    Whole numbers climb as if they were real, are rounded, and stay while the rest climbs once more;
    choices stay as they are.
    """
    reals, wholes = encoding.columns_of(Real), encoding.columns_of(Integer)
    columns = _climb(worth.climb, start, np.concatenate((reals, wholes)))
    if len(wholes) and len(reals):
        columns = _climb(worth.climb, encoding.columns(encoding.points(columns[None]))[0], reals)
    reached: Numbers = encoding.points(columns[None])[0]
    return reached


def _climb(climb: Callable[[Numbers], tuple[float, Numbers]], start: Numbers, free: NDArray[np.intp]) -> Numbers:
    if not len(free):
        return start
    minimize = require("scipy.optimize", extra="learn").minimize

    def fall(x: Numbers) -> tuple[float, Numbers]:
        point = start.copy()
        point[free] = x
        value, slope = climb(point)
        return -value, -slope[free]

    options = {"maxiter": STEPS}
    ended = minimize(fall, start[free], jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(free), options=options)
    reached: Numbers = start.copy()
    reached[free] = np.clip(ended.x, 0.0, 1.0)
    return reached
