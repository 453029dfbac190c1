"""What runs through known values, without a word on how good it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cohobate.learn.kernels import Floats

Indices: TypeAlias = NDArray[np.intp]
Mask: TypeAlias = NDArray[np.bool_]


class Model(Protocol):
    """A function through known values: points are (n, axes), values (n, outputs)."""

    def at(self, points: Floats) -> Floats:
        """Returns the values at points, (n, outputs)."""
        ...

    def slope(self, points: Floats) -> Floats:
        """Returns the derivatives at points, (n, outputs, axes); raises ``LearnerError`` where it has none."""
        ...

    def inside(self, points: Floats) -> Mask:
        """Returns which points lie between known ones, (n,)."""
        ...


Fit: TypeAlias = Callable[[Floats, Floats], Model | None]
"""Runs a model through ``values``, (n, outputs), at ``points``, (n, axes); ``None`` where it cannot."""
