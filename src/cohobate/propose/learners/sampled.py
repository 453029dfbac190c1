"""A function as it was made of known points, with these: what is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.propose.learners.method import Point, Told

DRAWN = "cohobate.learned"
"""The entry-point group whose ``plot`` draws what was learned: ``draw(sampled, path, over=, at=, points=)``."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What ``function`` was made of: the values by point, in the order they came, and the holes with their reasons."""

    function: Payload
    problem: Problem
    data: Mapping[Point, Told]
    holes: Mapping[Point, str]

    @property
    def points(self) -> NDArray[np.float64]:
        """The points with a value: (n,), over several axes (n, axes)."""
        return np.array(list(self.data))

    @property
    def values(self) -> NDArray[np.float64]:
        """The values at ``points``: (n, ...)."""
        return np.array(list(self.data.values()))

    def plot(
        self,
        path: str | Path | None = None,
        *,
        over: str | Sequence[str] | None = None,
        at: Mapping[str, float] | None = None,
        points: bool = True,
    ) -> Payload:
        """Draws it and returns the figure, saved where a path is given.

        A curve over one axis, coloured contours over two: ``over`` names them (by default the first two),
        ``at`` says where the others are held (by default in the middle). With the known ``points``, and the
        holes. Raises ``MissingExtra`` without matplotlib, ``UserError`` for axes that there are not, and for what
        is no function.
        """
        found = {point.name: point for point in entry_points(group=DRAWN)}
        if "plot" not in found:
            raise UserError("plot: cohobate is imported without being installed: pip install it")
        return found["plot"].load()(self, path, over=over, at=at, points=points)
