"""Normal random numbers that are a function of (seed, system, step, atom): the same wherever a system is."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from cohobate.dynamics.kernels.compiling import compiled

ROUNDS: Final = 10
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
UNIT: Final = 2.0**-32
TURN: Final = 2.0 * math.pi


@compiled
def mixed(c0, c1, c2, c3, k0, k1):
    """Returns four random words of 32 bits for a counter and a key: Philox4x32-10, Salmon et al., SC 2011."""
    for _ in range(ROUNDS):
        p0, p1 = M0 * c0, M1 * c2
        c0, c2 = (p1 >> HALF) ^ c1 ^ k0, (p0 >> HALF) ^ c3 ^ k1
        c1, c3 = p1 & LOW, p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0, c1, c2, c3


@compiled
def philox(counter, key):
    """Changes ``counter`` (4 words of 32 bits) into random ones."""
    counter[0], counter[1], counter[2], counter[3] = mixed(
        counter[0], counter[1], counter[2], counter[3], key[0], key[1]
    )


@compiled
def normal_three(seed, system, count, atom):
    """Returns three standard normal numbers of an atom of a system, by the count of draws of the system."""
    a, b, c, d = mixed(
        np.uint64(atom) & LOW,
        np.uint64(count) & LOW,
        np.uint64(count) >> HALF,
        (np.uint64(system) >> HALF) ^ (np.uint64(seed) >> HALF),
        np.uint64(seed) & LOW,
        np.uint64(system) & LOW,
    )
    first, second = TURN * ((b + 0.5) * UNIT), TURN * ((d + 0.5) * UNIT)
    near, far = math.sqrt(-2.0 * math.log((a + 0.5) * UNIT)), math.sqrt(-2.0 * math.log((c + 0.5) * UNIT))
    return near * math.cos(first), near * math.sin(first), far * math.cos(second)


@compiled
def normals(seed, ids, counts, start, out):
    """Puts standard normal numbers into ``out``: (N, 3), those of each system by its id and its own count of draws."""
    for s in range(len(ids)):
        for i in range(start[s], start[s + 1]):
            out[i, 0], out[i, 1], out[i, 2] = normal_three(seed, ids[s], counts[s], i - start[s])
