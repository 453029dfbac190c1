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


@compiled
def philox(counter, key):
    """Changes ``counter`` (4 words of 32 bits) into random ones: Philox4x32-10, Salmon et al., SC 2011."""
    k0, k1 = key[0], key[1]
    for _ in range(ROUNDS):
        p0, p1 = M0 * counter[0], M1 * counter[2]
        c1, c3 = counter[1], counter[3]
        counter[0] = ((p1 >> HALF) ^ c1 ^ k0) & LOW
        counter[1] = p1 & LOW
        counter[2] = ((p0 >> HALF) ^ c3 ^ k1) & LOW
        counter[3] = p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW


@compiled
def normals(seed, ids, counts, start, out):
    """Puts standard normal numbers into ``out``: (N, 3), those of each system by its id and its own count of draws."""
    counter, key = np.empty(4, np.uint64), np.empty(2, np.uint64)
    for s in range(len(ids)):
        for i in range(start[s], start[s + 1]):
            key[0], key[1] = np.uint64(seed) & LOW, np.uint64(ids[s]) & LOW
            counter[0], counter[1] = np.uint64(i - start[s]) & LOW, np.uint64(counts[s]) & LOW
            counter[2] = np.uint64(counts[s]) >> HALF
            counter[3] = (np.uint64(ids[s]) >> HALF) ^ (np.uint64(seed) >> HALF)
            philox(counter, key)
            for pair in range(2):
                radius = math.sqrt(-2.0 * math.log((counter[2 * pair] + 0.5) * UNIT))
                angle = 2.0 * math.pi * (counter[2 * pair + 1] + 0.5) * UNIT
                out[i, 2 * pair] = radius * math.cos(angle)
                if pair == 0:
                    out[i, 1] = radius * math.sin(angle)
