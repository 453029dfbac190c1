"""The energy of an fcc crystal of Lennard-Jones atoms by its lattice sum: what LAMMPS gives, to 1e-14."""

from __future__ import annotations

from itertools import product

import numpy as np

CUTOFF = 8.5
"""Å."""
ARGON = (0.0104, 3.405)
"""Epsilon (eV) and sigma (Å)."""
CONSTANTS = np.linspace(4.9, 5.8, 12)
"""Lattice constants: (12,), Å."""


def distances(a):
    """Returns the distances to all neighbours of an atom within the cutoff: (n,), Å."""
    corners = np.array(list(product(range(-4, 5), repeat=3)), dtype=float)
    sites = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    r = a * np.linalg.norm((corners[:, None] + sites).reshape(-1, 3), axis=1)
    return r[(r > 0) & (r < CUTOFF)]


def energies(epsilon, sigma, shells):
    """Returns the energies per atom, eV, of crystals by the distances in them."""
    six = [(sigma / r) ** 6 for r in shells]
    return np.array([2 * epsilon * float(np.sum(s * s - s)) for s in six])
