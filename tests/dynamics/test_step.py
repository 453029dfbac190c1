"""The step: beside ASE, against physics, and the same way for a system wherever it is."""

from __future__ import annotations

import functools
import operator

import numpy as np
import pytest
import torch
from ase import units
from ase.calculators.lj import LennardJones
from ase.md.verlet import VelocityVerlet
from ase.optimize import FIRE as AseFire

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.making import FIRE, LBFGS, NVE, GradientDescent, NVTLangevin, NVTNoseHoover
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.masking import ACCELERATION
from cohobate.dynamics.stages.stage import BUDGET_USED, CONVERGED
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal


def argon():
    return lennard_jones(EPSILON, SIGMA, CUTOFF)


def ase_of(system: AtomicData):
    atoms = system.to_ase()
    atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)
    return atoms


def total_energy(batch: Batch) -> float:
    moving = 0.5 / ACCELERATION * (batch["masses"][:, None] * batch["velocities"] ** 2).sum()
    return float(batch["energy"].sum() + moving)


def test_the_first_steps_are_those_of_ase():
    system = crystal(2)
    batch = NVE(argon(), dt=2.0).run(batch_of([system]), 3)
    atoms = ase_of(system)
    VelocityVerlet(atoms, timestep=2.0 * units.fs).run(3)
    assert batch["positions"].numpy() == pytest.approx(atoms.positions, abs=1e-10)
    assert batch["velocities"].numpy() == pytest.approx(atoms.get_velocities() * units.fs, abs=1e-12)


def test_the_energy_drifts_with_the_square_of_the_step():
    off = []
    for dt in (4.0, 2.0, 1.0):
        batch, run = batch_of([crystal(3, kelvin=60.0)]), NVE(argon(), dt=dt, n_steps=10**6)
        run.begin(batch)
        start, seen = total_energy(batch), []
        for _ in range(int(200 / dt)):
            run.step(batch)
            seen.append(total_energy(batch) - start)
        off.append(np.sqrt(np.mean(np.square(seen))))
    assert off[0] / off[1] == pytest.approx(4, rel=0.15)
    assert off[1] / off[2] == pytest.approx(4, rel=0.15)


def test_time_runs_backwards():
    system = crystal(2)
    batch = NVE(argon(), dt=2.0).run(batch_of([system]), 50)
    batch["velocities"].neg_()
    NVE(argon(), dt=2.0).run(batch, 50)
    assert batch["positions"].numpy() == pytest.approx(system["positions"], abs=1e-11)


def test_a_relaxation_takes_the_steps_of_ase():
    system = cluster(13, seed=3)
    run = FIRE(argon(), until=Convergence.from_forces(1e-3), n_steps=5000)
    batch = run.run(batch_of([system]))
    atoms = ase_of(system)
    search = AseFire(atoms, logfile=None)
    search.run(fmax=1e-3, steps=5000)
    assert batch["end"].tolist() == [CONVERGED]
    assert abs(run.step_count - search.nsteps) <= 1
    assert batch["positions"].numpy() == pytest.approx(atoms.positions, abs=1e-8)


RUNS = {
    "NVE": lambda: NVE(argon(), dt=2.0, n_steps=40),
    "Langevin": lambda: NVTLangevin(argon(), dt=2.0, temperature=40, n_steps=40),
    "Nose-Hoover": lambda: NVTNoseHoover(argon(), dt=2.0, temperature=40, tau=30.0, n_steps=40),
    "FIRE": lambda: FIRE(argon(), until=Convergence.from_forces(1e-2), n_steps=40),
    "L-BFGS": lambda: LBFGS(argon(), until=Convergence.from_forces(1e-2), n_steps=40),
    "gradient descent": lambda: GradientDescent(argon(), until=Convergence.from_forces(1e-2), n_steps=40),
    "FIRE + Langevin": lambda: RUNS["FIRE"]() + RUNS["Langevin"](),
    "all": lambda: functools.reduce(
        operator.add, [RUNS[name]() for name in ("FIRE", "Langevin", "Nose-Hoover", "L-BFGS")]
    ),
}


SYSTEMS = [crystal(2, seed=1), cluster(7), crystal(1, seed=2, noise=0.2), cluster(13), cluster(1)]
SYSTEMS.append(AtomicData({**crystal(2, seed=3), "fixed": np.arange(32) % 3 == 0}))


def some(dtype: torch.dtype, *numbers: int) -> Batch:
    """Returns systems whose ids are their numbers."""
    return batch_of([{**SYSTEMS[i], "id": [i]} for i in numbers]).to(dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("name", RUNS)
def test_a_system_goes_the_same_way_alone_and_in_any_batch(name: str, dtype: torch.dtype):
    """Also one that comes by hand between two steps, changes its place, or is held while the others go on."""
    together, run = RUNS[name]().run(some(dtype, 3, 5, 0, 4, 1, 2)), RUNS[name]()
    moved = some(dtype, 0, 1, 2)
    for _ in range(7):
        run.step(moved)
    moved = some(dtype, 3, 4).append(moved)
    for _ in range(5):
        run.step(moved)
    moved = moved.select([4, 1, 2, 0, 3]).append(some(dtype, 5))
    status, held = int(moved["status"][0]), moved.select([0])
    moved["status"][0] = 99
    for _ in range(6):
        run.step(moved)
    moved["status"][0] = status
    assert differences(moved.select([0]), held) == set()
    RUNS[name]().run(moved)
    for i in range(6):
        alone = RUNS[name]().run(some(dtype, i))
        for batch in (together, moved):
            assert differences(batch.select(batch["id"] == i), alone) == set()


def differences(one: Batch, other: Batch) -> set[str]:
    """Returns the fields in which both differ; where lists are kept, and what stands in for no cell, does not count."""
    shared = set(one) & set(other) - {"pairs.begin", "pairs.stamp"}
    assert {"positions", "forces", "energy", "steps", "end"} <= shared
    return {name for name in shared if one[name].numpy().tobytes() != other[name].numpy().tobytes()}


def test_a_system_that_comes_later_goes_the_same_way():
    run, first, later = RUNS["Langevin"](), crystal(2, seed=1), crystal(2, seed=2)
    batch = run.begin(batch_of([first]))
    for _ in range(17):
        run.step(batch)
    fresh = batch_of([later])
    fresh["id"][0] = 5
    batch = run.begin(fresh).append(batch)
    for _ in range(40):
        run.step(batch)
    alone = batch_of([later])
    alone["id"][0] = 5
    RUNS["Langevin"]().run(alone)
    assert torch.equal(batch.select([0])["positions"], alone["positions"])


def test_each_system_uses_its_own_budget():
    batch = (NVE(argon(), dt=1.0, n_steps=5) + NVE(argon(), dt=1.0, n_steps=7)).run(batch_of([cluster(3), cluster(4)]))
    assert batch["end"].tolist() == [BUDGET_USED] * 2


def test_composing_changes_neither_operand():
    relax, heat = RUNS["FIRE"](), RUNS["NVE"]()
    before = relax.stages, heat.stages
    both = relax + heat + heat
    assert (relax.stages, heat.stages) == before
    assert [stage.code for stage in both.stages] == [0, 1, 2]
    assert [stage.exit for stage in both.stages] == [1, 2, 3]


def test_a_run_that_never_ends_is_refused():
    with pytest.raises(UserError, match="never end"):
        NVE(argon(), dt=1.0).run(batch_of([cluster(2)]))


def test_dynamics_without_stages_are_refused():
    with pytest.raises(UserError, match="at least one"):
        Dynamics([])
