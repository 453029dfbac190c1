"""CMA-ES, by the package ``cma``, as a generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Plain
from cohobate.core.problem import Problem
from cohobate.core.steering import Closed, Steer
from cohobate.core.trial import Result
from cohobate.host.extras import require
from cohobate.propose.optimisers.axes import Axes, Scale, axes_of, checked_scale, start_of
from cohobate.propose.optimisers.coordinates import Share
from cohobate.propose.optimisers.reporting import plain
from cohobate.propose.optimisers.runs import place
from cohobate.propose.optimisers.scores import Failed, Scores, check_failed, objective_of, scalar
from cohobate.propose.persistent import Persistent
from cohobate.propose.sampling import check_seed
from cohobate.propose.scaling import Numbers

OURS = ("bounds", "seed", "randn", "popsize", "verbose")
"""Options of cma that are filled in here."""


@final
class Population:
    """What came back of the points of a strategy, until it is worth a generation."""

    __slots__ = ("_axes", "_held", "_scores", "_strategy", "_waiting", "best", "nfev", "points", "values")

    def __init__(self, strategy: Any, axes: Axes, scores: Scores) -> None:  # noqa: ANN401 a CMAEvolutionStrategy
        self._strategy, self._axes, self._scores = strategy, axes, scores
        self._waiting: dict[int, Numbers] = {}
        self._held: list[Result] = []
        self.points: list[Numbers] = []
        self.values: list[float] = []
        self.best: tuple[Numbers, float] | None = None
        self.nfev = 0

    @property
    def waiting(self) -> int:
        """How many points are being evaluated."""
        return len(self._waiting) - len(self._held)

    def send(self, steer: Steer, n: int) -> None:
        """Hands in ``n`` points of the present distribution."""
        points = self._strategy.ask(n)
        trials = steer.suggest([self._axes.row(np.asarray(u)) for u in points])
        self._waiting |= {trial.id: np.asarray(u) for trial, u in zip(trials, points, strict=True)}

    def take(self, results: Sequence[Result]) -> None:
        """Takes in results, and tells the strategy as soon as a generation is there.

        Failures that come before any value are told once there is one to be worse than, up to a generation: more
        would be all alike, by which it would believe to be at its end.
        """
        self.nfev += len(results)
        self._held += results
        if self._scores.nothing(results):
            return
        for result, score in zip(held := self._told(), self._scores.of(held), strict=True):
            self.points.append(self._waiting.pop(result.trial.id))
            self.values.append(float(score))
            if result.ok and (self.best is None or float(score) < self.best[1]):
                self.best = (place(self._axes, result.trial.inputs), float(score))
        size = self._strategy.popsize
        while len(self.values) >= size and not self._strategy.stop():
            self._strategy.tell(self.points[:size], self.values[:size])
            self.points, self.values = self.points[size:], self.values[size:]

    def _told(self) -> list[Result]:
        """Returns what was held back, and what came now."""
        held, self._held = self._held, []
        if self._scores.worst is not None:
            return held
        held.sort(key=lambda result: self._scores.finite(result) is None)
        for result in held[self._strategy.popsize :]:
            del self._waiting[result.trial.id]
        return held[: self._strategy.popsize]


@final
@dataclass(frozen=True, slots=True)
class Cma:
    """The body of ``cma``."""

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        rng: np.random.Generator,
        *,
        x0: Sequence[float],
        sigma0: float,
        popsize: int | None,
        at_once: int | None,
        failed: Failed,
        options: Mapping[str, Any],
        scale: Scale = True,
    ) -> Plain:
        """Runs until the strategy ends, or the campaign stops; returns the best point."""
        axes, objective = axes_of(problem, "cma", scale=scale, start=x0), objective_of(problem, "cma")
        scores = scalar(objective, failed)
        strategy = _strategy(axes, rng, x0, sigma0, {**options, **({"popsize": popsize} if popsize else {})})
        population = Population(strategy, axes, scores)
        try:
            while not strategy.stop():
                _advance(steer, population, at_once, strategy.popsize)
            message, success = ", ".join(f"{name}={value}" for name, value in strategy.stop().items()), True
        except Closed:
            message, success = "the campaign stopped; this is the best so far", False
        told = {"success": success, "message": message, "nfev": population.nfev, "nit": int(strategy.countiter)}
        return None if population.best is None else {**_placed(axes, population.best, scores.sign), **told}


def cma(
    problem: Problem,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    sigma0: float = 0.25,
    *,
    popsize: int | None = None,
    at_once: int | None = None,
    failed: Failed = "worst",
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    scale: Scale = True,
) -> Persistent:
    """Returns CMA-ES (Hansen 2016), by the package of the extra ``cma``, as a generator.

    ``sigma0`` is the first step in units of the bounds (of their logarithms where a variable is
    ``log``); of variables without bounds, or where ``scale`` gives sizes by name, in units of the sizes: see
    ``minimize``. ``popsize`` points make a generation (default: that of cma). Without ``at_once``
    generations are evaluated one after the other: the same points as by ``cma`` alone. With it, so many
    points are evaluated at any time: each result makes room for a point of the present distribution, and
    the strategy is told of each ``popsize`` results as soon as they are in. None waits for the slowest, but
    points are up to ``at_once`` results old when they are told, which costs evaluations. ``options`` are
    cma's (``maxfevals``, ``tolfun``, ``tolx`` ...), as plain data. ``x0``, ``failed`` and the value are those
    of ``minimize``.
    """
    axes = axes_of(problem, "cma")
    objective_of(problem, "cma")
    check_failed(failed, "cma")
    check_seed(seed)
    _check(axes, sigma0, popsize, at_once, options or {})
    if scale is False:
        raise UserError("cma: its steps are in units of scale: expected True or sizes by name, got False")
    settings = {"x0": start_of(axes, x0, "cma"), "sigma0": float(sigma0), "popsize": popsize, "at_once": at_once}
    given = {"failed": failed, "options": plain(options or {}, "cma: options")}
    if scale is not True:
        given["scale"] = checked_scale(axes, scale, "cma")
    return Persistent(Cma(), problem, seed, {**settings, **given})


def _check(axes: Axes, sigma0: float, popsize: int | None, at_once: int | None, options: Mapping[str, Any]) -> None:
    if len(axes.names) < 2:
        raise UserError(f"cma needs at least two Real variables, got {list(axes.names)}: use minimize for one")
    if not 0 < sigma0 <= 1:
        raise UserError(f"cma: sigma0 must be within (0, 1], a share of the bounds, got {sigma0!r}")
    for name, value, least in (("popsize", popsize, 3), ("at_once", at_once, 1)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise UserError(f"cma: {name} must be a whole number of at least {least}, got {value!r}")
    for name in options:
        if name in OURS:
            raise UserError(f"cma: leave out the option {name}: it is filled in from the arguments")


def _strategy(
    axes: Axes, rng: np.random.Generator, x0: Sequence[float], sigma0: float, options: Mapping[str, Any]
) -> Any:  # noqa: ANN401 a CMAEvolutionStrategy
    """Random numbers come from ``rng`` only; the seed of cma would be that of the whole process."""
    ours = {"bounds": _bounds(axes), "randn": lambda *shape: rng.standard_normal(shape), "seed": np.nan, "verbose": -9}
    return require("cma", extra="cma").CMAEvolutionStrategy(axes.at(x0), sigma0, {**options, **ours})


def _bounds(axes: Axes) -> list[Any]:
    """Returns bounds as cma takes them."""
    ends = [[x if np.isfinite(x) else None for x in end.tolist()] for end in (axes.lo, axes.hi)]
    return [0, 1] if all(isinstance(one, Share) for one in axes.coordinates) else ends


def _advance(steer: Steer, population: Population, at_once: int | None, popsize: int) -> None:
    """One generation, or, ``at_once``, the next results."""
    if at_once is None:
        population.send(steer, popsize)
        population.take(_in_order(steer.receive(at_least=popsize)))
    else:
        population.send(steer, at_once - population.waiting)
        population.take(steer.receive(at_least=1))


def _in_order(results: Sequence[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.trial.id)


def _placed(axes: Axes, best: tuple[Numbers, float], sign: float) -> dict[str, Plain]:
    numbers = axes.values(best[0])
    return {"x": numbers, "variables": dict(zip(axes.names, numbers, strict=True)), "fun": sign * best[1]}
