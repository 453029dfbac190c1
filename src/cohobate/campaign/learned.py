"""What a campaign has learned of a function: the function itself, and all it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from cohobate.campaign.result import CampaignResult
from cohobate.core.card import Card
from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.method import Method, Point
from cohobate.propose.learners.sampled import Sampled


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Learned:
    """What ``learn`` gives back: called like the function that was learned, and as fast as can be.

    ``function`` is what the ``learner`` made of what it knows (an interpolant, a process with ``std``, an
    estimate), and can be pickled; ``result`` is that of the campaign.
    """

    function: Payload
    learner: Learner[Method]
    result: CampaignResult

    def __call__(self, *point: Payload, extrapolate: bool = False) -> Payload:
        """Returns the values at a point or many: ``f(0.3)``, ``f(array)``, ``f(x, y)``, ``f(points)``.

        Raises ``LearnerError`` outside of the known points, unless ``extrapolate``.
        """
        return self._callable(*point, extrapolate=extrapolate)

    def derivative(self, *point: Payload) -> Payload:
        """Returns the derivatives at a point or many: over several axes one for each, last."""
        return self._callable.derivative(*point)

    @property
    def error(self) -> float:
        """How far off it may be, relative to the range of values: the largest miss of values that were held out.

        NaN where too little is known to tell.
        """
        return float(getattr(self.function, "error", nan)) if callable(self.function) else self.learner.error()

    @property
    def loss(self) -> float:
        """What the learner says is left to learn."""
        return self.learner.loss()

    @property
    def names(self) -> tuple[str, ...]:
        """What the axes are called."""
        return self.learner.problem.names

    @property
    def points(self) -> NDArray[np.float64]:
        """The points with a value, in the order they came: (n,), over several axes (n, axes)."""
        return self._sampled.points

    @property
    def values(self) -> NDArray[np.float64]:
        """The values at ``points``: (n, ...)."""
        return self._sampled.values

    @property
    def holes(self) -> Mapping[Point, str]:
        """The points that gave no value, and why."""
        return self.learner.holes

    def plot(
        self,
        path: str | Path | None = None,
        *,
        over: str | Sequence[str] | None = None,
        at: Mapping[str, float] | None = None,
        points: bool = True,
    ) -> Payload:
        """Draws it and returns the figure: see ``Sampled.plot``."""
        return self._sampled.plot(path, over=over, at=at, points=points)

    def __repr__(self) -> str:
        without = f"; {len(self.holes)} without a value ({self._why:.120})" if self.holes else ""
        return f"<learned from {self.result}{without}: {self.function!r:.200}>"

    def _repr_html_(self) -> str:
        """Returns it as a card for notebooks."""
        learner = self.learner
        facts: list[tuple[str, object]] = [
            ("over", ", ".join(self.names)),
            ("points", learner.npoints),
            ("without a value", f"{len(self.holes)} ({self._why:.120})" if self.holes else ""),
            ("function", repr(self.function)),
            ("largest miss", "unknown" if np.isnan(self.error) else f"{self.error:.2g} of the range"),
            ("left to learn", f"{self.loss:.3g}"),
            ("stopped", self.result.reason),
        ]
        return Card("Learned function", facts).html()

    @property
    def _sampled(self) -> Sampled:
        return Sampled(self.function, self.learner.problem, self.learner.data, self.learner.holes)

    @property
    def _why(self) -> str:
        """Why the latest point that gave no value gave none."""
        return next(reversed(list(self.holes.values())))

    @property
    def _callable(self) -> Payload:
        if not callable(self.function):
            raise LearnerError(f"what was learned is no function but {self.function!r:.80}: see .function")
        return self.function
