"""Neighbour lists of all systems of a batch, each made again when its own atoms have moved far enough."""

from __future__ import annotations

from typing import Final

import numpy as np

from cohobate.dynamics.kernels.compiling import compiled
from cohobate.dynamics.kernels.lists import (
    SMALL,
    all_pairs,
    images_of,
    near_pairs,
    number_of_images,
    shifts_of,
    wrapped,
)

LARGEST: Final = 32_000
"""Images that the numbers in a list can tell apart."""


@compiled
def moved(positions, origin, start, limit2, stale):
    """Marks systems of which an atom is further than the root of ``limit2`` from where it was, or was nowhere."""
    for s in range(len(start) - 1):
        for i in range(start[s], start[s + 1]):
            dx = positions[i, 0] - origin[i, 0]
            dy = positions[i, 1] - origin[i, 1]
            dz = positions[i, 2] - origin[i, 2]
            if not dx * dx + dy * dy + dz * dz <= limit2:
                stale[s] = True
                break


@compiled
def listed(origin, cell, periodic, reach, begin, count, other, image, at):
    """Lists the pairs of one system; returns where they end, which may be beyond the room there is, or -1.

    -1: the cell is so flat that its images cannot be numbered.
    """
    images = np.empty(3, np.int64)
    images_of(cell, periodic, reach, images)
    if number_of_images(images) > LARGEST:
        return -1
    shifts = np.empty((number_of_images(images), 3))
    shifts_of(cell, images, shifts)
    inside = np.empty_like(origin)
    wrapped(origin, cell, periodic, inside)
    if len(origin) <= SMALL:
        return all_pairs(inside, shifts, reach * reach, begin, count, other, image, at)
    return near_pairs(inside, cell, periodic, reach, shifts, images, begin, count, other, image, at)


@compiled
def placed(positions, origin, cell, periodic, at):
    """Puts positions where lists mean them, moved by as many cells as their origin was, into ``at``: (n, 3)."""
    wrapped(origin, cell, periodic, at)
    for i in range(len(positions)):
        for k in range(3):
            at[i, k] = positions[i, k] + (at[i, k] - origin[i, k])
