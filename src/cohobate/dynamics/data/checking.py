"""What no system may have: no atoms, atoms in the same place, cells that do not repeat, what is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
LOOKED_AT: Final = ("numbers", "positions", "velocities", "masses", "cell", "pbc")
SAME: Final = 1e-6
"""Atoms that are nearer than this (Å) are in the same place; only the smallest of rounding lies below."""
SLANT: Final = np.array([0.6180339887, 0.7320508076, 0.2896124113])
"""A direction in which hardly any two atoms of a crystal are level: its length is about 1."""
SEAM: Final = 0.9987162347
"""Where the cell is cut open, as a share of each vector: next to the faces, where atoms often are."""


def wrong(fields: Mapping[str, Tensor]) -> str | None:
    """Returns what is wrong with the fields of one system, which have the shapes they are to have."""
    held = {name: fields[name].cpu().numpy() for name in LOOKED_AT if name in fields}
    periodic = held["pbc"][0] if "pbc" in held else np.zeros(3, bool)
    cell = held["cell"][0] if "cell" in held else None
    return (
        _wrong_numbers(held["numbers"])
        or _wrong_motion(held)
        or _wrong_masses(held.get("masses"))
        or _wrong_cell(cell, periodic)
        or _wrong_places(held["positions"], cell, periodic)
    )


def _wrong_numbers(numbers: Array) -> str | None:
    if not len(numbers):
        return "positions: expected at least one atom, got none"
    return f"numbers must be atomic numbers, got {low}" if (low := numbers.min()) < 0 else None


def _wrong_motion(held: Mapping[str, Array]) -> str | None:
    for name in ("positions", "velocities"):
        if name in held and not (finite := np.isfinite(held[name])).all():
            atom = int(np.argwhere(~finite)[0][0])
            return f"{name} must be finite; those of atom {atom} are {held[name][atom].tolist()}"
    return None


def _wrong_masses(masses: Array | None) -> str | None:
    if masses is None or 0 < masses.min() <= masses.max() < np.inf:
        return None
    atom = int(np.flatnonzero(~((masses > 0) & np.isfinite(masses)))[0])
    return f"masses must be positive; that of atom {atom} is {masses[atom]}"


def _wrong_cell(cell: Array | None, periodic: Array) -> str | None:
    if cell is None:
        return "pbc is set without a cell" if periodic.any() else None
    if not np.isfinite(cell).all():
        return f"cell must be 3 x 3 finite numbers, got {cell.tolist()!r:.120}"
    if not periodic.any():
        return None
    lengths = np.sqrt((cell * cell).sum(1))
    if (lengths == 0).any():
        k = int(np.flatnonzero(lengths == 0)[0])
        also = "" if periodic[k] else "; a direction that does not repeat needs one, too: ase.geometry.complete_cell"
        return f"the cell has no volume: its vector {k} is zero{also}"
    share = float(np.linalg.det(cell / lengths[:, None]))
    if abs(share) < 1e-12:
        return f"the cell has no volume: its vectors lie in a plane, {cell.tolist()!r:.120}"
    if share < 0:
        return f"the cell is left-handed, {cell.tolist()!r:.120}; exchange two of its vectors"
    return None


def _wrong_places(positions: Array, cell: Array | None, periodic: Array) -> str | None:
    """Looks for atoms next to each other along one slanted line: a sort instead of all pairs."""
    within = positions if cell is None or not periodic.any() else _within(positions, cell, periodic)
    along = within @ SLANT
    order = np.argsort(along)
    sorted_along = along[order]
    for apart in range(1, len(positions)):
        near = np.flatnonzero(sorted_along[apart:] - sorted_along[:-apart] <= SAME)
        if not len(near):
            return None
        for a, b in zip(order[near].tolist(), order[near + apart].tolist(), strict=True):
            if np.abs(within[a] - within[b]).max() <= SAME:
                return _told(positions, min(a, b), max(a, b))
    return None


def _told(positions: Array, first: int, second: int) -> str:
    image = "" if np.abs(positions[first] - positions[second]).max() <= SAME else " (of a periodic image)"
    where = positions[second].tolist()
    return f"positions: atom {second} is in the same place as atom {first}{image}: {where}"


def _within(positions: Array, cell: Array, periodic: Array) -> Array:
    shares = positions @ np.linalg.inv(cell)
    turns = np.where(periodic, np.floor(shares + (1 - SEAM)), 0.0)
    within: Array = positions - turns @ cell
    return within
