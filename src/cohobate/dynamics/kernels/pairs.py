"""Energies, forces and virials of pairs, summed for each system in the order of its own list."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

import numpy as np

from cohobate.dynamics.kernels import lists
from cohobate.dynamics.kernels.compiling import callable_in_loops, compiled, mark_of, named
from cohobate.dynamics.kernels.lists import images_of, number_of_images, shifts_of

CHUNK: Final = 2048
"""Atoms from which on a system is summed in parts, which threads can share: it does not depend on their number."""
MOST: Final = 16
"""Parts of a system at most: each has forces of its own, that are added in their order."""


@compiled
def parts_of(atoms, first_count, count, system, first, last, into):
    """Divides systems into parts with as many pairs each; returns how many parts, and rows of forces of their own."""
    made, rows = 0, 0
    for s in range(len(atoms)):
        n = atoms[s]
        many = min(MOST, (n + CHUNK - 1) // CHUNK)
        pairs = 0
        for i in range(n):
            pairs += count[first_count[s] + i]
        begin, seen = 0, 0
        for k in range(many):
            end = begin
            while end < n and (k == many - 1 or seen * many < pairs * (k + 1)):
                seen += count[first_count[s] + end]
                end += 1
            system[made], first[made], last[made] = s, begin, end
            into[made] = -1 if many == 1 else rows
            rows += 0 if many == 1 else n - begin
            begin = end
            made += 1
    return made, rows


@compiled
def added(system, first, into, start, energies, virials, buffers, buffer, energy, forces, virial, each):
    """Adds what the parts of each system have, in their order."""
    for t in range(len(system)):
        s = system[t]
        energy[s] += energies[t]
        for k in range(3):
            for m in range(3):
                virial[s, k, m] += virials[t, min(k, m), max(k, m)]
        if into[t] >= 0:
            begin = start[s] + first[t]
            for i in range(start[s + 1] - begin):
                each[begin + i] += buffer[into[t] + i]
                for k in range(3):
                    forces[begin + i, k] += buffers[into[t] + i, k]


@cache
def summing(pair: Callable[..., Any], *, own: int, further: bool, single: bool, switch: bool) -> Callable[..., Any]:
    """Returns the compiled sums over the pairs of some parts of a batch, for a pair potential.

    ``pair(r2, parameters)`` returns the energy (eV) and minus the force over the distance (eV/Å^2); the parameter
    after its ``own`` is taken off the energy. ``further``: virials and energies of atoms are summed, too. ``single``:
    there is one species. ``switch``: energies go to zero smoothly, see ``models.pairs``.
    """
    mark = mark_of(pair, lists.__file__)
    own_name = partial(named, name=f"{mark:x}_{own}{further:d}{single:d}{switch:d}")
    inner = callable_in_loops(own_name(pair))

    @callable_in_loops
    @own_name
    def sum_pairs(
        at, kinds, row, table, shifts, cut2, on2, begin, count, other, image, first, last, low, forces, virial, each
    ):  # fmt: skip
        most = 0
        for i in range(first, last):
            most = max(most, count[i])
        dx, dy, dz, r2s = np.empty(most + 1), np.empty(most + 1), np.empty(most + 1), np.empty(most + 1)
        es, gs, js = np.empty(most + 1), np.empty(most + 1), np.empty(most + 1, np.uint32)
        xx, yy, zz, xy, xz, yz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        width = 1.0 / (cut2 - on2)
        energy = 0.0 if mark > 0 else 1.0
        for i in range(first, last):
            x, y, z = at[i, 0], at[i, 1], at[i, 2]
            others, images = other[begin : begin + count[i]], image[begin : begin + count[i]]
            begin += count[i]
            n = np.uint32(0)
            for m in range(len(others)):  # those beyond the cutoff are written over: no branch to guess
                j, s = np.uint32(others[m]), np.uint32(images[m])
                ax = at[j, 0] + shifts[s, 0] - x
                ay = at[j, 1] + shifts[s, 1] - y
                az = at[j, 2] + shifts[s, 2] - z
                r2 = ax * ax + ay * ay + az * az
                dx[n], dy[n], dz[n], r2s[n], js[n] = ax, ay, az, r2, j
                n += np.uint32(r2 < cut2)
            for k in range(n):
                if single:
                    e, g = inner(r2s[k], row)
                    e -= row[own]
                else:
                    both = table[kinds[i], kinds[js[k]]]
                    e, g = inner(r2s[k], both)
                    e -= both[own]
                if switch:
                    t = max(0.0, (r2s[k] - on2) * width)
                    share = 1.0 - t * t * (3.0 - 2.0 * t)
                    g = g * share - e * (12.0 * t * (1.0 - t) * width)
                    e = e * share
                es[k], gs[k] = e, g
            fx, fy, fz = 0.0, 0.0, 0.0
            for k in range(n):
                g, j = gs[k], np.uint32(js[k]) - low
                energy += es[k]
                gx, gy, gz = g * dx[k], g * dy[k], g * dz[k]
                fx += gx
                fy += gy
                fz += gz
                forces[j, 0] -= gx
                forces[j, 1] -= gy
                forces[j, 2] -= gz
                if further:
                    xx += gx * dx[k]
                    yy += gy * dy[k]
                    zz += gz * dz[k]
                    xy += gx * dy[k]
                    xz += gx * dz[k]
                    yz += gy * dz[k]
            if further:
                for k in range(n):
                    each[np.uint32(i) - low] += 0.5 * es[k]
                    each[np.uint32(js[k]) - low] += 0.5 * es[k]
            me = np.uint32(i) - low
            forces[me, 0] += fx
            forces[me, 1] += fy
            forces[me, 2] += fz
        virial[0, 0], virial[1, 1], virial[2, 2] = xx, yy, zz
        virial[0, 1], virial[0, 2], virial[1, 2] = xy, xz, yz
        return energy

    @compiled
    @own_name
    def sum_parts(
        parts, system, first, last, into, start, at, kinds, row, table, cells, periodic, cut, on, reach,
        pair_at, count_at, count, other, image, energies, virials, forces, each, buffers, buffer
    ):  # fmt: skip
        images = np.empty(3, np.int64)
        for t in parts:
            s, into_t = system[t], into[t]
            a, b, c = start[s], start[s + 1], count_at[s]
            images_of(cells[s], periodic[s], reach, images)
            shifts = np.empty((number_of_images(images), 3))
            shifts_of(cells[s], images, shifts)
            begin, low = pair_at[s], np.uint32(0)
            for i in range(c, c + first[t]):
                begin += count[i]
            mine, own = forces[a:b], each[a:b]
            if into_t >= 0:
                low = np.uint32(first[t])
                mine = buffers[into_t : into_t + b - a - first[t]]
                own = buffer[into_t : into_t + b - a - first[t]]
            mine[:] = 0.0
            own[:] = 0.0
            energies[t] = sum_pairs(
                at[a:b], kinds[a:b], row, table, shifts, cut * cut, on * on, begin, count[c : c + b - a], other, image,
                first[t], last[t], low, mine, virials[t], own
            )  # fmt: skip

    return sum_parts
