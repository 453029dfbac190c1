"""Designs that fill a space: random, Sobol', Latin hypercube and grid.

Each takes a ``Problem``, a ``Pool`` or a mapping of names to variables (then with ``minimize=``,
``maximize=`` or ``outputs=``), and returns a ``Sampler``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cohobate.core.errors import ProblemError, did_you_mean
from cohobate.core.pool import Pool
from cohobate.core.problem import Choice, Constant, Integer, Output, Real, Variable
from cohobate.host.extras import require
from cohobate.propose.posing import Names, Space, pose
from cohobate.propose.sampler import BLOCK, Block, Sampler
from cohobate.propose.scaling import Numbers, Row, cube_of, rows, values, varied


def RandomSampler(
    space: Space,
    *,
    seed: int = 0,
    outputs: tuple[Output, ...] = (),
    minimize: Names = None,
    maximize: Names = None,
) -> Sampler:
    """Returns independent random points without end; of a pool, its rows in random order.

    >>> from cohobate.core.problem import Real
    >>> RandomSampler({"x": Real(0, 1)}, minimize="f").suggest(1)
    [{'x': 0.011546754286331562}]
    """
    problem = pose(space, outputs=outputs, minimize=minimize, maximize=maximize)
    check_seed(seed)
    settings = {"design": "RandomSampler", "seed": seed}
    if isinstance(problem.variables, Pool):
        order = philox(seed).permutation(len(problem.variables))
        return Sampler(problem, _pool_rows(problem.variables, order.tolist()), settings, finite=True)
    variables = cube_of(problem, "RandomSampler")
    d = varied(variables)
    return Sampler(problem, lambda k: rows(variables, philox(seed, k).random((BLOCK, d))), settings, finite=False)


def Sobol(
    space: Space,
    *,
    seed: int = 0,
    outputs: tuple[Output, ...] = (),
    minimize: Names = None,
    maximize: Names = None,
) -> Sampler:
    """Returns scrambled Sobol' points (Owen 1998), evener than random ones, up to 2^30; needs scipy."""
    problem = pose(space, outputs=outputs, minimize=minimize, maximize=maximize)
    variables = cube_of(problem, "Sobol")
    check_seed(seed)
    require("scipy.stats.qmc", extra="learn")
    d = varied(variables)

    def block(k: int) -> list[Row]:
        return rows(variables, sobol(max(d, 1), seed, k * BLOCK, BLOCK)[:, :d])

    return Sampler(problem, block, {"design": "Sobol", "seed": seed}, finite=False)


def sobol(d: int, seed: int, first: int, n: int) -> Numbers:
    """Returns ``n`` scrambled Sobol' points of the unit cube from number ``first`` on: (n, d)."""
    qmc = require("scipy.stats.qmc", extra="learn")
    sequence = qmc.Sobol(d, scramble=True, seed=np.random.default_rng(seed))
    if first:
        sequence.fast_forward(first)
    points: Numbers = sequence.random(n)
    return points


def LatinHypercube(
    space: Space,
    n: int,
    *,
    seed: int = 0,
    outputs: tuple[Output, ...] = (),
    minimize: Names = None,
    maximize: Names = None,
) -> Sampler:
    """Returns ``n`` points, one in each of the ``n`` equal slices of every variable (McKay et al. 1979)."""
    problem = pose(space, outputs=outputs, minimize=minimize, maximize=maximize)
    variables = cube_of(problem, "LatinHypercube")
    if n < 1:
        raise ProblemError(f"LatinHypercube(n={n}): expected at least one point")
    random = philox(seed)
    slices = random.permuted(np.tile(np.arange(n), (varied(variables), 1)), axis=1).T
    points = (slices + random.random(slices.shape)) / n

    def block(k: int) -> list[Row]:
        return rows(variables, points[k * BLOCK : (k + 1) * BLOCK])

    return Sampler(problem, block, {"design": "LatinHypercube", "seed": seed, "n": n}, finite=True)


def Grid(
    space: Space,
    points: int | Mapping[str, int] = 10,
    *,
    outputs: tuple[Output, ...] = (),
    minimize: Names = None,
    maximize: Names = None,
) -> Sampler:
    """Returns every combination of evenly spaced values, the last variable fastest; of a pool, its rows.

    ``points``: how many values of each ``Real`` and of each ``Integer`` (at most all of them), both
    bounds included; a mapping gives them by name (default 10). Choices are taken in full.
    """
    problem = pose(space, outputs=outputs, minimize=minimize, maximize=maximize)
    settings = {"design": "Grid", "points": points if isinstance(points, int) else dict(points)}
    if isinstance(problem.variables, Pool):
        return Sampler(problem, _pool_rows(problem.variables, range(len(problem.variables))), settings, finite=True)
    variables = cube_of(problem, "Grid")
    axes = [_axis(name, variable, _count(points, name)) for name, variable in variables.items()]
    if isinstance(points, Mapping):
        _check_names(points, variables)
    return Sampler(problem, _grid_rows(tuple(variables), axes), settings, finite=True)


def philox(seed: int, block: int = 0) -> np.random.Generator:
    """Returns the random numbers of one block: a function of (seed, block), with no state between."""
    check_seed(seed)
    return np.random.Generator(np.random.Philox(key=seed | block << 64))


def check_seed(seed: int) -> None:
    """Raises ``ProblemError`` unless ``seed`` is a whole number from 0 to 2^64 - 1."""
    if not (isinstance(seed, int) and 0 <= seed < 2**64):
        raise ProblemError(f"seed={seed!r}: expected a whole number from 0 to 2^64 - 1")


def _pool_rows(pool: Pool, order: Sequence[int]) -> Block:
    return lambda k: [pool[i] for i in order[k * BLOCK : (k + 1) * BLOCK]]


def _grid_rows(names: tuple[str, ...], axes: list[Sequence[Any]]) -> Block:
    total = math.prod(len(axis) for axis in axes)

    def row(number: int) -> Row:
        chosen = []
        for axis in reversed(axes):
            number, at = divmod(number, len(axis))
            chosen.append(axis[at])
        return dict(zip(names, reversed(chosen), strict=True))

    return lambda k: [row(number) for number in range(min(k * BLOCK, total), min((k + 1) * BLOCK, total))]


def _axis(name: str, variable: Variable, count: int) -> Sequence[Any]:
    match variable:
        case Constant(value):
            return [value]
        case Choice(chosen):
            return chosen
        case Integer(lo, hi) if hi - lo < count:
            return range(lo, hi + 1)
    if count < 2:
        raise ProblemError(f"Grid: {count} points for {name!r}, expected at least 2: both bounds are included")
    if isinstance(variable, Integer):
        between = Real(variable.lo, variable.hi, variable.log)
        inner = {round(x) for x in values(between, np.linspace(0, 1, count)[1:-1])}
        return sorted({variable.lo, variable.hi, *inner})
    return values(variable, np.linspace(0, 1, count))


def _count(points: int | Mapping[str, int], name: str) -> int:
    return points.get(name, 10) if isinstance(points, Mapping) else points


def _check_names(points: Mapping[str, int], variables: Mapping[str, Variable]) -> None:
    for name in points:
        if name not in variables:
            raise ProblemError(f"Grid: points for {name!r}, which is no variable{did_you_mean(name, variables)}")
