"""The step: beside ASE, against physics, and the same way for a system wherever it is."""

from __future__ import annotations

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
from cohobate.dynamics.making import FIRE, NVE, NVTLangevin
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
    "FIRE": lambda: FIRE(argon(), until=Convergence.from_forces(1e-2), n_steps=40),
    "FIRE + Langevin": lambda: RUNS["FIRE"]() + RUNS["Langevin"](),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_system_goes_the_same_way_alone_and_in_any_batch(name: str):
    systems = [crystal(2, seed=1), cluster(7), crystal(2, seed=2), cluster(13), cluster(4, seed=5)]
    together = batch_of(systems)
    RUNS[name]().run(together)
    for i in (1, 2, 4):
        alone = batch_of([systems[i]])
        alone["id"][0] = i
        RUNS[name]().run(alone)
        mine = together.select([i])
        for field in set(alone) - {"pairs.begin", "pairs.stamp"}:
            assert torch.equal(mine[field], alone[field]), field


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
