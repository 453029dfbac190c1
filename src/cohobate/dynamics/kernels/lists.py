"""Half lists of neighbours: each pair once, in an order that follows from the system alone."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from cohobate.dynamics.kernels.compiling import compiled

SMALL: Final = 400
"""Atoms up to which all pairs are looked at: beyond, cells are quicker."""
FULL: Final = 4
"""Cells that there are for an atom at most: those of one that is far away would fill the memory."""


@compiled
def heights(cell, out):
    """Puts the distances between opposite faces of a cell (rows are vectors) into ``out``: (3,)."""
    volume = 0.0
    for k in range(3):
        a, b = cell[(k + 1) % 3], cell[(k + 2) % 3]
        x, y, z = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
        volume = abs(cell[k, 0] * x + cell[k, 1] * y + cell[k, 2] * z)
        area = math.sqrt(x * x + y * y + z * z)
        out[k] = volume / area if area > 0 else 0.0


@compiled
def images_of(cell, periodic, reach, images):
    """Puts how many images in each direction can be within ``reach`` into ``images``: (3,)."""
    between = np.empty(3)
    heights(cell, between)
    for k in range(3):
        images[k] = math.ceil(reach / between[k]) if periodic[k] else 0


@compiled
def shifts_of(cell, images, shifts):
    """Puts the translations of all images into ``shifts``: (number, 3); returns their number."""
    at = 0
    for a in range(-images[0], images[0] + 1):
        for b in range(-images[1], images[1] + 1):
            for c in range(-images[2], images[2] + 1):
                for k in range(3):
                    shifts[at, k] = a * cell[0, k] + b * cell[1, k] + c * cell[2, k]
                at += 1
    return at


@compiled
def number_of_images(images):
    """Returns how many translations there are."""
    return (2 * images[0] + 1) * (2 * images[1] + 1) * (2 * images[2] + 1)


@compiled
def wrapped(positions, cell, periodic, at):
    """Puts positions moved into the cell, in its periodic directions, into ``at``: (n, 3)."""
    inverse = np.empty((3, 3))
    inverted(cell, periodic, inverse)
    for i in range(len(positions)):
        for k in range(3):
            at[i, k] = positions[i, k]
        for d in range(3):
            if periodic[d]:
                share = 0.0
                for k in range(3):
                    share += positions[i, k] * inverse[k, d]
                turns = math.floor(share)
                for k in range(3):
                    at[i, k] -= turns * cell[d, k]


@compiled
def inverted(cell, periodic, inverse):
    """Puts the inverse of a cell into ``inverse``: (3, 3); zero where nothing is periodic."""
    inverse[:] = 0.0
    if not (periodic[0] or periodic[1] or periodic[2]):
        return
    for d in range(3):
        a, b = cell[(d + 1) % 3], cell[(d + 2) % 3]
        x, y, z = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
        volume = cell[d, 0] * x + cell[d, 1] * y + cell[d, 2] * z
        inverse[0, d], inverse[1, d], inverse[2, d] = x / volume, y / volume, z / volume


@compiled
def all_pairs(positions, shifts, reach2, count, other, image, at):
    """Lists pairs by looking at all; returns where the list ends, also where there was no room for it.

    ``shifts`` are in the order of ``shifts_of``, so that the one in the middle is zero, and one and its opposite
    lie on either side of it: of an atom and its own images, half are listed.
    """
    room, middle = len(other), len(shifts) // 2
    for i in range(len(positions)):
        begin = at
        for s in range(len(shifts)):
            x, y, z = shifts[s, 0] - positions[i, 0], shifts[s, 1] - positions[i, 1], shifts[s, 2] - positions[i, 2]
            for j in range(i if s > middle else i + 1, len(positions)):
                dx, dy, dz = positions[j, 0] + x, positions[j, 1] + y, positions[j, 2] + z
                if dx * dx + dy * dy + dz * dz < reach2:
                    if at < room:
                        other[at], image[at] = j, s
                    at += 1
        count[i] = at - begin
    return at


@compiled
def divided(between, reach, most, bins):
    """Puts into how many cells of at least ``reach`` each direction is divided into ``bins``: (3,), ``most`` in all."""
    for k in range(3):
        bins[k] = max(1, int(min(float(most), between[k] / reach)))
    while float(bins[0]) * bins[1] * bins[2] > most:
        k = bins.argmax()
        bins[k] = (bins[k] + 1) // 2


@compiled
def near_pairs(positions, cell, periodic, reach, shifts, images, count, other, image, at):
    """Lists the same pairs by cells of at least ``reach``; positions are within the cell where it is periodic."""
    n, room, middle = len(positions), len(other), len(shifts) // 2
    inverse, between, low = np.empty((3, 3)), np.empty(3), np.zeros(3)
    bins, around = np.ones(3, np.int64), np.zeros(3, np.int64)
    inverted(cell, periodic, inverse)
    heights(cell, between)
    for k in range(3):
        if not periodic[k]:
            low[k] = positions[:, k].min()
            between[k] = max(reach, positions[:, k].max() - low[k])
    divided(between, reach, FULL * n, bins)
    for k in range(3):
        around[k] = math.ceil(reach * bins[k] / between[k])
    place = np.empty((n, 3), np.int64)
    first = np.zeros(bins[0] * bins[1] * bins[2] + 1, np.int64)
    for i in range(n):
        for k in range(3):
            if periodic[k]:
                share = 0.0
                for m in range(3):
                    share += positions[i, m] * inverse[m, k]
                place[i, k] = min(bins[k] - 1, max(0, int(share * bins[k])))
            else:
                place[i, k] = min(bins[k] - 1, int((positions[i, k] - low[k]) * (bins[k] / between[k])))
        first[(place[i, 0] * bins[1] + place[i, 1]) * bins[2] + place[i, 2] + 1] += 1
    first = np.cumsum(first)
    filled, members = first.copy(), np.empty(n, np.int64)
    for i in range(n):
        home = (place[i, 0] * bins[1] + place[i, 1]) * bins[2] + place[i, 2]
        members[filled[home]] = i
        filled[home] += 1
    reach2 = reach * reach
    for i in range(n):
        begin = at
        for a in range(place[i, 0] - around[0], place[i, 0] + around[0] + 1):
            turn_a, a_in = a // bins[0], a % bins[0]
            if not periodic[0] and turn_a != 0:
                continue
            for b in range(place[i, 1] - around[1], place[i, 1] + around[1] + 1):
                turn_b, b_in = b // bins[1], b % bins[1]
                if not periodic[1] and turn_b != 0:
                    continue
                for c in range(place[i, 2] - around[2], place[i, 2] + around[2] + 1):
                    turn_c, c_in = c // bins[2], c % bins[2]
                    if not periodic[2] and turn_c != 0:
                        continue
                    if abs(turn_a) > images[0] or abs(turn_b) > images[1] or abs(turn_c) > images[2]:
                        continue
                    s = ((turn_a + images[0]) * (2 * images[1] + 1) + turn_b + images[1]) * (2 * images[2] + 1)
                    s += turn_c + images[2]
                    home = (a_in * bins[1] + b_in) * bins[2] + c_in
                    for m in range(first[home], first[home + 1]):
                        j = members[m]
                        if j < i or (j == i and s <= middle):
                            continue
                        dx = positions[j, 0] + shifts[s, 0] - positions[i, 0]
                        dy = positions[j, 1] + shifts[s, 1] - positions[i, 1]
                        dz = positions[j, 2] + shifts[s, 2] - positions[i, 2]
                        if dx * dx + dy * dy + dz * dz < reach2:
                            if at < room:
                                other[at], image[at] = j, s
                            at += 1
        count[i] = at - begin
    return at


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
def listed(origin, cell, periodic, reach, offset, count, other, image, at):
    """Lists the pairs of one system; returns where they end, which may be beyond the room there is.

    ``offset``: what brings each atom into the cell.
    """
    images = np.empty(3, np.int64)
    images_of(cell, periodic, reach, images)
    shifts = np.empty((number_of_images(images), 3))
    shifts_of(cell, images, shifts)
    inside = np.empty((len(origin), 3))
    wrapped(origin, cell, periodic, inside)
    for i in range(len(origin)):
        for k in range(3):
            offset[i, k] = inside[i, k] - origin[i, k]
    if len(origin) <= SMALL:
        return all_pairs(inside, shifts, reach * reach, count, other, image, at)
    return near_pairs(inside, cell, periodic, reach, shifts, images, count, other, image, at)


@compiled
def listed_all(which, start, origin, cells, periodic, reach, atoms, offset, count, other, image, ends, at):
    """Lists the pairs of some systems one after the other; ``ends`` are where each list ends."""
    for k in range(len(which)):
        s = which[k]
        a, b, mine = start[s], start[s + 1], atoms[k]
        last = mine + b - a
        at = ends[k] = listed(
            origin[a:b], cells[s], periodic[s], reach, offset[mine:last], count[mine:last], other, image, at
        )
    return at
