"""Energies, forces and virials of pairs, summed for each system in the order of its own list."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from cohobate.dynamics.kernels.compiling import compiled
from cohobate.dynamics.kernels.lists import images_of, number_of_images, shifts_of
from cohobate.dynamics.kernels.verlet import placed

CHUNK: Final = 2048
"""Atoms whose pairs are summed one after the other: what a system is divided into does not depend on the threads."""


@cache
def summing(pair: Callable[..., Any], stress: bool) -> Callable[..., Any]:
    """Returns the compiled sums over the pairs of some systems of a batch, for a pair potential.

    Virials are summed only where ``stress`` is wanted. ``pair(r2, parameters)`` returns the energy (eV) and minus the
    force over the distance (eV/Å^2).
    """
    inner = compiled(pair)

    @compiled
    def sum_pairs(at, kinds, table, cell, images, cut2, begin, count, other, image, first, last, forces, virial):
        shifts = np.empty((number_of_images(images), 3))
        shifts_of(cell, images, shifts)
        energy = 0.0
        for i in range(first, last):
            x, y, z = at[i, 0], at[i, 1], at[i, 2]
            fx, fy, fz = 0.0, 0.0, 0.0
            row = table[kinds[i]]
            for m in range(begin[i], begin[i] + count[i]):
                j, s = other[m], image[m]
                dx = at[j, 0] + shifts[s, 0] - x
                dy = at[j, 1] + shifts[s, 1] - y
                dz = at[j, 2] + shifts[s, 2] - z
                r2 = dx * dx + dy * dy + dz * dz
                if r2 < cut2:
                    e, g = inner(r2, row[kinds[j]])
                    energy += e
                    gx, gy, gz = g * dx, g * dy, g * dz
                    fx += gx
                    fy += gy
                    fz += gz
                    forces[j, 0] -= gx
                    forces[j, 1] -= gy
                    forces[j, 2] -= gz
                    if stress:
                        virial[0, 0] += gx * dx
                        virial[1, 1] += gy * dy
                        virial[2, 2] += gz * dz
                        virial[0, 1] += gx * dy
                        virial[0, 2] += gx * dz
                        virial[1, 2] += gy * dz
            forces[i, 0] += fx
            forces[i, 1] += fy
            forces[i, 2] += fz
        return energy

    @compiled
    def sum_systems(
        systems, start, positions, origin, kinds, table, cells, periodic, cut, reach,
        begin, count, other, image, energies, forces, virials
    ):  # fmt: skip
        images = np.empty(3, np.int64)
        for s in systems:
            a, b = start[s], start[s + 1]
            at = np.empty((b - a, 3), positions.dtype)
            placed(positions[a:b], origin[a:b], cells[s], periodic[s], at)
            images_of(cells[s], periodic[s], reach, images)
            forces[a:b] = 0.0
            virials[s] = 0.0
            energies[s] = 0.0
            for first in range(0, b - a, CHUNK):
                energies[s] += sum_pairs(
                    at, kinds[a:b], table, cells[s], images, cut * cut, begin[a:b], count[a:b], other, image,
                    first, min(first + CHUNK, b - a), forces[a:b], virials[s]
                )  # fmt: skip
            for k in range(3):
                for m in range(k):
                    virials[s, k, m] = virials[s, m, k]

    return sum_systems
