"""Draws atoms in space as seen along their flattest direction: balls, and sticks between neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from cohobate.view.molecules import ELEMENTS, HEIGHT, WIDTH, Drawing

MOST_ATOMS: Final = 200
"""Atoms up to which a structure is drawn."""
MARGIN: Final = 12.0
RADII: Final[Mapping[str, float]] = {
    **{"H": 0.31, "B": 0.84, "C": 0.76, "N": 0.71, "O": 0.66, "F": 0.57, "Si": 1.11, "P": 1.07, "S": 1.05},
    **{"Cl": 1.02, "Se": 1.20, "Br": 1.20, "I": 1.39},
}
"""Covalent radii in Å (Cordero et al., Dalton Trans. 2008, 2832)."""
USUAL: Final = 1.4
"""The radius of any other element (Å)."""
SLACK: Final = 1.25
"""How much longer than the sum of two radii a bond may be."""
COLOURED: Final = frozenset(ELEMENTS.values())


def project(symbols: Sequence[str], positions: np.ndarray) -> Drawing | None:
    """Returns the drawing of a structure, ``positions``: (atoms, 3), Å; ``None`` for none or too many atoms."""
    if not 0 < len(symbols) <= MOST_ATOMS or not np.isfinite(positions).all():
        return None
    centred = positions - positions.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    seen = np.zeros((len(symbols), 2))
    seen[:, : len(axes[:2])] = centred @ axes[:2].T
    low, span = seen.min(axis=0), np.ptp(seen, axis=0)
    room = np.array([WIDTH, HEIGHT]) - 2 * MARGIN
    scale = float(min(30.0, *(room / np.maximum(span, 1e-9))))
    flat = (seen - low - span / 2) * scale + np.array([WIDTH, HEIGHT]) / 2
    sizes = np.array([RADII.get(symbol, USUAL) for symbol in symbols])
    return Drawing(_sticks(symbols, positions, flat, sizes), _balls(symbols, flat, sizes, scale))


def _sticks(symbols: Sequence[str], positions: np.ndarray, flat: np.ndarray, sizes: np.ndarray) -> dict[str, str]:
    """Returns half a bond for each atom of a pair of neighbours, in the colour of its element."""
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    near = np.triu(apart < SLACK * (sizes[:, None] + sizes[None]), 1)
    paths: dict[str, str] = {}
    for i, j in np.argwhere(near):
        middle = (flat[i] + flat[j]) / 2
        for at in (i, j):
            element = _coloured(symbols[at])
            half = f"M{flat[at][0]:.1f} {flat[at][1]:.1f}L{middle[0]:.1f} {middle[1]:.1f}"
            paths[element] = paths.get(element, "") + half
    return paths


def _balls(symbols: Sequence[str], flat: np.ndarray, sizes: np.ndarray, scale: float) -> dict[str, str]:
    paths: dict[str, str] = {}
    for symbol, (x, y), size in zip(symbols, flat, sizes, strict=True):
        r = float(np.clip(0.3 * size * scale, 1.5, 8.0))
        ball = f"M{x - r:.1f} {y:.1f}a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-2 * r:.1f} 0"
        element = _coloured(symbol)
        paths[element] = paths.get(element, "") + ball
    return paths


def _coloured(symbol: str) -> str:
    return symbol if symbol in COLOURED else "H" if symbol == "H" else "C"
