"""Half steps of Nose-Hoover chains, each system by itself."""

from __future__ import annotations

import math

from cohobate.dynamics.kernels.compiling import compiled

ROOT = 2.0 ** (1.0 / 3.0)
OUTER, INNER = 1.0 / (2.0 - ROOT), -ROOT / (2.0 - ROOT)


@compiled
def pushed(speed, j, twice, degrees, kt, tau, step):
    """Changes the speed of one member of a chain by what drives it; ``twice`` is twice the kinetic energy (eV)."""
    drag = math.exp(-0.25 * step * speed[j + 1]) if j + 1 < len(speed) else 1.0
    if j == 0:
        drive = (twice - degrees * kt) / (degrees * kt * tau * tau)
    else:
        weight = degrees if j == 1 else 1.0
        drive = weight * speed[j - 1] * speed[j - 1] - 1.0 / (tau * tau)
    speed[j] = (speed[j] * drag + 0.5 * step * drive) * drag


@compiled
def chained(kt, tau, half, mask, twice, degrees, place, speed, scale):
    """Advances the chains (B, M) of some systems by ``half`` a step (fs); puts what velocities change by in ``scale``.

    Fourth order of Yoshida, as in Martyna, Tuckerman, Tobias, Klein, Mol. Phys. 87, 1117 (1996), appendix A.
    """
    members = speed.shape[1]
    for s in range(len(mask)):
        scale[s] = 1.0
        if not mask[s]:
            continue
        energy, factor = float(twice[s]), 1.0
        for part in range(3):
            step = half * (INNER if part == 1 else OUTER)
            for j in range(members - 1, -1, -1):
                pushed(speed[s], j, energy, degrees[s], kt, tau, step)
            for j in range(members):
                place[s, j] += step * speed[s, j]
            shrunk = math.exp(-step * speed[s, 0])
            factor *= shrunk
            energy *= shrunk * shrunk
            for j in range(members):
                pushed(speed[s], j, energy, degrees[s], kt, tau, step)
        scale[s] = factor
