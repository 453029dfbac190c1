"""A noisy function over an interval: where to look, and how often."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf, isfinite, nan, sqrt
from typing import Any, NamedTuple, final

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Integer, Output, Problem, Real
from cohobate.core.trial import Inputs
from cohobate.propose.learners.domain import OUTPUT, Interval, axes_of
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.line.losses import Loss, Of, as_loss
from cohobate.propose.learners.sites import Site, Sites
from cohobate.propose.learners.told import expect_kind, number, positive, whole

SEED = "seed"
WHO = "AverageLearner1D"
MOST = 2**32 - 1
SLACK = 8
"""Entries of the queue for each place, before it is made anew."""

At = tuple[int, float]
"""A seed and a place."""


class Sampling(NamedTuple):
    """How often places are sampled; see ``AverageLearner1D``."""

    delta: float
    alpha: float
    neighbor_sampling: float
    min_samples: int
    max_samples: int
    min_error: float


@dataclass(frozen=True, slots=True)
class Means:
    """What is known of a noisy function: places in order, mean, error and number of samples at each.

    All are arrays of shape (places,). ``error`` is half the width of Student's interval, infinite for a
    single sample.
    """

    x: np.ndarray[Any, Any]
    mean: np.ndarray[Any, Any]
    error: np.ndarray[Any, Any]
    n: np.ndarray[Any, Any]


def AverageLearner1D(
    bounds: Interval,
    loss: Loss | Of | None = None,
    *,
    delta: float = 0.2,
    alpha: float = 0.005,
    neighbor_sampling: float = 0.3,
    min_samples: int = 50,
    max_samples: int | None = None,
    min_error: float = 0.0,
    output: str = OUTPUT,
) -> Learner[Noisy]:
    """Returns a learner of the mean of a noisy function ``f(seed, x)`` over an interval.

    Points are pairs of a seed (0, 1, 2... at each place) and a place. A place is sampled again while the
    error of its mean is more than ``delta`` times the distance to its nearest neighbour (positions relative
    to the bounds, means and errors to the range of means) and more than ``min_error``; else a new place is
    taken where the ``loss`` of the means is largest, as in ``Learner1D``. The error is that of Student's
    interval, which misses on each side with probability ``alpha``. A new place gets ``min_samples``, or
    ``neighbor_sampling`` times what its neighbours have on average, if that is more; none gets more than
    ``max_samples``. Many points at a time go to many places, fewest samples first. Values are numbers.
    ``learned()`` are the ``Means``. The cost of a point does not grow with the samples of its place, and
    with the number of places like its logarithm.

    >>> learner = AverageLearner1D((0, 1), min_samples=2)
    >>> learner.ask(5)[0]
    [(0, 0.0), (0, 1.0), (1, 0.0), (1, 1.0), (0, 0.5)]
    """
    axes = axes_of(bounds, WHO)
    if len(axes) != 1 or SEED in axes:
        raise LearnerError(f"{WHO}: expected one interval, not named {SEED!r}, got {bounds!r:.80}")
    ((name, axis),) = axes.items()
    if axis.log or not isfinite(axis.hi - axis.lo):
        raise LearnerError(f"{WHO}: expected a plain interval of finite width, got {bounds!r:.80}")
    least = whole(min_samples, 2, MOST, f"{WHO}: min_samples")
    sampling = Sampling(
        positive(delta, f"{WHO}: delta"),
        _between(alpha, 0, 0.5, "alpha"),
        _between(neighbor_sampling, 0, inf, "neighbor_sampling"),
        least,
        MOST if max_samples is None else whole(max_samples, least, MOST, f"{WHO}: max_samples"),
        _between(min_error, 0, inf, "min_error"),
    )
    return Learner(Noisy(name, axis, as_loss(loss), sampling, output))


@final
class Noisy:
    """Samples the places that are known worst, or a new one; see ``AverageLearner1D``."""

    finite = False

    def __init__(self, name: str, axis: Real, loss: Loss, sampling: Sampling, output: str) -> None:
        self._settings = name, axis, loss, sampling, output
        self._name, self._sampling = name, sampling
        self.problem = Problem({SEED: Integer(0, MOST), name: axis}, (Output(output, "explore", ()),))
        self.data: dict[At, float] = {}
        self.holes: dict[At, str] = {}
        self._pending: dict[At, None] = {}
        self._sites = Sites(float(axis.lo), float(axis.hi), loss, sampling.min_samples)
        self._queue: list[tuple[int, float, float]] = []
        self._ranks: dict[float, tuple[int, float, float]] = {}
        self._rank_all()

    @property
    def pending(self) -> Collection[At]:
        """The points that are out."""
        return self._pending.keys()

    def describe(self) -> Mapping[str, Plain]:
        """Returns the bounds, the loss and how often places are sampled."""
        name, axis, loss, sampling, output = self._settings
        about = {"variable": name, "bounds": [axis.lo, axis.hi], "loss": loss.describe(), "output": output}
        return {"learner": WHO, **about, **sampling._asdict()}

    def fresh(self) -> Noisy:
        """Returns one of the same settings."""
        return Noisy(*self._settings)

    def inputs(self, point: At) -> Inputs:
        """Returns the seed and the place."""
        return {SEED: point[0], self._name: point[1]}

    def point(self, inputs: Inputs) -> At:
        """Returns the seed and the place."""
        return int(inputs[SEED]), float(inputs[self._name])

    def admit(self, point: At) -> At:
        """Returns a pair of a seed and a place within the bounds."""
        if not isinstance(point, tuple | list) or len(point) != 2:
            raise LearnerError(f"{WHO}: expected a point (seed, x), got {point!r:.80}")
        x = number(point[1], f"{WHO}: a place") + 0.0
        if not self._sites.lo <= x <= self._sites.hi:
            raise LearnerError(f"{WHO}: {x!r} is not within [{self._sites.lo}, {self._sites.hi}]")
        return whole(point[0], 0, MOST, f"{WHO}: a seed"), x

    def ask(self, n: int) -> tuple[list[At], list[float]]:
        """Returns seeds for the places that need samples most, and for new ones."""
        points: list[At] = []
        gains: list[float] = []
        while len(points) < n and (gain := self.gain()) > 0:
            site = self._worst() or self._place()
            if site is None:
                break
            gains.append(gain)
            points.append((self._following(site), site.x))
            self._send(points[-1], site)
        return points, gains

    def tell(self, point: At, value: Payload) -> float:
        """Takes in a value; returns how far it is off the mean there, or the line, relative to the range of means."""
        x = point[1]
        value = number(value, f"{WHO}: the value at {point}")
        expected = self._sites.expected(x)
        site = self._at(x)
        try:
            site.tell(value, 1 - self._sampling.alpha)
        except ArithmeticError as error:
            raise LearnerError(f"{WHO}: the value at {point} is {error}: {value!r:.80}") from None
        self._arrive(point, site)
        if self.holes.pop(point, None) is not None:
            site.failed -= 1
        self.data[point] = value
        if self._sites.settle(site):
            self._rank_all()
        else:
            for one in (site, *self._sites.around(x)):
                self._rank(one)
        return nan if expected is None else abs(value - expected) / self._sites.scale

    def tell_many(self, points: Sequence[At], values: Sequence[Payload]) -> list[float]:
        """Takes in values."""
        return [self.tell(point, value) for point, value in zip(points, values, strict=True)]

    def tell_pending(self, point: At) -> None:
        """Keeps a seed from being asked for at its place."""
        self._send(point, self._at(point[1]))

    def release(self, points: Sequence[At]) -> None:
        """Lets seeds be asked for again; a place of which nothing came is forgotten."""
        for point in points:
            if point in self._pending:
                site = self._sites.at[point[1]]
                site.seed = min(site.seed, point[0])
                self._arrive(point, site)
                self._sites.shut(site)
                self._rank(site)

    def exclude(self, point: At, why: str) -> None:
        """Keeps why there is no value; a place that fails too often is not sampled any more."""
        site = self._at(point[1])
        self._arrive(point, site)
        site.failed += point not in self.holes
        self.holes[point] = why
        self._sites.shut(site)
        self._rank(site)

    def loss(self, *, real: bool = True) -> float:
        """Returns the largest loss of an interval between means; infinite while a bound has none."""
        return self._sites.worth(real=real) if self._sites.is_bounded(real=real) else inf

    def gain(self) -> float:
        """Returns what a sample is worth: half of the loss, shared among as many as a new place takes."""
        if not self._sites.is_bounded(real=False):
            return inf
        worth = self._sites.worth(real=False) or (self._sites.worth(real=True) if self._peek() else 0.0)
        return worth / 2 / self._sampling.min_samples

    def done(self) -> bool:
        """Whether no interval is worth a place, no place a sample, and nothing is out."""
        return not self._pending and self.gain() == 0.0

    def learned(self, kind: str | None = None) -> Means:
        """Returns the means at all places."""
        expect_kind(kind, "means", WHO)
        sites = [self._sites.at[x] for x in self._sites.known()]
        if not sites:
            raise LearnerError(f"{WHO}: nothing is known yet; tell a value first")
        return Means(
            np.array([site.x for site in sites]),
            np.array([site.mean for site in sites]),
            np.array([site.error for site in sites]),
            np.array([site.moments.n for site in sites]),
        )

    # places

    def _at(self, x: float) -> Site:
        """Returns the place at a number, a new one where there is none."""
        return self._sites.at.get(x) or self._sites.open(x, self._wanted(x))

    def _place(self) -> Site | None:
        """Returns a new place, where the loss is largest."""
        x = self._sites.place()
        return None if x is None or x in self._sites.at else self._sites.open(x, self._wanted(x))

    def _wanted(self, x: float) -> int:
        """Returns how many samples a new place gets."""
        near = [site.moments.n for site in self._sites.around(x)]
        share = self._sampling.neighbor_sampling * sum(near) / len(near) if near else 0
        return min(max(self._sampling.min_samples, int(share)), self._sampling.max_samples)

    def _following(self, site: Site) -> int:
        """Returns the smallest open seed of a place."""
        while (point := (site.seed, site.x)) in self.data or point in self._pending or point in self.holes:
            site.seed += 1
        return site.seed

    def _send(self, point: At, site: Site) -> None:
        self._pending[point] = None
        site.out += 1
        self._rank(site)

    def _arrive(self, point: At, site: Site) -> None:
        if self._pending.pop(point, point) is None:
            site.out -= 1

    # the queue of places that need samples

    def _need(self, site: Site) -> tuple[int, float] | None:
        """Returns how much a place needs a sample, least first: those with too few of them, then the least exact."""
        known = site.moments.n
        n = known + site.out
        if site.is_dead() or n >= self._sampling.max_samples:
            return None
        if n < site.want:
            return 0, n
        if known < 2:
            return None
        error = site.error * sqrt(known / n)
        ratio = error / self._sites.scale / self._sites.closeness(site)
        return (1, -ratio) if ratio > self._sampling.delta and error > self._sampling.min_error else None

    def _rank(self, site: Site) -> None:
        """Puts a place into the queue, or takes it out."""
        need = self._need(site) if site.x in self._sites.at else None
        if need is None:
            self._ranks.pop(site.x, None)
            return
        self._ranks[site.x] = rank = (*need, site.x)
        heappush(self._queue, rank)
        if len(self._queue) > SLACK * len(self._ranks) + 64:
            self._queue = list(self._ranks.values())
            heapify(self._queue)

    def _rank_all(self) -> None:
        self._queue, self._ranks = [], {}
        for site in self._sites.at.values():
            self._rank(site)

    def _peek(self) -> bool:
        """Whether a place needs a sample."""
        while self._queue and self._ranks.get(self._queue[0][2]) != self._queue[0]:
            heappop(self._queue)
        return bool(self._queue)

    def _worst(self) -> Site | None:
        return self._sites.at[self._queue[0][2]] if self._peek() else None


def _between(value: Payload, least: float, most: float, name: str) -> float:
    read = number(value, f"{WHO}: {name}")
    if not (least <= read < most) or (name == "alpha" and read == 0):
        raise LearnerError(f"{WHO}: {name}: expected a number from {least} up, below {most}, got {value!r}")
    return read
