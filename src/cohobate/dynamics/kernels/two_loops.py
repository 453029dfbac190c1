"""The two loops of L-BFGS, each system by itself."""

from __future__ import annotations

import numpy as np

from cohobate.dynamics.kernels.compiling import compiled


@compiled
def dot(one, other, first, last):
    """Returns the product of two fields (N, 3) of one system, summed in the order of its atoms."""
    total = 0.0
    for i in range(first, last):
        total += one[i, 0] * other[i, 0] + one[i, 1] * other[i, 1] + one[i, 2] * other[i, 2]
    return total


@compiled
def less(found, field, factor, first, last):
    """Takes ``factor`` times a field from what was found."""
    for i in range(first, last):
        for k in range(3):
            found[i, k] -= field[i, k] * factor


@compiled
def directions(start, mask, known, moves, changes, inverse, softness, found):
    """Turns forces in ``found`` into moves, by what is known of some systems; moves and changes are rings."""
    memory = moves.shape[1]
    parts = np.empty(memory)
    for s in range(len(known)):
        first, last, depth = start[s], start[s + 1], min(known[s], memory)
        if not mask[s]:
            continue
        for k in range(depth):
            slot = (known[s] - 1 - k) % memory
            parts[k] = inverse[s, slot] * dot(moves[:, slot], found, first, last)
            less(found, changes[:, slot], parts[k], first, last)
        for i in range(first, last):
            for k in range(3):
                found[i, k] *= softness
        for k in range(depth - 1, -1, -1):
            slot = (known[s] - 1 - k) % memory
            back = inverse[s, slot] * dot(changes[:, slot], found, first, last)
            less(found, moves[:, slot], back - parts[k], first, last)
