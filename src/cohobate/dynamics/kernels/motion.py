"""Half steps of updates for the CPU: the operations of the updates in the same order, in one pass over the atoms."""

from __future__ import annotations

import math

from cohobate.dynamics.kernels.compiling import compiled
from cohobate.dynamics.kernels.normals import normal_three


@compiled
def kick(unit, half, mask, start, fixed, velocities, forces, masses):
    """Changes velocities by half a step of the forces."""
    for s in range(len(mask)):
        if mask[s]:
            for i in range(start[s], start[s + 1]):
                if not (len(fixed) and fixed[i]):
                    w = unit / masses[i]
                    for k in range(3):
                        velocities[i, k] += forces[i, k] * w * half


@compiled
def kick_drift(unit, half, dt, mask, start, fixed, velocities, positions, forces, masses):
    """Changes velocities by half a step of the forces, and positions by a step of the velocities."""
    for s in range(len(mask)):
        if mask[s]:
            for i in range(start[s], start[s + 1]):
                if not (len(fixed) and fixed[i]):
                    w = unit / masses[i]
                    for k in range(3):
                        velocities[i, k] += forces[i, k] * w * half
                        positions[i, k] += velocities[i, k] * dt


@compiled
def langevin(
    unit, half, keep, noise, seed, mask, start, fixed, ids, draws, velocities, positions, forces, masses
):  # fmt: skip
    """Half a kick, half a drift, friction and noise, half a drift."""
    for s in range(len(mask)):
        if mask[s]:
            for i in range(start[s], start[s + 1]):
                if not (len(fixed) and fixed[i]):
                    drawn = normal_three(seed, ids[s], draws[s], i - start[s])
                    w, spread = unit / masses[i], noise / math.sqrt(masses[i])
                    for k in range(3):
                        speed = velocities[i, k] + forces[i, k] * w * half
                        at = positions[i, k] + speed * half
                        speed = speed * keep + drawn[k] * spread
                        velocities[i, k] = speed
                        positions[i, k] = at + speed * half


@compiled
def fire(
    dt_max, max_step, patience, grow, shrink, alpha_first, fade,
    mask, start, fixed, speeds, positions, forces, steps, mixing, downhill,
):  # fmt: skip
    """Turns the velocities of each system towards the forces, or stops it; and moves."""
    for s in range(len(mask)):
        if not mask[s]:
            continue
        a, b = start[s], start[s + 1]
        vf, vv, ff = 0.0, 0.0, 0.0
        for i in range(a, b):
            if not (len(fixed) and fixed[i]):
                v0, v1, v2 = speeds[i, 0], speeds[i, 1], speeds[i, 2]
                f0, f1, f2 = forces[i, 0], forces[i, 1], forces[i, 2]
                vf += v0 * f0 + v1 * f1 + v2 * f2
                vv += v0 * v0 + v1 * v1 + v2 * v2
                ff += f0 * f0 + f1 * f1 + f2 * f2
        step, alpha, ago = steps[s], mixing[s], downhill[s]
        down = vf > 0
        keep, share = 0.0, 0.0
        if down:
            keep, share = 1.0 - alpha, alpha * math.sqrt(vv / (ff if ff > 0 else 1.0))
        if down and ago > patience:
            step, alpha = min(step * grow, dt_max), alpha * fade
        elif not down:
            alpha = alpha_first
            if ago >= 0:
                step = step * shrink
        steps[s], mixing[s], downhill[s] = step, alpha, ago + 1 if down else 0
        way = 0.0
        for i in range(a, b):
            if not (len(fixed) and fixed[i]):
                for k in range(3):
                    turned = speeds[i, k] * keep + forces[i, k] * share if down else 0.0
                    speeds[i, k] = turned + forces[i, k] * step
                m0, m1, m2 = speeds[i, 0] * step, speeds[i, 1] * step, speeds[i, 2] * step
                way += m0 * m0 + m1 * m1 + m2 * m2
        length = math.sqrt(way)
        less = max_step / length if length > max_step else 1.0
        for i in range(a, b):
            if not (len(fixed) and fixed[i]):
                for k in range(3):
                    positions[i, k] += speeds[i, k] * step * less
