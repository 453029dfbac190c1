"""Normal random numbers by torch, for devices without compiled loops: those of ``kernels.normals``, up to rounding."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor

from cohobate.dynamics.stages.masking import placeless, root

ROUNDS: Final = 10
M0, M1, W0, W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
LOW: Final = 0xFFFFFFFF


def drawn(seed: int, ids: Tensor, counts: Tensor, start: Tensor, system: Tensor) -> Tensor:
    """Returns standard normal numbers (N, 3) that are a function of seed, id, count of draws, and atom."""
    atom = torch.arange(len(system), device=system.device) - start[system]
    ids, counts = ids[system], counts[system]
    c = [atom & LOW, counts & LOW, (counts >> 32) & LOW, ((ids >> 32) ^ (seed >> 32)) & LOW]
    k0, k1 = torch.full_like(atom, seed & LOW), ids & LOW
    for _ in range(ROUNDS):
        (h0, l0), (h1, l1) = _product(M0, c[0]), _product(M1, c[2])
        c = [h1 ^ c[1] ^ k0, l1, h0 ^ c[3] ^ k1, l0]
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    unit = [(one.double() + 0.5) * 2.0**-32 for one in c]
    near, far = (root(-2.0 * placeless(np.log, torch.log, one)) for one in (unit[0], unit[2]))
    first, second = 2.0 * math.pi * unit[1], 2.0 * math.pi * unit[3]
    cosines = [placeless(np.cos, torch.cos, angle) for angle in (first, second)]
    return torch.stack([near * cosines[0], near * placeless(np.sin, torch.sin, first), far * cosines[1]], 1)


def _product(a: int, b: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the high and the low word of a product of words of 32 bits, without leaving 63 bits."""
    high, low = (b >> 16) * a, (b & 0xFFFF) * a
    middle = high + (low >> 16)
    return middle >> 16, ((middle & 0xFFFF) << 16) | (low & 0xFFFF)
