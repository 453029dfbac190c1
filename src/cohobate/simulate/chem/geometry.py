"""Atoms in space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from cohobate.core.blob import Blob
from cohobate.core.structure import notation, read_mol, read_xyz


@final
@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """One molecule in vacuum: element symbols and ``positions: (atoms, 3), Å``."""

    symbols: tuple[str, ...]
    positions: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def read(cls, text: str) -> Geometry:
        """Returns the geometry in an extended XYZ frame or a mol block; raises ``Rejected`` naming what is wrong."""
        structure = read_mol(text) if notation(text) == "mol" else read_xyz(text)
        return cls(structure.symbols, structure.positions)

    def extxyz(self, facts: Mapping[str, Any]) -> Blob:
        """Returns the geometry as an extended XYZ file, with ``facts`` (plain numbers and words) in its second line.

        Coordinates are written by their shortest exact form, so equal geometries are equal files.
        """
        said = (f"{key}={_quoted(str(value))}" for key, value in facts.items())
        head = ["Properties=species:S:1:pos:R:3", 'pbc="F F F"', *said]
        rows = zip(self.symbols, self.positions.tolist(), strict=True)
        lines = [str(len(self)), " ".join(head), *(f"{symbol} {x!r} {y!r} {z!r}" for symbol, (x, y, z) in rows)]
        return Blob(("\n".join(lines) + "\n").encode(), ".extxyz")


def _quoted(value: str) -> str:
    """Returns a value as the format takes it: in double quotes where it is more than a number or a plain word."""
    if value and not set(value) & set(" \t\r\n\"'={}[],\\"):
        return value
    plain = " ".join(value.replace("\\", "/").replace('"', "'").split())
    return f'"{plain}"'
