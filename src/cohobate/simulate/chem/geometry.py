"""Atoms in space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from cohobate.core.blob import Blob


@final
@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """One molecule in vacuum: element symbols and ``positions: (atoms, 3), Å``."""

    symbols: tuple[str, ...]
    positions: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.symbols)

    def extxyz(self, facts: Mapping[str, Any]) -> Blob:
        """Returns the geometry as an extended XYZ file, with ``facts`` (plain numbers and words) in its second line.

        Coordinates are written by their shortest exact form, so equal geometries are equal files.
        """
        head = ["Properties=species:S:1:pos:R:3", 'pbc="F F F"', *(f"{key}={value}" for key, value in facts.items())]
        rows = zip(self.symbols, self.positions.tolist(), strict=True)
        lines = [str(len(self)), " ".join(head), *(f"{symbol} {x!r} {y!r} {z!r}" for symbol, (x, y, z) in rows)]
        return Blob(("\n".join(lines) + "\n").encode(), ".extxyz")
