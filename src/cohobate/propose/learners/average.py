"""The mean of a random variable."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import inf, nan, sqrt
from typing import final

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Integer, Output, Problem
from cohobate.core.trial import Inputs
from cohobate.propose.learners.domain import OUTPUT
from cohobate.propose.learners.estimate import Estimate
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.moments import Moments, Scalars
from cohobate.propose.learners.told import expect_kind, number, positive, whole

SEED = "seed"
WHO = "AverageLearner"
MOST = 2**32 - 1
"""The last seed: what the smallest of generators take."""


def AverageLearner(
    atol: float | None = None, rtol: float | None = None, *, min_npoints: int = 2, output: str = OUTPUT
) -> Learner[Average]:
    """Returns a learner of the mean of a random variable ``f(seed)``, drawn with the seeds 0, 1, 2...

    It is done when the standard error of the mean is at most ``atol`` and at most ``rtol`` times the mean
    (each where given), after ``min_npoints`` values at least; ``loss`` is the larger of the two ratios, so
    that 1 is enough. Values may be numbers or arrays of one shape: then this holds for every component.
    ``learned()`` is an ``Estimate``; ``error`` counts in standard deviations of the values.

    >>> learner = AverageLearner(atol=0.1)
    >>> while not learner.done():
    ...     for seed in learner.ask(1)[0]:
    ...         learner.tell(seed, seed % 2)
    >>> learner.learned().n
    26
    """
    if atol is None and rtol is None:
        raise LearnerError(f"{WHO}: expected atol, rtol or both, got neither; choose how well the mean is to be known")
    tolerances = [None if one is None else positive(one, f"{WHO}: {name}") for name, one in _named(atol, rtol)]
    return Learner(Average(tolerances[0], tolerances[1], whole(min_npoints, 2, MOST, f"{WHO}: min_npoints"), output))


@final
class Average:
    """Asks for the smallest open seed; see ``AverageLearner``."""

    finite = True

    def __init__(self, atol: float | None, rtol: float | None, least: int, output: str) -> None:
        self._settings = atol, rtol, least, output
        self.problem = Problem({SEED: Integer(0, MOST)}, (Output(output, "explore", None),))
        self.data: dict[int, Scalars] = {}
        self.holes: dict[int, str] = {}
        self._pending: dict[int, None] = {}
        self._next = 0
        self._moments = Moments()
        self._shape: tuple[int, ...] | None = None

    @property
    def pending(self) -> Collection[int]:
        """The seeds that are out."""
        return self._pending.keys()

    def describe(self) -> Mapping[str, Plain]:
        """Returns the tolerances, the least number of values and the output."""
        atol, rtol, least, output = self._settings
        return {"learner": WHO, "atol": atol, "rtol": rtol, "min_npoints": least, "output": output}

    def fresh(self) -> Average:
        """Returns one of the same tolerances."""
        return Average(*self._settings)

    def inputs(self, point: int) -> Inputs:
        """Returns the seed."""
        return {SEED: point}

    def point(self, inputs: Inputs) -> int:
        """Returns the seed."""
        return int(inputs[SEED])

    def admit(self, point: int) -> int:
        """Returns a seed as an int."""
        return whole(point, 0, MOST, f"{WHO}: a seed")

    def ask(self, n: int) -> tuple[list[int], list[float]]:
        """Returns the next seeds, none when it is done; each is worth what the loss is expected to fall by."""
        points: list[int] = []
        gains: list[float] = []
        alone = self._alone()
        open_ = 0 if self.done() else n
        while len(points) < open_:
            gains.append(self._fall(alone))
            points.append(self._following())
            self.tell_pending(points[-1])
        return points, gains

    def tell(self, point: int, value: Payload) -> float:
        """Takes in a value; returns by how many standard deviations (it included) it is off the mean before."""
        if type(value) is not float or self._shape != () or not -inf < value < inf:
            value = _read(value, self._shape, f"{WHO}: the value of seed {point}")
        moments = self._moments
        off = moments.off(value) if moments.n else nan
        try:
            moments.add(value)
        except ArithmeticError as error:
            raise LearnerError(f"{WHO}: the value of seed {point} is {error}: {value!r:.80}") from None
        self._pending.pop(point, None)
        self.holes.pop(point, None)
        self.data[point] = value
        self._shape = np.shape(value) if self._shape is None else self._shape
        return _ratio(abs(off), moments.deviation()) if moments.n > 1 else nan

    def tell_many(self, points: Sequence[int], values: Sequence[Payload]) -> list[float]:
        """Takes in values."""
        return [self.tell(point, value) for point, value in zip(points, values, strict=True)]

    def tell_pending(self, point: int) -> None:
        """Keeps a seed from being asked for."""
        self._pending[point] = None

    def release(self, points: Sequence[int]) -> None:
        """Lets seeds be asked for again, before all that follow."""
        for point in points:
            if self._pending.pop(point, point) is None:
                self._next = min(self._next, point)

    def exclude(self, point: int, why: str) -> None:
        """Keeps why there is no value: the mean is one of those that have one."""
        self._pending.pop(point, None)
        self.holes[point] = why

    def loss(self, *, real: bool = True) -> float:
        """Returns the larger ratio of standard error to tolerance; infinite while there are too few values."""
        known = self._moments.n
        return self._of(known if real else known + len(self._pending), self._alone())

    def gain(self) -> float:
        """Returns what the loss is expected to fall by with one value more."""
        return 0.0 if self.done() else self._fall(self._alone())

    def done(self) -> bool:
        """Whether the mean is known as well as wanted."""
        return self._of(self._moments.n, self._alone()) <= 1

    def learned(self, kind: str | None = None) -> Estimate:
        """Returns the mean and its standard error."""
        expect_kind(kind, "estimate", WHO)
        moments = self._moments
        if not moments.n:
            raise LearnerError(f"{WHO}: nothing is known yet; tell a value first")
        return Estimate(moments.mean, moments.error(), moments.n)

    def _alone(self) -> float:
        """Returns what the loss would be with one value: it falls with the root of their number."""
        if self._moments.n < 2:
            return inf
        atol, rtol, _, _ = self._settings
        deviation, mean = self._moments.deviation(), self._moments.mean
        absolute = 0.0 if atol is None else _ratio(deviation, atol)
        return absolute if rtol is None else max(absolute, _ratio(deviation, rtol * abs(mean)))

    def _of(self, n: int, alone: float) -> float:
        return alone / sqrt(n) if n >= self._settings[2] else inf

    def _fall(self, alone: float) -> float:
        out = self._moments.n + len(self._pending)
        before = self._of(out, alone)
        return inf if before == inf else before - self._of(out + 1, alone)

    def _following(self) -> int:
        """Returns the smallest open seed."""
        while self._next in self.data or self._next in self._pending or self._next in self.holes:
            self._next += 1
        return self._next


def _named(atol: float | None, rtol: float | None) -> tuple[tuple[str, float | None], ...]:
    return ("atol", atol), ("rtol", rtol)


def _ratio(error: Scalars, tolerance: Scalars) -> float:
    """Returns the largest error as a multiple of its tolerance: 0 without any, infinite where none is allowed."""
    if isinstance(error, np.ndarray):
        pairs = np.broadcast_arrays(error, tolerance)
        return max((_ratio(*pair) for pair in zip(*(one.ravel().tolist() for one in pairs), strict=True)), default=0.0)
    if tolerance:
        return float(error / tolerance)
    return inf if error else 0.0


def _read(value: Payload, shape: tuple[int, ...] | None, what: str) -> Scalars:
    """Returns a value as a float or an array of floats, of the shape of those known."""
    listed = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
    read: Scalars = _array(value, what) if listed else number(value, what)
    if shape not in (None, np.shape(read)):
        raise LearnerError(f"{what}: expected the shape {shape} of the values before, got {np.shape(read)}")
    return read


def _array(value: Payload, what: str) -> Scalars:
    try:
        array = np.array(value)
    except ValueError:
        raise LearnerError(f"{what}: expected an array of numbers, got {value!r:.80}") from None
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise LearnerError(f"{what}: expected finite numbers, got {value!r:.80}; tell None where there is no value")
    array = array.astype(float)
    array.flags.writeable = False
    return array
