"""How a Gaussian process is to learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Real
from cohobate.learn.kernels import Floats
from cohobate.learn.process.likely import Noise
from cohobate.propose.sampling import check_seed

WHO = "GPLearner"
MOST_AXES = 12
MOST_INITIAL = 1000


@dataclass(frozen=True, slots=True)
class Settings:
    """See ``GPLearner``."""

    axes: Mapping[str, Real]
    output: str
    noise: Noise
    gradients: bool
    initial: int
    seed: int

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if not 1 <= len(self.axes) <= MOST_AXES:
            raise LearnerError(f"{WHO}: expected 1 to {MOST_AXES} axes, got {len(self.axes)}")
        if not isinstance(self.initial, int) or not 2 <= self.initial <= MOST_INITIAL:
            raise LearnerError(f"{WHO}: expected 2 to {MOST_INITIAL} initial points, got {self.initial!r}")
        noise = self.noise
        is_number = isinstance(noise, float | int) and not isinstance(noise, bool)
        if not (noise is None or noise == "estimate" or (is_number and float(noise) >= 0 and isfinite(noise))):
            raise LearnerError(f"{WHO}: expected noise of None, a standard deviation or 'estimate', got {noise!r:.80}")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is told."""
        return (1 + len(self.axes),) if self.gradients else ()

    def describe(self) -> Mapping[str, Plain]:
        """Returns all of it as plain data."""
        axes = [[name, axis.lo, axis.hi, axis.log] for name, axis in self.axes.items()]
        rest = {"noise": self.noise, "gradients": self.gradients, "initial": self.initial, "seed": self.seed}
        return {"learner": WHO, "axes": axes, "output": self.output, **rest}

    def value(self, told: Payload) -> Floats:
        """Returns what was told of a point, (rows,): the value, and the gradient where there is one."""
        expected = (
            f"{self.shape[0]} numbers: the value and its derivative along each axis" if self.shape else "a number"
        )
        try:
            value = np.array(told, float)
        except (TypeError, ValueError) as error:
            raise LearnerError(f"{WHO}: expected {expected}, got {told!r:.80}") from error
        if value.shape != self.shape or not np.isfinite(value).all():
            raise LearnerError(f"{WHO}: expected {expected}, finite, got {told!r:.80}")
        return value.reshape(-1)
