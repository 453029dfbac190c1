"""Energies of crystals by lattice sums: what programs are compared with, and a model that takes no time."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import brentq

EPSILON, SIGMA = 0.0104, 3.405
"""The truth of argon: eV, Å."""
CUTOFF = 8.5
CONSTANTS = tuple(np.linspace(4.9, 6.0, 12).round(2).tolist())
"""Lattice constants (Å) of the fcc crystal; no shell of neighbours is near the cutoff."""
E2 = 14.399645
"""e² / (4 pi epsilon_0), eV Å."""
MADELUNG = 1.747564594633


@cache
def fcc(reach):
    """Returns the squared distances of neighbours in fcc, in lattice constants, and how many there are of each."""
    n = int(reach) + 2
    twice = np.arange(-2 * n, 2 * n + 1)
    x, y, z = np.meshgrid(twice, twice, twice, indexing="ij")
    squares = (x**2 + y**2 + z**2)[(x + y + z) % 2 == 0].ravel()
    squares, counts = np.unique(squares[(squares > 0) & (squares <= 4 * reach**2)], return_counts=True)
    return squares / 4, counts


def cohesive(a, epsilon, sigma, cutoff=CUTOFF):
    """Returns the energy (eV per atom) of a Lennard-Jones crystal of lattice constant ``a`` (Å)."""
    squares, counts = fcc(np.ceil(cutoff / 4))
    within = squares * a * a < cutoff * cutoff
    x = (sigma**2 / (squares[within] * a * a)) ** 3
    return float(2 * epsilon * (counts[within] * (x * x - x)).sum())


def full_sums(reach=16):
    """Returns the sums of (a/r)^12 and (a/r)^6 over all neighbours, what lies beyond ``reach`` as an integral."""
    squares, counts = fcc(reach)
    tails = [16 * np.pi * reach ** (3 - n) / (n - 3) for n in (12, 6)]
    return [float((counts * squares ** (-n / 2)).sum()) + tail for n, tail in zip((12, 6), tails, strict=True)]


def ground_state(epsilon, sigma):
    """Returns lattice constant (Å) and energy (eV per atom) of the fcc crystal, without a cutoff."""
    twelve, six = full_sums()

    def energy(a):
        return 2 * epsilon * (twelve * (sigma / a) ** 12 - six * (sigma / a) ** 6)

    def slope(a):
        return -12 * twelve * (sigma / a) ** 13 + 6 * six * (sigma / a) ** 7

    a = brentq(slope, 1.2 * sigma, 2.0 * sigma, xtol=1e-15, rtol=1e-14)
    return {"a": float(a), "energy": float(energy(a))}


def rock_salt(rho, lam):
    """Returns distance (Å), bulk modulus (eV/Å³) and energy (eV per pair) of NaCl by Born and Mayer.

    Each ion has six neighbours that repel it by lam exp(-R/rho) (Kittel, Introduction to Solid State Physics).
    """

    def energy(r):
        return 6 * lam * np.exp(-r / rho) - MADELUNG * E2 / r

    def slope(r):
        return -6 * lam / rho * np.exp(-r / rho) + MADELUNG * E2 / r**2

    r, h = brentq(slope, 1.5, 4.5, xtol=1e-15, rtol=1e-14), 1e-3
    bend = (slope(r - 2 * h) - 8 * slope(r - h) + 8 * slope(r + h) - slope(r + 2 * h)) / (12 * h)
    return {"r": float(r), "bulk": float(bend / (18 * r)), "energy": float(energy(r))}
