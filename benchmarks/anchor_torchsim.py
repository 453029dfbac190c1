"""Measures TorchSim in an environment of its own: python anchor_torchsim.py CASE STEPS; run by ``dynamics.py``.

small-nve, small-langevin, large-nve: atom-steps per second of CPU time, the neighbour list the faster of its own.
fire:FILE: seconds by the clock of relaxing the clusters of a file of numpy, 64 of them at a time.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import torch
import torch_sim as ts
from ase import Atoms
from dynamics_cases import CUTOFF, EPSILON, FMAX, KELVIN, SIGMA, SLOTS, SYSTEMS, crystal
from torch_sim.models.lennard_jones import LennardJonesModel
from torch_sim.neighbors import alchemiops_nl_cell_list, torchsim_nl, vesin_nl

LISTS = {"small": torchsim_nl, "large": alchemiops_nl_cell_list}
CPU = torch.device("cpu")


def model(cutoff: float, nearby: Any) -> LennardJonesModel:
    """Returns argon."""
    return LennardJonesModel(
        sigma=SIGMA, epsilon=EPSILON, device=CPU, dtype=torch.float64, cutoff=cutoff, neighbor_list_fn=nearby
    )


def atoms_of(given: dict[str, Any]) -> Atoms:
    """Returns a crystal as ``ase.Atoms``."""
    return Atoms(numbers=given["numbers"], positions=given["positions"], cell=given["cell"][0], pbc=True)


def rates(case: str, steps: int) -> dict[str, float]:
    """Measures steps of molecular dynamics."""
    size, ensemble = case.split("-")
    many, n = SYSTEMS[size]
    state = ts.initialize_state([atoms_of(crystal(n, seed)) for seed in range(many)], CPU, torch.float64)
    argon, kelvin = model(CUTOFF, LISTS[size]), torch.tensor(KELVIN * 8.617333e-5, dtype=torch.float64)
    begin, step = (ts.nve_init, ts.nve_step) if ensemble == "nve" else (ts.nvt_langevin_init, ts.nvt_langevin_step)
    given = {"dt": torch.tensor(0.002, dtype=torch.float64)} | ({} if ensemble == "nve" else {"kT": kelvin})
    state = step(begin(state, argon, kT=kelvin), argon, **given)
    start = time.thread_time()
    for _ in range(steps):
        state = step(state, argon, **given)
    return {f"{case}, TorchSim": state.n_atoms * steps / (time.thread_time() - start)}


def fire(path: str) -> dict[str, float]:
    """Relaxes clusters, some of them at a time."""
    held = np.load(path)
    each = [Atoms(numbers=[18] * len(one), positions=one, cell=np.eye(3) * 100, pbc=False) for one in held.values()]
    start = time.perf_counter()
    flight = ts.InFlightAutoBatcher(
        model=model(30.0, vesin_nl), memory_scales_with="n_atoms", max_memory_scaler=SLOTS * 26
    )
    state = ts.optimize(
        each,
        model(30.0, vesin_nl),
        optimizer=ts.Optimizer.fire,
        convergence_fn=ts.generate_force_convergence_fn(FMAX, include_cell_forces=False),
        autobatcher=flight,
        max_steps=5000,
    )
    return {"TorchSim": time.perf_counter() - start, "TorchSim, energy": float(state.energy.sum())}


def main() -> int:
    torch.set_num_threads(1)
    case, n = sys.argv[1], int(sys.argv[2])
    print(json.dumps(fire(case.removeprefix("fire:")) if case.startswith("fire:") else rates(case, n)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
